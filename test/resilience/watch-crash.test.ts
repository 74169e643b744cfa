// Two thousand watches, a hundred writers, and a crash of the API server in the middle. Half of the watches begin with a list, half
// with all there is as their first events; a fifth are in protobuf, each on a connection of its own, and half of those take their time.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, namespaces } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { ProtobufClient } from '../interop/protobuf-client.ts';
import { insist, Watcher, write } from './watchers.ts';

const NAMESPACES = 20;
const WATCHES_EACH = 100;
const WRITERS_EACH = 5;
const CHANGES = 12;
/** What a client that takes its time takes for each event. Milliseconds. */
const SLOW_MS = 20;

test('no client misses or doubles an event over a crash in the middle of writes', async (t) => {
  const pki = await controlPlanePki(t);
  const server = await startApiServer(t, pki);
  const protobuf = new ProtobufClient(server.server, pki);
  const admin = createClient(server.connect());
  const spaces = await Promise.all(
    Array.from({ length: NAMESPACES }, async (_, i) => {
      const namespace = `space-${i}`;
      await admin.create(namespaces, { metadata: { name: namespace } });
      const client = createClient(server.connect());
      const watchers = Array.from(
        { length: WATCHES_EACH },
        (_each, k) =>
          new Watcher(
            client,
            namespace,
            k % 2 === 0 ? 'list' : 'stream',
            k % 5 === 0 ? { protobuf, ...(k % 10 === 0 ? { slowMs: SLOW_MS } : {}) } : {},
          ),
      );
      for (const watcher of watchers) await watcher.list();
      return { namespace, client, watchers, acknowledged: [] as string[] };
    }),
  );
  const watching = Promise.all(spaces.flatMap(({ watchers }) => watchers.map((watcher) => watcher.until('last'))));
  const half = Promise.withResolvers<void>();
  const total = NAMESPACES * WRITERS_EACH * (CHANGES + 1);
  const writing = spaces.flatMap(({ namespace, client, acknowledged }) => {
    const counted = Object.assign(acknowledged, {
      push(...versions: string[]): number {
        const length = Array.prototype.push.apply(acknowledged, versions);
        if (spaces.reduce((sum, space) => sum + space.acknowledged.length, 0) >= total / 2) half.resolve();
        return length;
      },
    });
    return Array.from({ length: WRITERS_EACH }, (_, i) => write(client, namespace, `writer-${i}`, CHANGES, counted));
  });
  await half.promise;
  await server.kill();
  await server.restart();
  await Promise.all(writing);
  for (const { namespace } of spaces) await insist(() => admin.create(configmaps, { metadata: { name: 'last', namespace } }));
  await watching;

  let resumes = 0;
  for (const { namespace, watchers, acknowledged } of spaces) {
    const { items } = await admin.list(configmaps, { namespace });
    const stored = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    for (const { seen, state, gaps, missed, resumes: resumed } of watchers) {
      resumes += resumed;
      assert.deepEqual(
        seen,
        [...new Set(seen)].toSorted((a, b) => Number(a) - Number(b)),
        'each change once, in order',
      );
      assert.deepEqual(missed, [], 'everything before the crash was told');
      assert.ok(gaps.length <= 2, 'at most one list again');
      assert.deepEqual(state, stored);
      const told = new Set(seen);
      const between = (version: string): boolean => gaps.some(({ after, to }) => Number(version) > after && Number(version) <= to);
      assert.deepEqual(
        acknowledged.filter((version) => !told.has(version) && !between(version)),
        [],
      );
    }
    // What was acknowledged before the crash is what is stored after it.
    assert.equal(stored.size, WRITERS_EACH + 1);
    for (const { data } of items.filter(({ metadata }) => metadata.name !== 'last')) assert.equal(data?.['n'], String(CHANGES));
  }
  assert.ok(resumes >= NAMESPACES * WATCHES_EACH, `${resumes} watches were resumed`);
});
