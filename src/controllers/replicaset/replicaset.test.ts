import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound, StatusError } from '#apimachinery/errors.ts';
import { pods, replicasets } from '#api/resources.ts';
import { startController } from '../testing.ts';
import { replicaSetController } from './controller.ts';
import { deletionOrder } from './deletion-order.ts';
import { planReplicas } from './plan.ts';
import { reconcileReplicaSet } from './reconcile.ts';
import { replicaSetStatus } from './status.ts';
import { fakeDeps, observed, pod, type PodFacts, replicaSet } from './testing.ts';

for (const c of [
  { name: 'creates what is missing', want: 3, pods: [pod('a')], plan: { kind: 'create', count: 2 } },
  { name: 'creates at most 500 in one pass', want: 900, pods: [], plan: { kind: 'create', count: 500 } },
  { name: 'counts no finished pod', want: 1, pods: [pod('a', { phase: 'Failed' })], plan: { kind: 'create', count: 1 } },
  { name: 'rests when they agree', want: 1, pods: [pod('a')], plan: { kind: 'steady' } },
]) {
  test(`planReplicas ${c.name}`, () => assert.deepEqual(planReplicas(observed(c.want, c.pods)), c.plan));
}

for (const [name, first, second] of [
  ['an unassigned pod', { node: '' }, {}],
  ['a pending pod', { phase: 'Pending' }, {}],
  ['an unready pod', {}, { ready: true }],
  ['a cheap pod', { cost: '-1' }, {}],
  ['a pod that became ready lately', { ready: true, readySince: '2025-12-31T23:59:50Z' }, { ready: true }],
  ['a pod that restarts', { restarts: 3 }, { restarts: 1 }],
  ['a young pod', { created: '2025-12-31T23:59:50Z' }, {}],
] as readonly (readonly [string, PodFacts, PodFacts])[]) {
  test(`deletionOrder takes ${name} first`, () => {
    const [a, b] = [pod('z', first), pod('a', second)];
    assert.deepEqual([b, a].toSorted(deletionOrder([], observed(0, []).now, new Set())), [a, b]);
  });
}

test('deletionOrder takes a pod that may be deleted already before any other', () => {
  const [ready, unready] = [pod('a', { ready: true }), pod('b')];
  assert.equal([ready, unready].toSorted(deletionOrder([], 0, new Set(['a'])))[0], ready);
});

test('deletionOrder takes from the crowded node first', () => {
  const [a, b, c] = [pod('a', { node: 'n1' }), pod('b', { node: 'n2' }), pod('c', { node: 'n2' })];
  assert.equal([a, b, c].toSorted(deletionOrder([a, b, c], 0, new Set())).at(-1), a);
});

test('replicaSetStatus counts by readiness, availability and labels', () => {
  const seen = observed(3, [pod('a', { ready: true }), pod('b'), pod('c', { phase: 'Succeeded' })]);
  assert.deepEqual(replicaSetStatus(seen, undefined), {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 1,
    availableReplicas: 1,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
});

test('a refused create reaches status and expectations before it is thrown', async () => {
  const quota = new StatusError('Forbidden', 'exceeded quota: pods');
  const deps = fakeDeps(observed(5, []), { createPod: [undefined, undefined, quota] }); // batches of 1, then 2
  await assert.rejects(reconcileReplicaSet('ns/web', deps), quota);
  assert.deepEqual(deps.log, ['expect 5', 'create', 'create', 'create', 'observe', 'observe', 'observe', 'status exceeded quota: pods']);
});

test('a pod that is gone already is no failure', async () => {
  const deps = fakeDeps(observed(0, [pod('a')]), { deletePod: notFound(pods, 'a') });
  await reconcileReplicaSet('ns/web', deps);
  assert.deepEqual(deps.log, ['expect deletion of a', 'delete a', 'give up deletion of a', 'status 1']);
});

test('a pod that is ready is looked at again when it becomes available, though others never are ready', async () => {
  const seen = observed(2, [pod('a', { ready: true, readySince: '2025-12-31T23:59:56Z' }), pod('b')]);
  const slow = { ...seen, rs: replicaSet(2, { minReadySeconds: 10 }) };
  assert.deepEqual(await reconcileReplicaSet('ns/web', fakeDeps(slow)), { afterMs: 6000 });
});

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const web = (replicas: number) => ({
  metadata: { name: 'web', namespace: 'ns' },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
});

test('the controller creates pods, replaces deleted ones, scales down, and never creates one too many', async () => {
  const { client, events, until, stop, server } = await startController(replicaSetController);
  await client.create(replicasets, web(3));
  const count = async (n: number) => {
    const { items } = await client.list(pods, { namespace: 'ns' });
    return items.length === n ? items : undefined;
  };
  const [first] = await until(() => count(3));
  assert.equal(first?.metadata.ownerReferences?.[0]?.kind, 'ReplicaSet');
  assert.match(first?.metadata.name ?? '', /^web-/);

  await client.delete(pods, first.metadata);
  await until(async () => ((await client.list(pods)).items.every((p) => p.metadata.uid !== first.metadata.uid) ? count(3) : undefined));
  await client.patch(replicasets, { name: 'web', namespace: 'ns' }, { type: 'merge', body: { spec: { replicas: 1 } } });
  await until(() => count(1));
  await until(async () => ((await client.get(replicasets, { name: 'web', namespace: 'ns' })).status.replicas === 1 ? true : undefined));
  await stop();
  assert.equal(server.actions.filter((action) => action.verb === 'create' && action.resource === 'pods').length, 4);
  assert.deepEqual([...new Set(events.map((event) => event.reason))].toSorted(), ['SuccessfulCreate', 'SuccessfulDelete']);
});

test('the controller adopts an orphan it selects and lets go of a pod it no longer selects', async () => {
  const { client, until, stop } = await startController(replicaSetController, async (c) => {
    await c.create(pods, { metadata: { name: 'orphan', namespace: 'ns', labels: { app: 'web' } }, spec: template.spec });
  });
  await client.create(replicasets, web(1));
  const orphan = await until(async () => {
    const found = await client.get(pods, { name: 'orphan', namespace: 'ns' });
    return found.metadata.ownerReferences?.[0]?.name === 'web' ? found : undefined;
  });
  assert.equal((await client.list(pods)).items.length, 1);

  await client.patch(pods, orphan.metadata, { type: 'merge', body: { metadata: { labels: { app: 'other' } } } });
  await until(async () => ((await client.get(pods, orphan.metadata)).metadata.ownerReferences?.length ? undefined : true));
  await until(async () => ((await client.list(pods)).items.length === 2 ? true : undefined));
  await stop();
});
