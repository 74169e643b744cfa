// The real kubectl against a server over TLS.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kubectl, type KubeClient } from '#test/harness/kubectl.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { startTestServer, type TestServer } from './testing.ts';

let server: TestServer;
let client: KubeClient;
const file = { after };
const kubeconfig = join(temporaryFolder(file), 'kubeconfig');
before(async () => {
  server = await startTestServer();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      clusters: [{ name: 'test', cluster: { server: server.url, 'certificate-authority-data': base64(server.authority.certificate) } }],
      users: [
        {
          name: 'admin',
          user: { 'client-certificate-data': base64(server.admin.certificate), 'client-key-data': base64(server.admin.key) },
        },
      ],
    }),
  );
});
after(() => server.stop());
const ready = kubectl(file, kubeconfig);
before(async () => {
  client = await ready;
});

const MANIFEST = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {colour: blue}
---
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

const CONTROLLER = `
apiVersion: v1
kind: ReplicationController
metadata: {name: primary}
spec:
  replicas: 0
  selector: {app: primary}
  template:
    metadata: {labels: {app: primary}}
    spec: {containers: [{name: main, image: "example.test/a:1"}]}
`;

/** Accepted, each with something to say about it. */
const WARNED_OF = `
{apiVersion: v1, kind: Endpoints, metadata: {name: warned}}
---
apiVersion: v1
kind: Service
metadata: {name: warned}
spec: {clusterIP: None, sessionAffinity: ClientIP, externalIPs: [192.0.2.1], selector: {a: b}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: warned}
spec:
  nodeSelector: {beta.kubernetes.io/os: linux}
  volumes: [{name: v, configMap: {name: c, items: [{key: a, path: a}, {key: b, path: a/b}]}}]
  containers:
    - name: c
      image: "nginx:1"
      env: [{name: A, value: "1"}, {name: A, value: "2"}]
      ports: [{containerPort: 80}, {containerPort: 80}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: warned}
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: "nginx:1", resources: {limits: {memory: 100m}}}]}
`;

const refused = async (args: readonly string[], message: RegExp, input?: string): Promise<void> => {
  const { code, stderr } = await client.run(args, input === undefined ? {} : { input });
  assert.equal(code, 1, stderr);
  assert.match(stderr, message);
};

describe('kubectl', () => {
  test('knows the server and what it serves', async () => {
    assert.match(await client.succeed(['version']), /Server Version: v1\.36\./);
    const resources = await client.succeed(['api-resources', '--no-headers']);
    assert.match(resources, /^deployments +deploy +apps\/v1 +true +Deployment$/m);
    assert.match(await client.succeed(['api-versions']), /^apps\/v1$/m);
  });

  test('learns the fields of kinds and checks manifests by them', async () => {
    assert.match(await client.succeed(['explain', 'deployment.spec.replicas']), /FIELD: replicas <integer>/);
    await refused(
      ['apply', '--filename=-'],
      /unknown field "colour"/,
      MANIFEST.split('---')[0]?.replace('\ndata:', '\ncolour: red\ndata:'),
    );
    const bad = MANIFEST.split('---')[0]?.replace('data: {colour: blue}', 'data: [blue]');
    await refused(
      ['apply', '--filename=-'],
      /json: cannot unmarshal array into Go struct field ConfigMap\.data of type map\[string\]string/,
      bad,
    );
  });

  test('applies a manifest, changes it, and deletes it', async () => {
    const apply = ['apply', '--filename=-'];
    assert.equal(await client.succeed(apply, { input: MANIFEST }), 'configmap/settings created\ndeployment.apps/web created\n');
    assert.equal(await client.succeed(apply, { input: MANIFEST }), 'configmap/settings unchanged\ndeployment.apps/web unchanged\n');
    assert.equal(
      await client.succeed(apply, { input: MANIFEST.replace('blue', 'red') }),
      'configmap/settings configured\ndeployment.apps/web unchanged\n',
    );
    assert.equal(await client.succeed(['get', 'configmap', 'settings', '--output=jsonpath={.data.colour}']), 'red');
    const scale = await client.succeed(['get', 'deployment', 'web', '--subresource=scale']);
    assert.match(scale, /^NAME +DESIRED +AVAILABLE +AGE\nweb +2 +0 +\d+s\n$/);
    await client.succeed(['scale', 'deployment/web', '--replicas=5']);
    await client.succeed(['set', 'image', 'deployment/web', 'web=nginx:2']);
    assert.match(await client.succeed(['get', 'deployments']), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/5 +0 +0 +/);
    const deployment = await client.json<{
      metadata: { generation: number };
      spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
    }>(['get', 'deployment', 'web']);
    assert.deepEqual(
      [deployment.metadata.generation, deployment.spec.replicas, deployment.spec.template.spec.containers[0]?.image],
      [3, 5, 'nginx:2'],
    );
    assert.equal(
      await client.succeed(['delete', '--filename=-'], { input: MANIFEST }),
      'configmap "settings" deleted from default namespace\ndeployment.apps "web" deleted from default namespace\n',
    );
  });

  test('applies on the server, where whoever scaled keeps the replicas', async () => {
    const apply = ['apply', '--server-side', '--filename=-'];
    const applied = 'configmap/settings serverside-applied\ndeployment.apps/web serverside-applied\n';
    assert.equal(await client.succeed(apply, { input: MANIFEST }), applied);
    await client.succeed(['scale', 'deployment/web', '--replicas=5']);
    await refused(
      apply,
      /Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
      MANIFEST,
    );
    assert.equal(await client.succeed([...apply, '--force-conflicts'], { input: MANIFEST }), applied);
    assert.equal(await client.succeed(['get', 'deployment', 'web', '--output=jsonpath={.spec.replicas}']), '2');
    await client.succeed(['delete', '--filename=-'], { input: MANIFEST });
  });

  test('creates in protobuf, patches in every form, labels and edits', async () => {
    await client.succeed(['create', 'configmap', 'c', '--from-literal=a=1']);
    await client.succeed(['patch', 'configmap', 'c', '--patch={"data":{"b":"2"}}']);
    await client.succeed(['patch', 'configmap', 'c', '--type=merge', '--patch={"data":{"c":"3"}}']);
    await client.succeed(['patch', 'configmap', 'c', '--type=json', '--patch=[{"op":"remove","path":"/data/a"}]']);
    await client.succeed(['label', 'configmap', 'c', 'x=y']);
    await client.succeed(['annotate', 'configmap', 'c', 'note=hello']);
    const object = await client.json<{ data: object; metadata: { labels: object; annotations: object } }>(['get', 'configmap', 'c']);
    assert.deepEqual(
      [object.data, object.metadata.labels, object.metadata.annotations],
      [{ b: '2', c: '3' }, { x: 'y' }, { note: 'hello' }],
    );
  });

  test('watches', async () => {
    const watching = client.start(['get', 'configmaps', '--watch', '--output=name', '--selector=watched=yes']);
    await client.succeed(['create', 'configmap', 'w1', '--from-literal=a=1']);
    await client.succeed(['label', 'configmap', 'w1', 'watched=yes']);
    await watching.line(/^configmap\/w1$/);
    await watching.stop();
  });

  test('exposes a service that gets its address', async () => {
    await client.succeed(['create', 'service', 'nodeport', 'web', '--tcp=80:8080']);
    const { spec } = await client.json<{ spec: { clusterIP: string; ports: { nodePort: number }[] } }>(['get', 'service', 'web']);
    assert.match(spec.clusterIP, /^10\.(9[6-9]|1[01]\d)\./);
    assert.ok((spec.ports[0]?.nodePort ?? 0) >= 30_000);
  });

  test('says who it is and what it may', async () => {
    assert.match(await client.succeed(['auth', 'whoami']), /Username +admin/);
    assert.equal(await client.succeed(['auth', 'can-i', 'delete', 'nodes']), 'yes\n');
  });

  test('tells the user what the server refuses', async () => {
    await refused(['get', 'configmap', 'nothing'], /^Error from server \(NotFound\): configmaps "nothing" not found\n$/);
    await refused(['create', 'configmap', 'c'], /^error: failed to create configmap: configmaps "c" already exists\n$/);
    await refused(
      ['create', '--filename=-'],
      /^The Deployment "bad" is invalid: [\s\S]*spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
      MANIFEST.split('---')[1]?.replace('name: web}\nspec', 'name: bad}\nspec').replace('{labels: {app: web}}', '{labels: {app: other}}'),
    );
  });

  test('does to pods and controllers what conformance has it do', async () => {
    const says = async (line: string, output: RegExp, input?: string): Promise<void> =>
      assert.match(await client.succeed(line.split(' '), input === undefined ? {} : { input }), output);
    const image = 'get pod walker --output=jsonpath={.spec.containers[0].image}';
    await says('api-versions', /^v1$/m);
    await says('run walker --image=example.test/a:1 --labels=run=walker --restart=Never', /created/);
    await says(image, /^example\.test\/a:1$/);
    const patch = JSON.stringify({ spec: { containers: [{ name: 'walker', image: 'example.test/b:1' }] } });
    await says(`patch pod walker --patch ${patch} --dry-run=server`, /patched/);
    await says(image, /^example\.test\/a:1$/);
    const pod = await client.succeed(['get', 'pod', 'walker', '--output=json']);
    await says('replace -f -', /pod\/walker replaced/, pod.replaceAll('example.test/a:1', 'example.test/c:1'));
    await says(image, /^example\.test\/c:1$/);
    await says('label pods walker testing-label=testing-label-value', /labeled/);
    await says('get pod walker -L testing-label', /TESTING-LABEL\n.*testing-label-value/);
    await says('label pods walker testing-label-', /unlabeled/);
    assert.doesNotMatch(await client.succeed(['get', 'pod', 'walker', '-L', 'testing-label']), /testing-label-value/);
    await says('describe pod walker', /Name: +walker\n[^]*Labels: +run=walker\n[^]*Image: +example\.test\/c:1/);

    await says('create -f -', /replicationcontroller\/primary created/, CONTROLLER);
    await says('describe rc primary', /Selector: +app=primary\n[^]*Replicas: +0 current \/ 0 desired/);
    await says('expose rc primary --name=rm2 --port=1234 --target-port=6379', /service\/rm2 exposed/);
    await says('expose service rm2 --name=rm3 --port=2345 --target-port=6379', /service\/rm3 exposed/);
    await says('get service rm3 -o jsonpath={.spec.selector.app}:{.spec.ports[0].port}:{.spec.ports[0].targetPort}', /^primary:2345:6379$/);
    await says('scale rc primary --replicas=3 --timeout=0', /scaled/);
    const differing = await client.run(['diff', '-f', '-'], { input: CONTROLLER.replace('a:1', 'z:1') });
    assert.equal(differing.code, 1, differing.stderr);
    assert.match(differing.stdout, /^-.*example\.test\/a:1[^]*^\+.*example\.test\/z:1/m);
  });

  test('proxies over a socket of the file system', async () => {
    const path = join(temporaryFolder(file), 'proxy.sock');
    const proxy = client.start(['proxy', `--unix-socket=${path}`]);
    await proxy.line(/Starting to serve on/);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ socketPath: path, path: '/api/' }, resolve).on('error', reject);
    });
    const body = (await answer.setEncoding('utf8').toArray()).join('');
    assert.equal((JSON.parse(body) as { readonly kind: string }).kind, 'APIVersions');
  });

  test('prints what the server warns of', async () => {
    const { code, stderr } = await client.run(['create', '-f', '-'], { input: WARNED_OF });
    assert.equal(code, 0, stderr);
    assert.deepEqual(stderr.trim().split('\n').toSorted(), [
      'Warning: spec.SessionAffinity is ignored for headless services',
      'Warning: spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
      'Warning: spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
      'Warning: spec.externalIPs is ignored for headless services',
      'Warning: spec.jobTemplate.spec.template.spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
      'Warning: spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
      'Warning: volume "v" (ConfigMap "c"): overlapping paths: "a/b" with "a"',
    ]);
  });

  test('deletes a namespace in two steps', async () => {
    await client.succeed(['create', 'namespace', 'two-steps']);
    await client.succeed(['delete', 'namespace', 'two-steps', '--wait=false']);
    assert.equal(await client.succeed(['get', 'namespace', 'two-steps', '--output=jsonpath={.status.phase}']), 'Terminating');
  });
});
