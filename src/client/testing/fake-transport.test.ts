import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, isStatusError } from '#apimachinery/errors.ts';
import type { Pod } from '#api/types.ts';
import { configmaps, deployments, namespaces, nodes, pods } from '#api/resources.ts';
import { ManualClock } from '#base/clock.ts';
import { ConnectionError } from '../contract.ts';
import { fakeClient } from '../testing.ts';

const NS = 'default';
const pod = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: NS },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

test('fakeTransport create sets what the server owns and drops a status', async () => {
  const { client } = fakeClient({ clock: new ManualClock(Date.UTC(2026, 0, 2)) });
  const created = await client.create(pods, { ...pod('a'), status: { phase: 'Running' } });
  assert.equal(created.metadata.creationTimestamp, '2026-01-02T00:00:00Z');
  assert.equal(created.metadata.generation, 1);
  assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.deepEqual(created.status, { phase: 'Pending' });
  assert.equal(created.apiVersion, 'v1');
});

test('fakeTransport stored objects cannot be changed by a consumer', async () => {
  const { client } = fakeClient();
  const created = await client.create(pods, pod('a'));
  assert.throws(() => {
    (created.spec as { nodeName?: string }).nodeName = 'n';
  }, TypeError);
});

test('fakeTransport update of the object keeps the status and update of the status keeps the spec', async () => {
  const { client, server } = fakeClient();
  server.seed(deployments, { metadata: { name: 'd', namespace: NS, generation: 1 }, spec: { replicas: 1 }, status: { replicas: 1 } });
  const read = await client.get(deployments, { name: 'd', namespace: NS });
  const scaled = await client.update(deployments, { ...read, spec: { ...read.spec, replicas: 2 }, status: { replicas: 9 } });
  assert.deepEqual([scaled.spec.replicas, scaled.status.replicas, scaled.metadata.generation], [2, 1, 2]);
  const observed = await client.update(
    deployments,
    { ...scaled, spec: { ...scaled.spec, replicas: 7 }, status: { replicas: 2 } },
    { subresource: 'status' },
  );
  assert.deepEqual([observed.spec.replicas, observed.status.replicas, observed.metadata.generation], [2, 2, 2]);
});

test('fakeTransport scale reads and writes spec.replicas', async () => {
  const { client, server } = fakeClient();
  server.seed(deployments, { metadata: { name: 'd', namespace: NS, generation: 1 }, spec: { replicas: 1 }, status: { replicas: 1 } });
  await client.patch(
    deployments,
    { name: 'd', namespace: NS },
    { type: 'merge', body: { spec: { replicas: 4 } } },
    { subresource: 'scale' },
  );
  assert.equal((await client.get(deployments, { name: 'd', namespace: NS })).spec.replicas, 4);
});

test('fakeTransport delete of a pod on a node waits for the kubelet', async () => {
  const { client, server } = fakeClient({ clock: new ManualClock(Date.UTC(2026, 0, 2)) });
  server.seed(pods, pod('a', { nodeName: 'n' }), pod('b'));
  await client.delete(pods, { name: 'a', namespace: NS });
  await client.delete(pods, { name: 'b', namespace: NS });
  const [left, ...rest] = server.stored(pods);
  assert.deepEqual(rest, []);
  assert.equal(left?.metadata.deletionTimestamp, '2026-01-02T00:00:30Z');
  await client.delete(pods, { name: 'a', namespace: NS }, { gracePeriodSeconds: 0 });
  assert.deepEqual(server.stored(pods), []);
});

test('fakeTransport delete with a finalizer waits until it is removed', async () => {
  const { client, server } = fakeClient();
  server.seed(configmaps, { metadata: { name: 'c', namespace: NS, finalizers: ['example.com/hold'] } });
  await client.delete(configmaps, { name: 'c', namespace: NS });
  assert.notEqual(server.stored(configmaps)[0]?.metadata.deletionTimestamp, undefined);
  await client.patch(configmaps, { name: 'c', namespace: NS }, { type: 'merge', body: { metadata: { finalizers: null } } });
  assert.deepEqual(server.stored(configmaps), []);
});

test('fakeTransport delete of a namespace marks it until it is finalized', async () => {
  const { client, server } = fakeClient();
  const created = await client.create(namespaces, { metadata: { name: 'web' } });
  await client.delete(namespaces, { name: 'web' });
  assert.equal(server.stored(namespaces)[0]?.status.phase, 'Terminating');
  await client.update(namespaces, { ...created, metadata: { name: 'web' }, spec: {} }, { subresource: 'finalize' });
  assert.deepEqual(server.stored(namespaces), []);
});

test('fakeTransport delete honours preconditions', async () => {
  const { client, server } = fakeClient();
  server.seed(configmaps, { metadata: { name: 'c', namespace: NS } });
  const refusal = client.delete(configmaps, { name: 'c', namespace: NS }, { preconditions: { uid: 'other' } });
  await assert.rejects(refusal, (error) => isStatusError(error, 'Conflict') && error.message.includes('Precondition failed: UID'));
});

test('fakeTransport binding assigns a pod once', async () => {
  const { client, server } = fakeClient();
  server.seed(pods, pod('a'));
  const bind = async (node: string): Promise<unknown> =>
    client.createSubresource(pods, { name: 'a', namespace: NS }, 'binding', { target: { kind: 'Node', name: node } });
  await bind('n1');
  assert.equal(server.stored(pods)[0]?.spec.nodeName, 'n1');
  await assert.rejects(
    bind('n2'),
    (error) => isStatusError(error, 'Conflict') && error.message.includes('pod a is already assigned to node "n1"'),
  );
});

test('fakeTransport failNext refuses as often as asked and changes nothing', async () => {
  const { client, server } = fakeClient();
  const refusal = conflict(pods, 'a', 'try again');
  server.failNext({ verb: 'create', resource: 'pods' }, refusal, 2);
  await client.create(configmaps, { metadata: { name: 'c', namespace: NS } });
  await assert.rejects(client.create(pods, pod('a')), refusal);
  await assert.rejects(client.create(pods, pod('a')), refusal);
  await client.create(pods, pod('a'));
  assert.deepEqual(server.writes(), [
    'create configmaps default/c',
    'create pods default/a',
    'create pods default/a',
    'create pods default/a',
  ]);
});

test('fakeTransport holdNext keeps an answer back until released', async () => {
  const { client, server } = fakeClient();
  const release = server.holdNext({ verb: 'create' });
  const held = client.create(pods, pod('a'));
  await client.create(pods, pod('b'));
  assert.deepEqual(
    server.stored(pods).map(({ metadata }) => metadata.name),
    ['b'],
  );
  release();
  await held;
  assert.equal(server.stored(pods).length, 2);
});

test('fakeTransport react answers in place of the fake', async () => {
  const { client, server } = fakeClient();
  server.react({ verb: 'create', resource: 'serviceaccounts', subresource: 'token' }, () => ({ status: { token: 't' } }));
  const sa = { group: '', version: 'v1', resource: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
  assert.deepEqual(await client.createSubresource(sa, { name: 'default', namespace: NS }, 'token', {}), { status: { token: 't' } });
});

test('fakeTransport offline fails requests and open watches with ConnectionError', async () => {
  const { client, server } = fakeClient();
  const watching = client.watch(pods, { resourceVersion: server.resourceVersion }).next();
  server.setOffline(true);
  await assert.rejects(watching, ConnectionError);
  await assert.rejects(client.list(pods), ConnectionError);
  server.setOffline(false);
  assert.deepEqual((await client.list(pods)).items, []);
});

test('fakeTransport change writes as another client would', async () => {
  const { client, server } = fakeClient();
  const [seeded] = server.seed(pods, pod('a'));
  const stream = client.watch(pods, { resourceVersion: seeded?.metadata.resourceVersion ?? '' });
  server.change<Pod>(pods, 'a', NS, (object) => ({ ...object, status: { phase: 'Running' } }));
  const { value } = await stream.next();
  assert.deepEqual([value.type, value.object.status], ['MODIFIED', { phase: 'Running' }]);
  await stream.return?.();
  assert.equal(server.openWatches, 0);
  assert.deepEqual(server.writes(), []);
});

test('fakeTransport node creation keeps the status', async () => {
  const { client } = fakeClient();
  const node = await client.create(nodes, { metadata: { name: 'n' }, status: { capacity: { cpu: '2' } } });
  assert.deepEqual(node.status, { capacity: { cpu: '2' } });
});
