import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import type { ConfigMap } from '#api/types.ts';
import { configmaps, pods } from '#api/resources.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { fakeClient } from '../testing.ts';
import { createInformerFactory } from './informer-factory.ts';
import { InformerStopped } from './informer.ts';

const NS = 'default';
const map = (name: string, data: Readonly<Record<string, string>> = {}) => ({ metadata: { name, namespace: NS }, data });

/** Lets everything that is ready run. */
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(options: Parameters<typeof fakeClient>[0] = {}) {
  const clock = new ManualClock();
  const { client, server } = fakeClient({ clock, ...options });
  const stop = new AbortController();
  const lines: string[] = [];
  const logger = createLogger((level, message) => lines.push(`${level} ${message}`));
  const factory = createInformerFactory({ client, logger, clock, ids: seededIds(7) });
  const informer = factory.informer(configmaps);
  const seen: string[] = [];
  const watchSeen = (): (() => void) =>
    informer.addHandlers({
      added: ({ metadata }, initial) => seen.push(`${initial ? 'initial' : 'added'} ${metadata.name}`),
      updated: ({ metadata, data }) => seen.push(`updated ${metadata.name} ${JSON.stringify(data ?? {})}`),
      deleted: ({ metadata }) => seen.push(`deleted ${metadata.name}`),
    });
  /** Until the copy has everything the server has: pauses are jumped over. */
  const caughtUp = async (): Promise<void> => {
    for (let round = 0; round < 200; round++) {
      await turn();
      server.sendBookmarks();
      await turn();
      if (informer.hasSynced && informer.resourceVersion === server.resourceVersion && server.openWatches > 0) return;
      clock.advance(5_000);
    }
    assert.fail(`the informer is at ${informer.resourceVersion}, the server at ${server.resourceVersion}`);
  };
  return { client, server, factory, informer, stop, seen, lines, watchSeen, caughtUp, clock };
}

for (const streamingLists of [true, false]) {
  test(`informer delivers the first list and then changes (streaming lists: ${streamingLists})`, async () => {
    const { client, server, factory, informer, stop, seen, watchSeen, caughtUp } = setUp({ streamingLists });
    server.seed(configmaps, map('a'), map('b'));
    watchSeen();
    factory.start(stop.signal);
    await informer.synced();
    assert.deepEqual(seen.splice(0), ['initial a', 'initial b']);
    await client.create(configmaps, map('c'));
    await client.patch(configmaps, { name: 'a', namespace: NS }, { type: 'merge', body: { data: { k: 'v' } } });
    await client.delete(configmaps, { name: 'b', namespace: NS });
    await caughtUp();
    assert.deepEqual(seen, ['added c', 'updated a {"k":"v"}', 'deleted b']);
    assert.equal(informer.get('a', NS)?.data?.['k'], 'v');
    stop.abort();
    await turn();
    assert.equal(server.openWatches, 0);
  });
}

test('informer lists in pages where streaming is refused', async () => {
  const { server, factory, informer, stop } = setUp({ streamingLists: false });
  server.seed(configmaps, ...Array.from({ length: 1201 }, (_, i) => map(`m${i}`)));
  factory.start(stop.signal);
  await informer.synced();
  assert.equal(informer.size, 1201);
  assert.equal(server.actions.filter(({ verb }) => verb === 'list').length, 3);
  stop.abort();
});

test('informer replays what it has to handlers added later, until they are removed', async () => {
  const { server, factory, stop, seen, watchSeen, caughtUp } = setUp();
  server.seed(configmaps, map('a'));
  factory.start(stop.signal);
  await factory.synced();
  const remove = watchSeen();
  assert.deepEqual(seen.splice(0), ['initial a']);
  remove();
  server.seed(configmaps, map('b'));
  await caughtUp();
  assert.deepEqual(seen, []);
  stop.abort();
});

test('informer resumes after a break without listing again', async () => {
  const { server, factory, informer, stop, seen, watchSeen, caughtUp } = setUp();
  watchSeen();
  factory.start(stop.signal);
  await informer.synced();
  server.seed(configmaps, map('a'));
  await caughtUp();
  server.breakWatches();
  server.seed(configmaps, map('b'), map('a', { k: '1' }));
  server.erase(configmaps, 'b', NS);
  await caughtUp();
  assert.deepEqual(seen, ['added a', 'added b', 'updated a {"k":"1"}', 'deleted b']);
  assert.equal(server.actions.filter(({ verb, query }) => verb === 'list' || query['sendInitialEvents'] !== undefined).length, 1);
  stop.abort();
});

test('informer resumes from a bookmark after older history is gone', async () => {
  const { server, factory, informer, stop, caughtUp } = setUp();
  factory.start(stop.signal);
  await informer.synced();
  server.seed(pods, { metadata: { name: 'other', namespace: NS }, spec: {} });
  await caughtUp();
  server.compact();
  server.breakWatches({}, 'end');
  await caughtUp();
  assert.equal(server.actions.filter(({ query }) => query['sendInitialEvents'] !== undefined).length, 1);
  stop.abort();
});

test('informer lists again after its history was compacted and tells the difference', async () => {
  const { server, factory, informer, stop, seen, watchSeen, caughtUp } = setUp();
  server.seed(configmaps, map('gone'), map('changed'), map('same'));
  watchSeen();
  factory.start(stop.signal);
  await informer.synced();
  seen.length = 0;
  const release = server.holdNext({ verb: 'list' });
  server.setOffline(true);
  server.erase(configmaps, 'gone', NS);
  server.change<ConfigMap>(configmaps, 'changed', NS, (object) => ({ ...object, data: { k: '2' } }));
  server.seed(configmaps, map('new'));
  server.compact();
  server.setOffline(false);
  release();
  await caughtUp();
  assert.deepEqual(seen, ['deleted gone', 'updated changed {"k":"2"}', 'added new']);
  stop.abort();
});

test('informer reports a handler that throws and goes on with the others', async () => {
  const { server, factory, informer, stop, seen, lines, watchSeen } = setUp();
  server.seed(configmaps, map('a'));
  informer.addHandlers({
    added() {
      throw new Error('broken handler');
    },
  });
  watchSeen();
  factory.start(stop.signal);
  await informer.synced();
  assert.deepEqual(seen, ['initial a']);
  assert.deepEqual(lines, ['error informer: event handler threw']);
  stop.abort();
});

test('informer calls no handler that another one removed meanwhile', async () => {
  const { server, factory, informer, stop, seen, watchSeen } = setUp();
  server.seed(configmaps, map('a'), map('b'));
  let remove = (): void => {};
  informer.addHandlers({ added: ({ metadata }) => (metadata.name === 'b' ? remove() : undefined) });
  remove = watchSeen();
  factory.start(stop.signal);
  await informer.synced();
  assert.deepEqual(seen, ['initial a']);
  stop.abort();
});

test('informer leaves an object out of an index whose function throws', async () => {
  const { server, factory, informer, stop, lines } = setUp();
  server.seed(configmaps, map('a'), map('b', { k: 'v' }));
  informer.addIndex('k', ({ data }) => [(data as { readonly k: string }).k.toUpperCase()]);
  factory.start(stop.signal);
  await informer.synced();
  assert.deepEqual(
    informer.byIndex('k', 'V').map(({ metadata }) => metadata.name),
    ['b'],
  );
  assert.deepEqual(lines, ['error informer: index function threw, object left out of the index']);
  stop.abort();
});

test('informer pauses longer with each failure', async () => {
  const { server, factory, informer, stop, clock } = setUp({ streamingLists: false });
  server.failNext({ verb: 'list' }, new StatusError('Forbidden', 'no'), 3);
  factory.start(stop.signal);
  const lists = (): number => server.actions.filter(({ verb }) => verb === 'list').length;
  await turn();
  assert.equal(lists(), 1);
  const counts: number[] = [];
  for (const elapsed of [800, 800, 1600, 1600, 3200, 3200]) {
    clock.advance(elapsed);
    await turn();
    counts.push(lists());
  }
  assert.equal(informer.hasSynced, true);
  assert.equal(lists(), 4);
  assert.ok((counts[0] as number) <= 2 && (counts[2] as number) <= 3, `paced: ${counts}`);
  stop.abort();
});

test('informer synced rejects when it is stopped before the first list', async () => {
  const { server, factory, informer, stop } = setUp();
  server.setOffline(true);
  factory.start(stop.signal);
  await turn();
  stop.abort();
  await assert.rejects(informer.synced(), InformerStopped);
});

test('informer factory shares one informer per resource and scope and starts later ones at once', async () => {
  const { server, factory, informer, stop } = setUp();
  assert.equal(factory.informer(configmaps, {}), informer);
  factory.start(stop.signal);
  const scoped = factory.informer(configmaps, { namespace: 'web', labelSelector: 'app=x' });
  assert.notEqual(scoped, informer);
  server.seed(
    configmaps,
    { metadata: { name: 'in', namespace: 'web', labels: { app: 'x' } } },
    { metadata: { name: 'out', namespace: 'web' } },
    map('elsewhere'),
  );
  await factory.synced();
  assert.deepEqual(
    [...scoped.list()].map(({ metadata }) => metadata.name),
    ['in'],
  );
  stop.abort();
});

test('informer sees an object leave its selector as a deletion', async () => {
  const { client, server } = fakeClient();
  const stop = new AbortController();
  const factory = createInformerFactory({ client, logger: silentLogger });
  const scoped = factory.informer(configmaps, { labelSelector: 'app=x' });
  server.seed(configmaps, { metadata: { name: 'a', namespace: NS, labels: { app: 'x' } } });
  factory.start(stop.signal);
  await factory.synced();
  const { promise, resolve } = Promise.withResolvers<string>();
  scoped.addHandlers({ deleted: ({ metadata }) => resolve(metadata.name) });
  server.change<ConfigMap>(configmaps, 'a', NS, (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }));
  assert.equal(await promise, 'a');
  assert.equal(scoped.size, 0);
  stop.abort();
});

test('informer misses and doubles nothing while connections break, history is compacted and the server goes away', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const chance = seededIds(seed);
    const { client, server, factory, informer, stop, caughtUp, clock } = setUp({ streamingLists: seed % 3 !== 0 });
    const model = new Map<string, ConfigMap>();
    // Every second run loses no history: there, each write must be told exactly once.
    const lossless = seed % 2 === 0;
    let told = 0;
    const versions = new Set<string>();
    informer.addHandlers({
      added(object) {
        assert.equal(model.has(object.metadata.name), false, `seed ${seed}: added twice`);
        model.set(object.metadata.name, object);
        versions.add(object.metadata.resourceVersion);
        told++;
      },
      updated(object, previous) {
        assert.equal(model.get(object.metadata.name), previous, `seed ${seed}: not the last seen`);
        assert.notEqual(object.metadata.resourceVersion, previous.metadata.resourceVersion);
        model.set(object.metadata.name, object);
        versions.add(object.metadata.resourceVersion);
        told++;
      },
      deleted(object) {
        assert.equal(model.delete(object.metadata.name), true, `seed ${seed}: deleted twice`);
        told++;
      },
    });
    factory.start(stop.signal);
    await informer.synced();
    let writes = 0;
    const written = new Set<string>();
    for (let step = 0; step < 300; step++) {
      const name = `m${Math.floor(chance.fraction() * 12)}`;
      const exists = server.stored(configmaps).some(({ metadata }) => metadata.name === name);
      const dice = chance.fraction();
      if (dice < 0.35) {
        const [stored] = server.seed(configmaps, map(name, { step: String(step) }));
        written.add(stored?.metadata.resourceVersion ?? '');
        writes++;
      } else if (dice < 0.5 && exists) {
        server.erase(configmaps, name, NS);
        writes++;
      } else if (dice < 0.6) server.breakWatches();
      else if (dice < 0.65 && !lossless) server.breakWatches({}, 'end');
      else if (dice < 0.7) server.sendBookmarks();
      else if (dice < 0.73 && !lossless) server.compact();
      else if (dice < 0.76) server.setOffline(true);
      else if (dice < 0.82) server.setOffline(false);
      else if (dice < 0.9) clock.advance(chance.fraction() * 40_000);
      else await turn();
    }
    server.setOffline(false);
    await caughtUp();
    const stored = (await client.list(configmaps)).items;
    const versionsOf = (objects: Iterable<ConfigMap>): string[] =>
      [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).toSorted();
    assert.deepEqual(versionsOf(model.values()), versionsOf(stored), `seed ${seed}`);
    assert.deepEqual(versionsOf(informer.list()), versionsOf(stored), `seed ${seed}`);
    if (lossless) assert.equal(told, writes, `seed ${seed}`);
    for (const version of versions) assert.ok(written.has(version));
    stop.abort();
  }
});

test('informer without managedFields keeps and tells of each object the rest', async () => {
  const { client, server } = fakeClient({ clock: new ManualClock() });
  const owned = (name: string) => ({
    metadata: {
      name,
      namespace: NS,
      labels: { app: name },
      managedFields: [{ manager: 'kubectl', operation: 'Update', apiVersion: 'v1' }],
    },
    data: { k: name },
  });
  server.seed(configmaps, owned('a'));
  const factory = createInformerFactory({ client, logger: silentLogger, managedFields: false });
  const informer = factory.informer(configmaps);
  const seen: ConfigMap[] = [];
  informer.addHandlers({ added: (object) => seen.push(object) });
  const stop = new AbortController();
  factory.start(stop.signal);
  await informer.synced();
  await client.create(configmaps, owned('b'));
  while (seen.length < 2) await turn();
  for (const [i, name] of ['a', 'b'].entries()) {
    const { metadata, data } = informer.get(name, NS) as ConfigMap;
    assert.equal(seen[i], informer.get(name, NS));
    assert.deepEqual([metadata.managedFields, metadata.labels, data], [undefined, { app: name }, { k: name }]);
  }
  stop.abort();
});
