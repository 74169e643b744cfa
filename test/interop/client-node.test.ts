// The official JavaScript client against a cluster as a user has it.
import { startCluster } from '../harness/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import {
  type ApiException,
  AppsV1Api,
  Attach,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import assert from 'node:assert/strict';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';

const NAMESPACE = 'default';
const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/tools:1', programs: ['node', 'sh', 'cat'] });
const config = new KubeConfig();
config.loadFromFile(cluster.kubeconfig);
const core = config.makeApiClient(CoreV1Api);

/** Resolves once the stream has given this. */
async function gives(stream: Readable, wanted: RegExp): Promise<string> {
  let given = '';
  for await (const chunk of stream) {
    given += String(chunk);
    if (wanted.test(given)) return given;
  }
  throw new Error(`ended without ${String(wanted)}: ${given}`);
}

const refused = (code: number, reason: string) => (error: unknown) => {
  const { code: seen, body } = error as ApiException<string | V1Status>;
  const status = (typeof body === 'string' ? JSON.parse(body) : body) as V1Status;
  return seen === code && status.reason === reason;
};

test('objects are made, patched in every way, replaced and deleted', async () => {
  const name = 'one';
  const made = await core.createNamespacedConfigMap({
    namespace: NAMESPACE,
    body: { metadata: { name, labels: { a: '1' } }, data: { x: '1' } },
  });
  assert.ok(made.metadata?.creationTimestamp instanceof Date);
  await assert.rejects(
    core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name } } }),
    refused(409, 'AlreadyExists'),
  );
  const patch = (strategy: string, body: object) =>
    core.patchNamespacedConfigMap({ name, namespace: NAMESPACE, body, fieldManager: 'test' }, setHeaderOptions('Content-Type', strategy));
  assert.deepEqual((await patch(PatchStrategy.JsonPatch, [{ op: 'add', path: '/data/y', value: '2' }])).data, { x: '1', y: '2' });
  assert.deepEqual((await patch(PatchStrategy.MergePatch, { data: { x: null } })).data, { y: '2' });
  assert.deepEqual((await patch(PatchStrategy.StrategicMergePatch, { data: { z: '3' } })).data, { y: '2', z: '3' });
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { own: '4' } };
  assert.deepEqual((await patch(PatchStrategy.ServerSideApply, applied)).data, { own: '4', y: '2', z: '3' });
  const read = await core.readNamespacedConfigMap({ name, namespace: NAMESPACE });
  assert.ok(read.metadata?.managedFields?.some(({ manager, operation }) => manager === 'test' && operation === 'Apply'));
  await core.replaceNamespacedConfigMap({ name, namespace: NAMESPACE, body: { ...read, data: { only: '5' } } });
  await assert.rejects(core.replaceNamespacedConfigMap({ name, namespace: NAMESPACE, body: read }), refused(409, 'Conflict'));
  await core.deleteNamespacedConfigMap({ name, namespace: NAMESPACE });
  await assert.rejects(core.readNamespacedConfigMap({ name, namespace: NAMESPACE }), refused(404, 'NotFound'));
});

test('an informer holds what matches its selector, through changes and lists in pages', async () => {
  const labels = { informed: 'yes' };
  const create = (name: string) => core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name, labels } } });
  for (const name of ['i-0', 'i-1', 'i-2']) await create(name);
  const page = await core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'informed=yes', limit: 2 });
  assert.equal(page.items.length, 2);
  const rest = await core.listNamespacedConfigMap({
    namespace: NAMESPACE,
    labelSelector: 'informed=yes',
    _continue: page.metadata?._continue ?? '',
  });
  assert.equal(rest.items[0]?.metadata?.name, 'i-2');

  const list = () => core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'informed=yes' });
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${NAMESPACE}/configmaps`, list, 'informed=yes');
  const seen: string[] = [];
  for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, ({ metadata }) => void seen.push(`${verb} ${metadata?.name}`));
  await informer.start();
  try {
    assert.deepEqual(seen, ['add i-0', 'add i-1', 'add i-2']);
    await create('i-3');
    await core.patchNamespacedConfigMap(
      { name: 'i-0', namespace: NAMESPACE, body: { data: { a: '1' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    await core.patchNamespacedConfigMap(
      { name: 'i-1', namespace: NAMESPACE, body: { metadata: { labels: { informed: null } } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ name: 'i-2', namespace: NAMESPACE });
    await eventually(async () => assert.deepEqual(seen.slice(3), ['add i-3', 'update i-0', 'delete i-1', 'delete i-2']));
    assert.deepEqual(new Set(informer.list(NAMESPACE).map(({ metadata }) => metadata?.name)), new Set(['i-0', 'i-3']));
    assert.deepEqual(informer.get('i-0', NAMESPACE)?.data, { a: '1' });
  } finally {
    await informer.stop();
  }
});

test('a watch from an old resource version brings everything since, and bookmarks are taken', async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace: NAMESPACE });
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name: 'w' } } });
  await core.deleteNamespacedConfigMap({ name: 'w', namespace: NAMESPACE });
  const types: string[] = [];
  const query = { resourceVersion: metadata?.resourceVersion, allowWatchBookmarks: true, fieldSelector: 'metadata.name=w' };
  const abort = await new Watch(config).watch(
    `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    query,
    (type) => void types.push(type),
    () => {},
  );
  await eventually(async () => assert.deepEqual(types.slice(0, 2), ['ADDED', 'DELETED']));
  abort.abort();
});

test('kinds are found by discovery, custom ones too', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const group = 'client-node.example.com';
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } },
  };
  await objects.create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  } as never);
  const thing = { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'a', namespace: NAMESPACE }, spec: { size: 3 } };
  await eventually(async () => void (await objects.patch(thing, undefined, undefined, 'test', true, PatchStrategy.ServerSideApply)));
  const found = await config
    .makeApiClient(CustomObjectsApi)
    .listNamespacedCustomObject({ group, version: 'v1', namespace: NAMESPACE, plural: 'things' });
  assert.equal((found as { items: (typeof thing)[] }).items[0]?.spec.size, 3);
  const wrong = { ...thing, spec: { size: 'x' } };
  await assert.rejects(objects.replace(wrong as never), refused(422, 'Invalid'));
});

test('a pod is spoken with: exec, attach, logs and forwarded ports', async () => {
  const program = `console.log('begins'); process.stdin.on('data', (d) => console.log('heard ' + d));
    require('http').createServer((q, r) => r.end('page ' + q.url)).listen(8080, () => console.log('listens'));`;
  const container = { name: 'main', image: 'example.test/tools:1', stdin: true, command: ['node', '-e', program] };
  const template = { metadata: { labels: { app: 'spoken' } }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  await config.makeApiClient(AppsV1Api).createNamespacedDeployment({
    namespace: NAMESPACE,
    body: { metadata: { name: 'spoken' }, spec: { selector: { matchLabels: { app: 'spoken' } }, template } },
  });
  let name = '';
  await eventually(async () => {
    const { items } = await core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: 'app=spoken' });
    assert.equal(items[0]?.status?.phase, 'Running');
    name = items[0]?.metadata?.name ?? '';
  });
  await eventually(async () => {
    const log = new PassThrough();
    await new Log(config).log(NAMESPACE, name, 'main', log, { tailLines: 2 });
    assert.equal(await text(log), 'begins\nlistens\n');
  });

  const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = new Promise<V1Status>((resolve, reject) => {
    new Exec(config).exec(NAMESPACE, name, 'main', ['sh', '-c', 'cat; echo no >&2; exit 3'], out, err, input, false, resolve).catch(reject);
  });
  input.end('through and back');
  const [status, said, failed] = await Promise.all([ended, gives(out, /back/), gives(err, /no\n/)]);
  assert.deepEqual([said, failed], ['through and back', 'no\n']);
  assert.deepEqual([status.status, status.reason, status.details?.causes?.[0]?.message], ['Failure', 'NonZeroExitCode', '3']);

  const [attached, typed] = [new PassThrough(), new PassThrough()];
  const socket = await new Attach(config).attach(NAMESPACE, name, 'main', attached, null, typed, false);
  typed.write('a word');
  assert.match(await gives(attached, /heard/), /heard a word/);
  socket.close();

  const [page, asked] = [new PassThrough(), new PassThrough()];
  const forwarded = await new PortForward(config).portForward(NAMESPACE, name, [8080], page, null, asked);
  asked.write('GET /there HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n');
  assert.match(await gives(page, /page/), /page \/there/);
  if ('close' in forwarded) forwarded.close();
});
