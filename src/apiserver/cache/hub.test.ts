import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { CacheHub } from './hub.ts';
import type { Change } from './history.ts';
import type { ResourceCache } from './resource-cache.ts';
import { ObjectLayout, type StoredObject } from './stored-object.ts';
import type { Watcher, WatchScope } from './watchers.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'Pod', typedItems: false });
const nodeOf = (object: StoredObject): string => (object.object as { spec?: { nodeName?: string } }).spec?.nodeName ?? '';

async function setUp(): Promise<{ store: MemoryStore; hub: CacheHub; pods: ResourceCache }> {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const hub = new CacheHub({ store, clock, logger: silentLogger });
  const pods = hub.add({ name: 'pods', prefix: '/registry/pods/', layout, fields: new Map([['spec.nodeName', nodeOf]]) });
  hub.add({ name: 'services', prefix: '/registry/services/specs/', layout, fields: new Map() });
  return { store, hub, pods };
}

const pod = (name: string, extra: { nodeName?: string; labels?: Record<string, string> } = {}): Buffer =>
  layout
    .encode({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: {
        name,
        namespace: 'ns',
        uid: name,
        resourceVersion: '',
        creationTimestamp: '',
        ...(extra.labels === undefined ? {} : { labels: extra.labels }),
      },
      ...{ spec: { nodeName: extra.nodeName } },
    })
    .toBuffer();

async function put(store: MemoryStore, hub: CacheHub, name: string, extra = {}): Promise<number> {
  const { revision } = await store.transact({
    conditions: [],
    operations: [{ kind: 'put', key: `/registry/pods/ns/${name}`, value: pod(name, extra) }],
  });
  await hub.progress.reached(revision);
  return revision;
}

async function remove(store: MemoryStore, hub: CacheHub, name: string): Promise<number> {
  const { revision } = await store.transact({ conditions: [], operations: [{ kind: 'delete', key: `/registry/pods/ns/${name}` }] });
  await hub.progress.reached(revision);
  return revision;
}

const names = (objects: Iterable<StoredObject>): string[] => [...objects].map(({ name }) => name);

function recorder(scope: WatchScope): Watcher & { readonly log: string[] } {
  const log: string[] = [];
  return {
    scope,
    log,
    deliver: (type, object) => void log.push(`${type} ${object.name}@${object.revision}`),
    flush: () => void log.push('flush'),
    lost: () => void log.push('lost'),
  };
}

test('CacheHub is filled from the store and follows it', async () => {
  const { store, hub, pods } = await setUp();
  await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/registry/pods/ns/a', value: pod('a') }] });
  await hub.start();
  assert.deepEqual(names(pods.list('ns')), ['a']);
  const revision = await put(store, hub, 'b', { nodeName: 'n1' });
  assert.deepEqual(names(pods.list()), ['a', 'b']);
  assert.deepEqual(names(pods.byField('spec.nodeName', 'n1') ?? []), ['b']);
  await put(store, hub, 'b', { nodeName: 'n2' });
  assert.deepEqual(names(pods.byField('spec.nodeName', 'n1') ?? []), []);
  await remove(store, hub, 'a');
  assert.deepEqual(names(pods.list()), ['b']);
  assert.equal(pods.revision, hub.progress.revision);
  const other = await store.transact({
    conditions: [],
    operations: [{ kind: 'put', key: '/registry/services/specs/ns/s', value: pod('s') }],
  });
  await hub.progress.reached(other.revision);
  assert.ok(pods.revision > revision, 'a quiet resource advances with the store');
  await hub.stop();
});

test('ResourceCache.at shows objects as they were', async () => {
  const { store, hub, pods } = await setUp();
  await hub.start();
  await put(store, hub, 'a');
  await put(store, hub, 'c');
  const then = await put(store, hub, 'd');
  await remove(store, hub, 'c');
  await put(store, hub, 'b');
  await put(store, hub, 'd');
  await put(store, hub, 'e');
  await remove(store, hub, 'e');
  const snapshot = pods.at(then);
  assert.ok(snapshot !== undefined);
  assert.deepEqual(names(snapshot.range('')), ['a', 'c', 'd']);
  assert.equal(snapshot.count(''), 3);
  assert.deepEqual(names(snapshot.range('ns/c')), ['c', 'd']);
  assert.equal(snapshot.count('ns/b', 'ns/d'), 1);
  assert.equal([...snapshot.range('ns/d')][0]?.revision, then);
  await hub.stop();
});

for (const c of [
  { name: 'all', scope: {}, log: ['ADDED a@2', 'flush', 'MODIFIED a@3', 'flush', 'DELETED a@4', 'flush'] },
  { name: 'one name', scope: { namespace: 'ns', name: 'a' }, log: ['ADDED a@2', 'flush', 'MODIFIED a@3', 'flush', 'DELETED a@4', 'flush'] },
  { name: 'a name in any namespace', scope: { name: 'a' }, log: ['ADDED a@2', 'flush', 'MODIFIED a@3', 'flush', 'DELETED a@4', 'flush'] },
  { name: 'another namespace', scope: { namespace: 'other' }, log: [] },
  {
    name: 'a node the pod leaves',
    scope: { field: { label: 'spec.nodeName', value: 'n1' }, matches: (o: StoredObject) => nodeOf(o) === 'n1' },
    log: ['ADDED a@2', 'flush', 'DELETED a@3', 'flush'],
  },
  {
    name: 'a label the pod gains',
    scope: { label: { key: 'app', value: 'y' }, matches: (o: StoredObject) => o.object.metadata.labels?.['app'] === 'y' },
    log: ['ADDED a@3', 'flush', 'DELETED a@4', 'flush'],
  },
]) {
  test(`WatcherIndex delivers to a watcher of ${c.name}`, async () => {
    const { store, hub, pods } = await setUp();
    await hub.start();
    const watcher = recorder(c.scope);
    const stop = pods.watchers.add(watcher);
    await put(store, hub, 'a', { nodeName: 'n1', labels: { app: 'x' } });
    await put(store, hub, 'a', { nodeName: 'n2', labels: { app: 'y' } });
    await remove(store, hub, 'a');
    stop();
    await put(store, hub, 'a', { nodeName: 'n1', labels: { app: 'y' } });
    assert.deepEqual(watcher.log, c.log);
    assert.equal(pods.watchers.size, 0);
    await hub.stop();
  });
}

test('CacheHub reads again after its watch broke: watchers end, handlers learn the difference', async () => {
  const { store, hub, pods } = await setUp();
  await hub.start();
  await put(store, hub, 'a');
  const before = await put(store, hub, 'b');
  const watcher = recorder({});
  pods.watchers.add(watcher);
  const told: string[] = [];
  pods.onChange(({ next, previous }: Change) => told.push(`${previous?.name}→${next?.name}`));
  store.breakWatches();
  await store.transact({ conditions: [], operations: [{ kind: 'delete', key: '/registry/pods/ns/a' }] });
  const { revision } = await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/registry/pods/ns/c', value: pod('c') }] });
  await hub.progress.reached(revision);
  assert.deepEqual(names(pods.list()), ['b', 'c']);
  assert.deepEqual(told.toSorted(), ['a→undefined', 'undefined→c']);
  assert.equal(watcher.log[0], 'lost');
  assert.equal(pods.changesAfter(before), undefined, 'a watch from before the gap cannot resume');
  await put(store, hub, 'd');
  assert.deepEqual(names(pods.list()), ['b', 'c', 'd']);
  await hub.stop();
});

test('CacheHub shares the written object with its readers', async () => {
  const { store, hub, pods } = await setUp();
  await hub.start();
  const object = JSON.parse(pod('a').toString());
  const value = layout.encode(object);
  const write = hub.writes.open('/registry/pods/ns/a', { layout, key: 'ns/a', value, bytes: value.toBuffer(), object });
  const { revision } = await store.transact({
    conditions: [],
    operations: [{ kind: 'put', key: '/registry/pods/ns/a', value: value.toBuffer() }],
  });
  const stored = write.written(revision);
  await hub.progress.reached(revision);
  write.close();
  assert.equal(pods.get('ns/a'), stored);
  assert.equal(hub.writes.size, 0);
  await hub.stop();
});
