import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { Counter } from '#base/metrics.ts';
import { clusterroles, configmaps, deployments, replicasets } from '#api/resources.ts';
import type { KubeObject, OwnerReference } from '#api/types.ts';
import { startController } from '../testing.ts';
import { garbageCollector } from './controller.ts';
import { Graph } from './graph.ts';
import { countUntilListed } from './listing.ts';
import { type OwnerState, planObject } from './plan.ts';

const owner = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: uid,
  uid,
  ...more,
});

const object = (
  uid: string,
  more: { readonly owners?: readonly OwnerReference[]; readonly finalizers?: readonly string[]; readonly deleting?: boolean } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: uid,
    namespace: 'ns',
    uid,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...(more.owners === undefined ? {} : { ownerReferences: more.owners }),
    ...(more.finalizers === undefined ? {} : { finalizers: more.finalizers }),
    ...(more.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
});

function plan(node: KubeObject, states: Readonly<Record<string, OwnerState>>, dependents: readonly KubeObject[] = []) {
  const graph = new Graph();
  graph.put(configmaps as never, node);
  for (const dependent of dependents) graph.put(configmaps as never, dependent);
  const found = graph.get(node.metadata.uid);
  assert.ok(found);
  const { kind, ...rest } = planObject(found, ({ uid }) => states[uid] ?? 'absent');
  return 'policy' in rest
    ? `${kind} ${rest.policy}`
    : 'finalizer' in rest
      ? `${kind} ${rest.finalizer}`
      : 'dependents' in rest
        ? `${kind} ${rest.dependents.map((d) => d.uid).join(' ')}`
        : kind;
}

for (const [name, want, got] of [
  ['keeps an object without owners', 'keep', plan(object('a'), {})],
  ['keeps an object whose owner is there', 'keep', plan(object('a', { owners: [owner('o')] }), { o: 'solid' })],
  ['deletes an object whose owners are gone', 'delete Background', plan(object('a', { owners: [owner('o')] }), {})],
  ['keeps an object whose owner nobody can find', 'keep', plan(object('a', { owners: [owner('o'), owner('p')] }), { o: 'unresolvable' })],
  [
    'takes gone owners off while another keeps the object',
    'disown',
    plan(object('a', { owners: [owner('o'), owner('p')] }), { p: 'solid' }),
  ],
  [
    'deletes the tree below an owner that waits, from the leaves',
    'delete Foreground',
    plan(object('a', { owners: [owner('o')] }), { o: 'waiting' }, [object('b', { owners: [owner('a')] })]),
  ],
  [
    'waits for dependents that block',
    'wait b',
    plan(object('a', { deleting: true, finalizers: ['foregroundDeletion'] }), {}, [
      object('b', { owners: [owner('a', { blockOwnerDeletion: true })] }),
    ]),
  ],
  [
    'does not wait for dependents that do not block',
    'finish foregroundDeletion',
    plan(object('a', { deleting: true, finalizers: ['foregroundDeletion'] }), {}, [object('b', { owners: [owner('a')] })]),
  ],
  [
    'lets dependents of an orphaning owner go first',
    'orphan b',
    plan(object('a', { deleting: true, finalizers: ['orphan'] }), {}, [object('b', { owners: [owner('a')] })]),
  ],
  ['ends an orphaning owner without dependents', 'finish orphan', plan(object('a', { deleting: true, finalizers: ['orphan'] }), {})],
] as const) {
  test(`planObject ${name}`, () => assert.equal(got, want));
}

test('Graph keeps no virtual owner that nobody refers to', () => {
  const graph = new Graph();
  graph.put(configmaps as never, object('a', { owners: [owner('never-seen')] }));
  assert.equal(graph.size, 2);
  graph.put(configmaps as never, object('a'));
  assert.equal(graph.size, 1);
  graph.remove('a');
  assert.equal(graph.size, 0);
});

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const spec = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template };

async function tree() {
  const running = await startController(garbageCollector);
  const { client } = running;
  const top = await client.create(deployments, { metadata: { name: 'web', namespace: 'ns' }, spec });
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: top.metadata.uid, controller: true, blockOwnerDeletion: true },
  ];
  await client.create(replicasets, { metadata: { name: 'web-1', namespace: 'ns', ownerReferences }, spec });
  return running;
}

test('the collector deletes what a deleted owner leaves', async () => {
  const { client, until, stop } = await tree();
  await client.delete(deployments, { name: 'web', namespace: 'ns' });
  await until(async () => ((await client.list(replicasets)).items.length === 0 ? true : undefined));
  await stop();
});

test('the collector lets dependents go on orphan deletion', async () => {
  const { client, until, stop } = await tree();
  await client.delete(deployments, { name: 'web', namespace: 'ns' }, { propagationPolicy: 'Orphan' });
  await until(async () => ((await client.list(deployments)).items.length === 0 ? true : undefined));
  const [left] = (await client.list(replicasets)).items;
  assert.equal(left?.metadata.ownerReferences?.length ?? 0, 0);
  await stop();
});

test('the collector deletes dependents before the owner on foreground deletion', async () => {
  const { client, until, stop, server } = await tree();
  await client.delete(deployments, { name: 'web', namespace: 'ns' }, { propagationPolicy: 'Foreground' });
  await until(async () => ((await client.list(deployments)).items.length === 0 ? true : undefined));
  assert.equal((await client.list(replicasets)).items.length, 0);
  assert.ok(server.actions.some(({ verb, resource }) => verb === 'delete' && resource === 'replicasets'));
  await stop();
});

test('the collector takes an owner in another namespace for none, and says so; what is in no namespace stays', async () => {
  const { client, until, stop, events } = await startController(garbageCollector);
  const there = await client.create(configmaps, { metadata: { name: 'owner', namespace: 'other' } });
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: there.metadata.uid }];
  await client.create(clusterroles, { metadata: { name: 'wide', ownerReferences } });
  await client.create(configmaps, { metadata: { name: 'a', namespace: 'ns', ownerReferences } });
  await until(async () => ((await client.list(configmaps, { namespace: 'ns' })).items.length === 0 ? true : undefined));
  await until(() => Promise.resolve(events.filter(({ reason }) => reason === 'OwnerRefInvalidNamespace').length >= 2 ? true : undefined));
  assert.equal((await client.list(clusterroles)).items.length, 1);
  await stop();
});

test('countUntilListed counts each 30 s in which the objects of a kind could not be listed', async () => {
  const clock = new ManualClock();
  const errors = new Counter();
  const informer = { hasSynced: false };
  const stopping = new AbortController();
  const watched = { resource: configmaps, informer, clock, logger: silentLogger, errors };
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await Promise.resolve();
    await Promise.resolve();
  };

  const counting = countUntilListed(watched, stopping.signal);
  await pass(29_999);
  assert.equal(errors.value, 0);
  await pass(1);
  await pass(30_000);
  assert.equal(errors.value, 2);
  informer.hasSynced = true;
  await pass(30_000);
  await counting;
  assert.equal(errors.value, 2);

  const another = countUntilListed({ ...watched, informer: { hasSynced: false } }, stopping.signal);
  stopping.abort(new Error('the controllers stop'));
  await another;
  assert.equal(errors.value, 2);
});
