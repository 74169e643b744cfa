// The real kubectl on what it reads discovery, OpenAPI and tables for.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeClient } from '#test/harness/kubectl.ts';
import { Scope } from '#test/harness/scope.ts';
import { defaultPrinters } from '../printers/default-printers.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { openapiRoutes } from './routes.ts';
import { adminKubectl } from './testing.ts';

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
`;
const WITH_MISTAKE = DEPLOYMENT.replace('image:', 'portz: 1, image:');

const scope = new Scope();
let server: TestServer;
let client: KubeClient;
before(async () => {
  server = await startTestServer({ parts: ({ schema }) => ({ printers: defaultPrinters, routes: openapiRoutes(schema) }) });
  client = await adminKubectl(scope, server);
});
after(async () => {
  await server.stop();
  await scope[Symbol.asyncDispose]();
});

describe('kubectl', () => {
  test('explains kinds, fields, values and what is required', async () => {
    assert.match(
      await client.succeed(['explain', 'deployment']),
      /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n[\s\S]*\n {2}spec\t<DeploymentSpec>\n/,
    );
    const containers = await client.succeed(['explain', 'pods.spec.containers']);
    assert.match(containers, /^FIELD: containers <\[\]Container>$/m);
    assert.match(containers, /^ {2}name\t<string> -required-\n {4}Name of the container, unique within the pod\.$/m);
    assert.match(await client.succeed(['explain', 'pod.spec.restartPolicy']), /ENUM:\n {4}Always\n {4}Never\n {4}OnFailure\n/);
    assert.match(await client.succeed(['explain', 'node.status.allocatable']), /<map\[string\]Quantity>/);
    assert.match(await client.succeed(['explain', 'hpa', '--recursive']), /^ {6}scaleDown\t<HPAScalingRules>$/m);
    assert.match(await client.succeed(['explain', 'hpa', '--api-version=autoscaling/v1']), /^VERSION: +v1$/m);
    assert.match((await client.run(['explain', 'pod.nothing'])).stderr, /field "nothing" does not exist/);
  });

  test('explains from OpenAPI v2 in protobuf too', async () => {
    const deployment = await client.succeed(['explain', 'deployment.spec', '--output=plaintext-openapiv2']);
    assert.match(deployment, /^RESOURCE: spec <Object>$/m);
    assert.match(deployment, /^ {3}template\t<Object> -required-$/m);
  });

  test('has the server validate what it applies', async () => {
    const strict = await client.run(['apply', '--validate=strict', '--filename=-'], { input: WITH_MISTAKE });
    assert.deepEqual(
      [strict.code, /strict decoding error: unknown field "spec\.template\.spec\.containers\[0\]\.portz"/.test(strict.stderr)],
      [1, true],
      strict.stderr,
    );
    const warned = await client.run(['apply', '--validate=warn', '--filename=-'], { input: WITH_MISTAKE });
    assert.deepEqual([warned.code, warned.stderr], [0, 'Warning: unknown field "spec.template.spec.containers[0].portz"\n']);
    assert.match(
      await client.succeed(['apply', '--filename=-'], { input: DEPLOYMENT.replace('replicas: 2', 'replicas: 3') }),
      /configured/,
    );
    assert.equal(
      (await client.run(['diff', '--filename=-'], { input: DEPLOYMENT.replace('replicas: 2', 'replicas: 3') })).code,
      0,
      'nothing differs',
    );
  });

  test('shows tables, wide ones too', async () => {
    await client.succeed(['create', 'deployment', 'shown', '--image=nginx:1', '--replicas=2']);
    assert.match(
      await client.succeed(['get', 'deployment', 'shown']),
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nshown +0\/2 +0 +0 +\d+s\n$/,
    );
    assert.match(
      await client.succeed(['get', 'deployment', 'shown', '--output=wide']),
      /CONTAINERS +IMAGES +SELECTOR\n.* nginx +nginx:1 +app=shown\n$/,
    );
    await client.succeed(['create', 'service', 'clusterip', 'shown', '--tcp=80:8080']);
    assert.match(
      await client.succeed(['get', 'service', 'shown']),
      /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nshown +ClusterIP +10\.\S+ +<none> +80\/TCP +\d+s\n$/,
    );
    await client.succeed(['run', 'shown', '--image=nginx:1']);
    assert.match(await client.succeed(['get', 'pod', 'shown']), /^NAME +READY +STATUS +RESTARTS +AGE\nshown +0\/1 +Pending +0 +\d+s\n$/);
    await client.succeed(['create', 'role', 'shown', '--verb=get', '--resource=pods']);
    assert.match(await client.succeed(['get', 'role', 'shown']), /^NAME +CREATED AT\nshown +\d{4}-\d\d-\d\dT[\d:]+Z\n$/);
  });

  test('lists what there is, with short names, verbs and categories', async () => {
    const lines = (await client.succeed(['api-resources', '--output=wide', '--no-headers']))
      .split('\n')
      .map((line) => line.trim().split(/ +/).join(' '));
    for (const line of [
      'pods po v1 true Pod create,delete,deletecollection,get,list,patch,update,watch all',
      'namespaces ns v1 false Namespace create,delete,get,list,patch,update,watch',
      'customresourcedefinitions crd,crds apiextensions.k8s.io/v1 false CustomResourceDefinition create,delete,deletecollection,get,list,patch,update,watch api-extensions',
      'horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler create,delete,deletecollection,get,list,patch,update,watch all',
      'tokenreviews authentication.k8s.io/v1 false TokenReview create',
    ]) {
      assert.ok(lines.includes(line), line);
    }
  });
});
