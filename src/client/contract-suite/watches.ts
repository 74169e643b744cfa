// Watches: order, selectors, where they begin, how they end.
import assert from 'node:assert/strict';
import { configmaps } from '#api/resources.ts';
import type { ConfigMap } from '#api/types.ts';
import type { Client, WatchEvent, WatchOptions, WatchStream } from '../contract.ts';
import { refused, type Declare } from './subject.ts';

const told = (event: WatchEvent<ConfigMap>): string =>
  event.type === 'BOOKMARK' ? (event.initialEventsEnd ? 'BOOKMARK end' : 'BOOKMARK') : `${event.type} ${event.object.metadata.name}`;

/** The next `count` events, bookmarks of progress left out. */
async function next(stream: WatchStream<ConfigMap>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { value, done } = await stream.next();
    if (done === true) throw new Error(`the watch ended after ${seen.join(', ')}`);
    if (told(value) !== 'BOOKMARK') seen.push(told(value));
  }
  return seen;
}

const SUITE = { labelSelector: 'suite=yes' };
const map = (name: string, namespace: string, data: Readonly<Record<string, string>> = {}) => ({
  metadata: { name, namespace, labels: { suite: 'yes' } },
  data,
});

async function watchFromNow(client: Client, namespace: string, options: WatchOptions = {}): Promise<WatchStream<ConfigMap>> {
  const { metadata } = await client.list(configmaps, { namespace, ...SUITE });
  return client.watch(configmaps, { namespace, ...SUITE, resourceVersion: metadata.resourceVersion ?? '', ...options });
}

export function declareWatches(declare: Declare): void {
  declare('watch gives each change in order, with the object after it', async ({ client, namespace }) => {
    const stream = await watchFromNow(client, namespace);
    const created = await client.create(configmaps, map('a', namespace));
    const changed = await client.update(configmaps, { ...created, data: { k: 'v' } });
    await client.delete(configmaps, { name: 'a', namespace });
    const events: WatchEvent<ConfigMap>[] = [];
    for await (const event of stream) {
      if (event.type !== 'BOOKMARK') events.push(event);
      if (events.length === 3) break;
    }
    assert.deepEqual(events.slice(0, 2), [
      { type: 'ADDED', object: created },
      { type: 'MODIFIED', object: changed },
    ]);
    const last = events[2];
    assert.ok(last?.type === 'DELETED');
    assert.deepEqual(last.object.data, { k: 'v' });
    assert.ok(Number(last.object.metadata.resourceVersion) > Number(changed.metadata.resourceVersion));
  });

  declare('watch from a version gives what happened since', async ({ client, namespace }) => {
    const first = await client.create(configmaps, map('a', namespace));
    await client.create(configmaps, map('b', namespace));
    await client.delete(configmaps, { name: 'a', namespace });
    const stream = client.watch(configmaps, { namespace, ...SUITE, resourceVersion: first.metadata.resourceVersion });
    assert.deepEqual(await next(stream, 2), ['ADDED b', 'DELETED a']);
    await stream.return?.();
  });

  declare('watch without a version begins with what is there', async ({ client, namespace }) => {
    await client.create(configmaps, map('a', namespace));
    const stream = client.watch(configmaps, { namespace, ...SUITE });
    assert.deepEqual(await next(stream, 1), ['ADDED a']);
    await client.create(configmaps, map('b', namespace));
    assert.deepEqual(await next(stream, 1), ['ADDED b']);
    await stream.return?.();
  });

  declare('watch streams a list and marks its end', async ({ client, namespace }) => {
    await client.create(configmaps, map('a', namespace));
    await client.create(configmaps, map('b', namespace));
    const stream = client.watch(configmaps, {
      namespace,
      ...SUITE,
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    });
    assert.deepEqual((await next(stream, 2)).toSorted(), ['ADDED a', 'ADDED b']);
    assert.deepEqual(await next(stream, 1), ['BOOKMARK end']);
    await client.create(configmaps, map('c', namespace));
    assert.deepEqual(await next(stream, 1), ['ADDED c']);
    await stream.return?.();
  });

  declare('watch sees an object enter and leave its selector', async ({ client, namespace }) => {
    const stream = await watchFromNow(client, namespace);
    const label = async (suite: string | null): Promise<unknown> =>
      client.patch(configmaps, { name: 'a', namespace }, { type: 'merge', body: { metadata: { labels: { suite } } } });
    await client.create(configmaps, { metadata: { name: 'a', namespace } });
    await label('yes');
    await label('no');
    await label('yes');
    await client.delete(configmaps, { name: 'a', namespace });
    assert.deepEqual(await next(stream, 4), ['ADDED a', 'DELETED a', 'ADDED a', 'DELETED a']);
    await stream.return?.();
  });

  declare('watch of one name sees no other', async ({ client, namespace }) => {
    const stream = await watchFromNow(client, namespace, { fieldSelector: 'metadata.name=b' });
    for (const name of ['a', 'b', 'c']) await client.create(configmaps, map(name, namespace));
    await client.delete(configmaps, { name: 'b', namespace });
    assert.deepEqual(await next(stream, 2), ['ADDED b', 'DELETED b']);
    await stream.return?.();
  });

  declare('watch ends when its time is up', async ({ client, namespace }) => {
    const stream = await watchFromNow(client, namespace, { timeoutSeconds: 1 });
    let ended = false;
    for await (const event of stream) assert.equal(event.type, 'BOOKMARK');
    ended = true;
    assert.equal(ended, true);
  });

  declare('watch ends with the reason of its signal', async ({ client, namespace }) => {
    const stop = new AbortController();
    const stream = await watchFromNow(client, namespace, { signal: stop.signal });
    const waiting = stream.next();
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(waiting, reason);
  });

  declare('watch that has shown something ends with the reason of its signal, too', async ({ client, namespace }) => {
    const stop = new AbortController();
    const stream = await watchFromNow(client, namespace, { signal: stop.signal });
    await client.create(configmaps, map('a', namespace));
    assert.deepEqual(await next(stream, 1), ['ADDED a']);
    const waiting = stream.next();
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(waiting, reason);
  });

  declare('watch left by its reader is over', async ({ client, namespace }) => {
    const stream = await watchFromNow(client, namespace);
    await client.create(configmaps, map('a', namespace));
    for await (const event of stream) if (event.type === 'ADDED') break;
    assert.equal((await stream.next()).done, true);
  });

  declare('watch from a forgotten version is refused with Expired', async ({ client, namespace, compact }, t) => {
    if (compact === undefined) return t.diagnostic('this server cannot be told to forget');
    const created = await client.create(configmaps, map('a', namespace));
    await client.update(configmaps, { ...created, data: { k: 'v' } });
    await compact();
    const stream = client.watch(configmaps, { namespace, ...SUITE, resourceVersion: created.metadata.resourceVersion });
    await refused(stream.next(), 'Expired');
  });

  declare('many watchers see the same, in the same order', async ({ client, namespace }) => {
    const streams = await Promise.all(Array.from({ length: 20 }, async () => watchFromNow(client, namespace)));
    const names = Array.from({ length: 15 }, (_, i) => `m${i}`);
    await Promise.all(names.map(async (name) => client.create(configmaps, map(name, namespace))));
    const seen = await Promise.all(streams.map(async (stream) => next(stream, names.length)));
    for (const each of seen) assert.deepEqual(each, seen[0]);
    assert.deepEqual((seen[0] ?? []).toSorted(), names.map((name) => `ADDED ${name}`).toSorted());
    await Promise.all(streams.map(async (stream) => stream.return?.()));
  });
}
