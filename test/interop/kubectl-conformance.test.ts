// kubectl as upstream's conformance uses it: replication controllers, pods changed in place, an application of three parts,
// and its proxies. Source: test/e2e/kubectl.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { eventually } from '../harness/eventually.ts';
import { temporaryFolder } from '../harness/temp.ts';

const cluster = await startCluster({ after });
const client = cluster.kubectl;
const IMAGE = { name: 'example.test/part:1', programs: ['node', 'sh', 'sleep'] } as const;
const OTHER = { name: 'example.test/other:1', programs: ['sh', 'sleep'] } as const;
for (const image of [IMAGE, OTHER]) await cluster.importImage(image);
await client.succeed(['create', 'namespace', 'demo']);

const kubectl = (line: string, input?: unknown): Promise<string> =>
  client.succeed(
    ['-n', 'demo', ...line.split(' ')],
    input === undefined ? {} : { input: typeof input === 'string' ? input : JSON.stringify(input) },
  );
const proxied = (path: string): Promise<string> => kubectl(`get --raw /api/v1/namespaces/demo/${path}`);

/** Answers on 6379. The frontend keeps in the primary what it is told, and reads it from a replica. */
const PROGRAM = `
const http = require('node:http');
const { PART, HOSTNAME } = process.env;
let kept = '';
http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://part');
  const ask = async (url) => (await fetch(url)).text();
  if (pathname === '/hostname') return response.end(HOSTNAME);
  if (PART === 'replica') return response.end(await ask('http://primary:6379/guestbook?cmd=get'));
  const value = searchParams.get('value') ?? '';
  const isSet = searchParams.get('cmd') === 'set';
  if (PART === 'primary') return response.end(isSet ? (kept = value) : kept);
  const host = isSet ? 'primary' : 'replica';
  response.end(JSON.stringify({ data: await ask('http://' + host + ':6379' + request.url) }));
}).listen(6379);
`;
const container = (part: string): object => ({
  name: 'part',
  image: IMAGE.name,
  imagePullPolicy: 'Never',
  command: ['node', '-e', PROGRAM],
  env: [{ name: 'PART', value: part }],
  ports: [{ containerPort: 6379 }],
  readinessProbe: { httpGet: { port: 6379, path: '/hostname' }, periodSeconds: 1, failureThreshold: 60 },
});
const template = (labels: object, part: string): object => ({
  metadata: { labels },
  spec: { terminationGracePeriodSeconds: 1, containers: [container(part)] },
});
const controller = (name: string, replicas: number): object => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name },
  spec: { replicas, selector: { name }, template: template({ name, app: 'agnhost' }, 'primary') },
});

const names = async (name: string): Promise<readonly string[]> =>
  (await kubectl(`get pods -o template --template={{range.items}}{{.metadata.name}},{{end}} -l name=${name}`)).split(',').slice(0, -1);
const RUNNING =
  '{{if (exists . "status" "containerStatuses")}}{{range .status.containerStatuses}}{{if (exists . "state" "running")}}true{{end}}{{end}}{{end}}';

/** As many pods as this, each running and answering by its name. */
async function serve(name: string, count: number): Promise<void> {
  await eventually(async () => assert.equal((await names(name)).length, count));
  await kubectl(`wait pod -l name=${name} --for=condition=Ready --timeout=180s`);
  for (const pod of await names(name)) {
    assert.equal(await client.succeed(['-n', 'demo', 'get', 'pods', pod, '-o', 'template', `--template=${RUNNING}`]), 'true');
    await eventually(async () => assert.equal(await proxied(`pods/${pod}/proxy/hostname`), pod));
  }
}

describe('kubectl with conformance’s work', { concurrency: true }, () => {
  test('a replication controller is created, scaled down and up, and stopped with all its pods', async () => {
    const demo = controller('update-demo', 2);
    await kubectl('create -f -', demo);
    await serve('update-demo', 2);
    await kubectl('scale rc update-demo --replicas=1 --timeout=5m');
    await serve('update-demo', 1);
    await kubectl('scale rc update-demo --replicas=2 --timeout=5m');
    await serve('update-demo', 2);
    await kubectl('delete --grace-period=0 --force -f -', demo);
    await eventually(async () => {
      assert.equal(await kubectl('get rc,svc -l name=update-demo --no-headers'), '');
      const left = '{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{end}}{{end}}';
      assert.equal(await client.succeed(['-n', 'demo', 'get', 'pods', '-l', 'name=update-demo', '-o', `go-template=${left}`]), '');
    });
  });

  test('a controller is exposed, its Service again; its pods are patched and labelled; all of them are described', async () => {
    await kubectl('create -f -', controller('primary-rc', 1));
    await serve('primary-rc', 1);
    await kubectl('expose rc primary-rc --name=rm2 --port=1234 --target-port=6379');
    await kubectl('expose service rm2 --name=rm3 --port=2345 --target-port=6379');
    const [pod = ''] = await names('primary-rc');
    for (const [service, port] of [
      ['rm2', 1234],
      ['rm3', 2345],
    ] as const) {
      await eventually(async () => assert.equal(await proxied(`services/${service}:${port}/proxy/hostname`), pod));
      assert.equal(
        await kubectl(`get endpointslices -l kubernetes.io/service-name=${service} -o jsonpath={.items[*].ports[*].port}`),
        '6379',
      );
    }
    await kubectl(`patch pod ${pod} -p {"metadata":{"annotations":{"x":"y"}}}`);
    assert.equal(await kubectl(`get pod ${pod} -o jsonpath={.metadata.annotations.x}`), 'y');
    await kubectl(`label pods ${pod} testing-label=testing-label-value`);
    assert.match(await kubectl(`get pod ${pod} -L testing-label`), /TESTING-LABEL\n.*testing-label-value$/m);
    await kubectl(`label pods ${pod} testing-label-`);
    assert.doesNotMatch(await kubectl(`get pod ${pod} -L testing-label`), /testing-label-value/);

    const shows = (what: string, ...lines: readonly RegExp[]): Promise<void> =>
      eventually(async () => {
        const story = await kubectl(`describe ${what}`);
        for (const line of lines) assert.match(story, line);
      });
    await shows(
      `pod ${pod}`,
      /^Node: +boat\/192\.0\.2\.1$/m,
      /^Labels: +app=agnhost$/m,
      /^Status: +Running$/m,
      /^Controlled By: +ReplicationController\/primary-rc$/m,
    );
    await shows(
      `pod ${pod}`,
      /^ +Image: +example\.test\/part:1$/m,
      /^ +State: +Running$/m,
      /^QoS Class: +BestEffort$/m,
      /^IP: +10\.244\./m,
    );
    await shows(
      'rc primary-rc',
      /^Selector: +name=primary-rc$/m,
      /^Replicas: +1 current \/ 1 desired$/m,
      /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
      /SuccessfulCreate/,
    );
    await shows(
      'service rm2',
      /^Type: +ClusterIP$/m,
      /^IP: +10\.\d+\.\d+\.\d+$/m,
      /^Port: +<unset> +1234\/TCP$/m,
      /^Endpoints: +10\.244\.\d+\.\d+:6379$/m,
      /^Session Affinity: +None$/m,
    );
    await shows(
      'node boat',
      /^Conditions:$/m,
      /^Addresses:$/m,
      /^Capacity:$/m,
      /^ +Kernel Version: +\S/m,
      /^ +Kubelet Version: +v1\.36\./m,
      /^ +OS Image: +\S/m,
      /Container Runtime Version: +containerd:/,
    );
    await shows('namespace demo', /^Name: +demo$/m, /^Status: +Active$/m, /^No LimitRange resource\.$/m);
  });

  test('a pod is run once, gets another image in place, and none in a dry run', async () => {
    const image = () => kubectl('get pod httpd -o jsonpath={.spec.containers[0].image}');
    await kubectl(`run httpd --image=${IMAGE.name} --image-pull-policy=Never --restart=Never --labels=run=httpd --command -- sleep 1000`);
    assert.equal(await kubectl('get pod httpd -o jsonpath={.spec.restartPolicy}'), 'Never');
    await kubectl('wait pod/httpd --for=condition=Ready --timeout=180s');
    const patch = JSON.stringify({ spec: { containers: [{ name: 'httpd', image: OTHER.name }] } });
    assert.match(await kubectl(`patch pod httpd -p ${patch} --dry-run=server`), /patched/);
    assert.equal(await image(), IMAGE.name);
    const current = await kubectl('get pod httpd -o json');
    await kubectl('replace -f -', current.replaceAll(`"image": "${IMAGE.name}"`, `"image": "${OTHER.name}"`));
    assert.equal(await image(), OTHER.name);
    await kubectl('delete pods httpd --now');
  });

  test('a difference between two deployments is shown, and ends with 1', async () => {
    const deployment = (image: string): object => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'differs' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'd' } },
        template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'd', image }] } },
      },
    });
    await kubectl('create -f -', deployment(IMAGE.name));
    const { code, stdout } = await client.run(['-n', 'demo', 'diff', '-f', '-'], { input: JSON.stringify(deployment(OTHER.name)) });
    assert.equal(code, 1);
    for (const line of [/^- +- image: example\.test\/part:1$/m, /^\+ +- image: example\.test\/other:1$/m]) assert.match(stdout, line);
  });

  test('an application of three parts keeps what its frontend is told, and is stopped', async () => {
    const parts = ['primary', 'replica', 'frontend'].flatMap((part) => [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: part }, spec: { selector: { part }, ports: [{ port: 6379 }] } },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: part },
        spec: { replicas: part === 'primary' ? 1 : 2, selector: { matchLabels: { part } }, template: template({ part }, part) },
      },
    ]);
    const list = { apiVersion: 'v1', kind: 'List', items: parts };
    await kubectl('create -f -', list);
    for (const part of ['primary', 'replica', 'frontend']) await kubectl(`rollout status deployment/${part} --timeout=180s`);
    const ask = (query: string): Promise<string> => proxied(`services/frontend/proxy/guestbook?${query}`);
    await eventually(async () => assert.equal(await ask('cmd=get&key=messages'), '{"data":""}'));
    await ask('cmd=set&key=messages&value=TestEntry');
    await eventually(async () => assert.equal(await ask('cmd=get&key=messages'), '{"data":"TestEntry"}'));
    await kubectl('delete --grace-period=0 --force -f -', list);
    for (const part of ['primary', 'frontend']) await kubectl(`wait pod --for=delete -l part=${part} --timeout=120s`);
  });

  test('the proxy serves the API on a port of its choice and on a socket, and names what there is', async (t) => {
    const proxy = client.start(['proxy', '-p', '0', '--disable-filter']);
    const port = /^Starting to serve on 127\.0\.0\.1:(\d+)$/.exec(await proxy.line(/^Starting to serve on/))?.[1];
    const { versions } = (await (await fetch(`http://127.0.0.1:${port}/api/`)).json()) as { readonly versions: readonly string[] };
    assert.deepEqual(versions, ['v1']);
    const socketPath = join(temporaryFolder(t), 'test');
    const onSocket = client.start(['proxy', `--unix-socket=${socketPath}`]);
    await onSocket.line(/^Starting to serve on/);
    assert.ok(existsSync(socketPath));
    const response = await new Promise<IncomingMessage>((done, fail) =>
      get({ socketPath, path: '/api/', headers: { host: 'localhost' } }, done).on('error', fail),
    );
    const answer = await text(response);
    assert.deepEqual((JSON.parse(answer) as { readonly versions: readonly string[] }).versions, ['v1']);
    assert.match(await kubectl('api-versions'), /^v1$/m);
    assert.match(await kubectl('cluster-info'), /Kubernetes control plane.* is running at/);
    assert.match(await kubectl('version'), /^Client Version: v[^]*^Server Version: v1\.36\.\d/m);
  });
});
