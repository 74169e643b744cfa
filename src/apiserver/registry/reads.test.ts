import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { configmaps, horizontalpodautoscalers, pods, secrets } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { New, Pod, Secret } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Client, Transport, WatchEvent } from '#client/contract.ts';
import { StoreUnavailableError } from '#store/contract.ts';
import { COMPACTION_INTERVAL_MS } from '../cache/compactor.ts';
import { ADMIN } from '../testing.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

let running: LoopbackServer;
let client: Client;
let transport: Transport;
before(async () => {
  running = await startLoopbackServer();
  ({ client } = running);
  transport = running.server.loopback(ADMIN);
});
after(() => running.stop());

type Query = Readonly<Record<string, string>>;
interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number };
  readonly items: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
}

const list = (namespace: string, query: Query = {}): Promise<List> =>
  transport.request({ verb: 'list', resource: configmaps, namespace, query }) as Promise<List>;
const names = ({ items }: List): string[] => items.map(({ metadata }) => metadata.name);

/** ConfigMaps a, b, …; the last resourceVersion. */
async function seed(namespace: string, count: number): Promise<string> {
  let last = '';
  for (let i = 0; i < count; i++) {
    const name = String.fromCharCode(97 + i);
    const made = await client.create(configmaps, { metadata: { name, namespace, labels: { parity: i % 2 === 0 ? 'even' : 'odd' } } });
    last = made.metadata.resourceVersion;
  }
  return last;
}

async function refusal(promise: Promise<unknown>): Promise<readonly [string, string]> {
  try {
    await promise;
  } catch (error) {
    if (isStatusError(error)) return [error.reason, error.message];
    throw error;
  }
  throw new Error('was not refused');
}

describe('list', () => {
  test('in pages shows one moment, whatever is written between them', async () => {
    await seed('paged', 7);
    const first = await list('paged', { limit: '3' });
    assert.deepEqual([names(first), first.metadata.remainingItemCount], [['a', 'b', 'c'], 4]);
    await client.delete(configmaps, { name: 'e', namespace: 'paged' });
    await client.create(configmaps, { metadata: { name: 'dd', namespace: 'paged' } });
    await client.patch(configmaps, { name: 'f', namespace: 'paged' }, { type: 'merge', body: { data: { changed: 'yes' } } });
    const second = await list('paged', { limit: '3', continue: first.metadata.continue as string });
    assert.deepEqual(names(second), ['d', 'e', 'f']);
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.ok(Number(second.items[2]?.metadata.resourceVersion) <= Number(first.metadata.resourceVersion));
    const third = await list('paged', { limit: '3', continue: second.metadata.continue as string });
    assert.deepEqual([names(third), third.metadata.continue, third.metadata.remainingItemCount], [['g'], undefined, undefined]);
  });

  test('counts no remaining items under a selector', async () => {
    await seed('selected', 6);
    const page = await list('selected', { limit: '2', labelSelector: 'parity=even' });
    assert.deepEqual([names(page), page.metadata.remainingItemCount], [['a', 'c'], undefined]);
    assert.deepEqual(
      names(await list('selected', { limit: '2', labelSelector: 'parity=even', continue: page.metadata.continue as string })),
      ['e'],
    );
  });

  test('goes on from the store when the cache has forgotten, and offers a new token when the store has too', async () => {
    await seed('forgotten', 4);
    const first = await list('forgotten', { limit: '2' });
    for (let i = 0; i < 110; i++)
      await client.patch(configmaps, { name: 'd', namespace: 'forgotten' }, { type: 'merge', body: { data: { i: String(i) } } });
    await client.delete(configmaps, { name: 'c', namespace: 'forgotten' });
    const second = await list('forgotten', { limit: '2', continue: first.metadata.continue as string });
    assert.deepEqual(names(second), ['c', 'd']);
    await running.server.forgetHistory();
    await client.create(configmaps, { metadata: { name: 'e', namespace: 'forgotten' } });
    let token = '';
    await assert.rejects(list('forgotten', { continue: first.metadata.continue as string }), (error) => {
      assert.ok(isStatusError(error, 'Expired'));
      const { metadata } = error.toStatus();
      token = metadata['continue'] as string;
      assert.match(error.message, /^The provided continue parameter is too old to display a consistent list result/);
      return true;
    });
    assert.deepEqual(names(await list('forgotten', { continue: token })), ['d', 'e']);
  });

  test('of a moment that was compacted away is refused, though the cache could still show it', async () => {
    const clock = new ManualClock();
    const alone = await startLoopbackServer({ clock });
    const pass = async (minutes: number): Promise<void> => {
      for (let minute = 0; minute < minutes; minute++) {
        clock.advance(60_000);
        for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const minutes = COMPACTION_INTERVAL_MS / 60_000;
    try {
      for (const name of ['a', 'b', 'c', 'd']) await alone.client.create(configmaps, { metadata: { name, namespace: 'default' } });
      const page = (query: Query): Promise<List> =>
        alone.server.loopback(ADMIN).request({ verb: 'list', resource: configmaps, namespace: 'default', query }) as Promise<List>;
      const first = await page({ limit: '2' });
      const go = { continue: first.metadata.continue as string };
      const { resourceVersion } = (await alone.client.create(secrets, { metadata: { name: 'other', namespace: 'default' } })).metadata;
      await pass(minutes);
      assert.deepEqual(names(await page(go)), ['c', 'd']);
      await pass(1);
      const [reason] = await refusal(page(go));
      assert.equal(reason, 'Expired');
      const old = { resourceVersion: first.metadata.resourceVersion, resourceVersionMatch: 'Exact' };
      assert.equal((await refusal(page(old)))[0], 'Expired');
      assert.equal((await page({ ...old, resourceVersion: resourceVersion as string })).items.length, 4);
    } finally {
      await alone.stop();
    }
  });

  test('of a moment the cache has forgotten reads a page of the store, selector or not', async () => {
    const then = await seed('past', 8);
    for (let i = 0; i < 110; i++)
      await client.patch(configmaps, { name: 'h', namespace: 'past' }, { type: 'merge', body: { data: { i: String(i) } } });
    const all = await list('past', { limit: '3', resourceVersion: then });
    assert.deepEqual([names(all), all.metadata.remainingItemCount], [['a', 'b', 'c'], 5]);
    const odd = { limit: '2', labelSelector: 'parity=odd' };
    const page = await list('past', { ...odd, resourceVersion: then });
    assert.deepEqual([names(page), page.metadata.remainingItemCount], [['b', 'd'], undefined]);
    assert.deepEqual(names(await list('past', { ...odd, continue: page.metadata.continue as string })), ['f', 'h']);
  });

  test('of whatever is known is whole, whatever the limit', async () => {
    const then = await seed('whole', 4);
    const whole = await list('whole', { resourceVersion: '0', limit: '3' });
    assert.deepEqual([names(whole), whole.metadata.continue], [['a', 'b', 'c', 'd'], undefined]);
    assert.deepEqual(names(await list('whole', { resourceVersion: then, resourceVersionMatch: 'NotOlderThan', limit: '3' })), [
      'a',
      'b',
      'c',
    ]);
  });

  test('keeps to the resourceVersion that is asked for', async () => {
    const then = await seed('versions', 2);
    await client.create(configmaps, { metadata: { name: 'later', namespace: 'versions' } });
    assert.deepEqual(names(await list('versions', { resourceVersion: then, resourceVersionMatch: 'Exact' })), ['a', 'b']);
    assert.deepEqual(names(await list('versions', { resourceVersion: then, limit: '5' })), ['a', 'b']);
    assert.deepEqual(names(await list('versions', { resourceVersion: then })), ['a', 'b', 'later']);
    assert.deepEqual(names(await list('versions', { resourceVersion: '0' })), ['a', 'b', 'later']);
  });

  const cases: readonly (readonly [name: string, query: Query, reason: string, message: RegExp])[] = [
    [
      'a match without a version',
      { resourceVersionMatch: 'Exact' },
      'Invalid',
      /resourceVersionMatch is forbidden unless resourceVersion is provided/,
    ],
    [
      'an unknown match',
      { resourceVersion: '1', resourceVersionMatch: 'Near' },
      'Invalid',
      /supported values: "Exact", "NotOlderThan", ""/,
    ],
    [
      'an exact match of anything',
      { resourceVersion: '0', resourceVersionMatch: 'Exact' },
      'Invalid',
      /resourceVersionMatch "exact" is forbidden for resourceVersion "0"/,
    ],
    ['streaming a list', { sendInitialEvents: 'true' }, 'Invalid', /sendInitialEvents is forbidden for list/],
    [
      'a version that is none',
      { resourceVersion: 'x' },
      'BadRequest',
      /^invalid resource version: .*strconv\.ParseUint: parsing "x": invalid syntax$/,
    ],
    [
      'a version with a token',
      { resourceVersion: '5', continue: 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0' },
      'BadRequest',
      /^specifying resource version is not allowed when using continue$/,
    ],
    ['a token that is none', { continue: 'x' }, 'BadRequest', /^invalid continue token/],
    ['a bad label selector', { labelSelector: 'a==b==c' }, 'BadRequest', /found '==', expected: ',' or 'end of string'/],
    [
      'an unknown field',
      { fieldSelector: 'data.x=1' },
      'BadRequest',
      /^"data\.x" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
    ],
    ['a limit that is none', { limit: 'x' }, 'BadRequest', /^strconv\.ParseInt: parsing "x": invalid syntax$/],
  ];
  for (const [name, query, reason, message] of cases) {
    test(`refuses ${name}`, async () => {
      const [why, text] = await refusal(list('default', query));
      assert.equal(why, reason, text);
      assert.match(text, message);
    });
  }

  test('of pods selects by the fields pods have', async () => {
    const aPod = (name: string, nodeName: string): New<Pod> =>
      ({ metadata: { name, namespace: 'fields' }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }] } }) as New<Pod>;
    for (const [name, node] of [
      ['a', 'n1'],
      ['b', 'n2'],
      ['c', 'n1'],
    ] as const)
      await client.create(pods, aPod(name, node));
    const on = async (fieldSelector: string): Promise<string[]> =>
      (await client.list(pods, { fieldSelector })).items.map(({ metadata }) => metadata.name);
    assert.deepEqual(await on('spec.nodeName=n1'), ['a', 'c']);
    assert.deepEqual(await on('spec.nodeName!=n1,metadata.namespace=fields'), ['b']);
    assert.deepEqual(await on('status.phase=Pending,spec.nodeName=n2'), ['b']);
    assert.deepEqual(await refusal(client.list(pods, { fieldSelector: 'spec.color=red' })), [
      'BadRequest',
      'field label not supported: spec.color',
    ]);
  });
});

describe('watch', () => {
  async function take(events: AsyncIterable<WatchEvent<unknown>>, count: number): Promise<string[]> {
    const seen: string[] = [];
    for await (const event of events) {
      seen.push(
        event.type === 'BOOKMARK'
          ? `BOOKMARK${event.initialEventsEnd ? ' end' : ''}`
          : `${event.type} ${(event.object as { metadata: { name: string } }).metadata.name}`,
      );
      if (seen.length === count) break;
    }
    return seen;
  }

  test('goes on where it is asked to, without a gap and without a repeat', async () => {
    const then = await seed('resumed', 2);
    await client.patch(configmaps, { name: 'a', namespace: 'resumed' }, { type: 'merge', body: { data: { x: '1' } } });
    await client.delete(configmaps, { name: 'b', namespace: 'resumed' });
    const events = client.watch(configmaps, { namespace: 'resumed', resourceVersion: then });
    const seen = take(events, 3);
    await client.create(configmaps, { metadata: { name: 'c', namespace: 'resumed' } });
    assert.deepEqual(await seen, ['MODIFIED a', 'DELETED b', 'ADDED c']);
  });

  test('streams a list, marks its end, and goes on', async () => {
    await seed('streamed', 2);
    const seen = take(
      transport.watch({
        verb: 'watch',
        resource: configmaps,
        namespace: 'streamed',
        query: { sendInitialEvents: 'true', allowWatchBookmarks: 'true', resourceVersionMatch: 'NotOlderThan' },
      }),
      4,
    );
    await Promise.resolve();
    const later = client.create(configmaps, { metadata: { name: 'c', namespace: 'streamed' } });
    const events = await seen;
    await later;
    assert.deepEqual(events.toSorted(), ['ADDED a', 'ADDED b', 'ADDED c', 'BOOKMARK end']);
    assert.ok(events.indexOf('BOOKMARK end') > events.indexOf('ADDED b'));
  });

  test('of a forgotten version ends with Expired', async () => {
    const then = await seed('old', 1);
    await client.create(configmaps, { metadata: { name: 'b', namespace: 'old' } });
    await running.server.forgetHistory();
    const [reason, message] = await refusal(take(client.watch(configmaps, { namespace: 'old', resourceVersion: then }), 1));
    assert.equal(reason, 'Expired');
    assert.match(message, new RegExp(`^too old resource version: ${then} \\(\\d+\\)$`));
  });

  test('too far behind is cut off, and says so', async () => {
    const events = client.watch(configmaps, { namespace: 'slow' });
    const first = events.next();
    for (let i = 0; i < 10_500; i += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, k) => client.create(configmaps, { metadata: { name: `c-${i + k}`, namespace: 'slow' } })),
      );
    await first;
    await client.get(configmaps, { name: 'c-1', namespace: 'slow' }); // the cache has caught up with all writes
    await assert.rejects(
      async () => {
        for await (const _event of events);
      },
      (error) => isStatusError(error, 'Expired'),
    );
  });

  for (const [name, query, message] of [
    [
      'a match without streaming',
      { resourceVersionMatch: 'NotOlderThan', resourceVersion: '1' },
      /resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided/,
    ],
    ['streaming without a match', { sendInitialEvents: 'true' }, /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/],
  ] as const) {
    test(`refuses ${name}`, async () => {
      const [reason, text] = await refusal(take(transport.watch({ verb: 'watch', resource: configmaps, namespace: 'default', query }), 1));
      assert.equal(reason, 'Invalid');
      assert.match(text, message);
    });
  }
});

test('A store that others write too is asked where it stands, and its failure is told', async () => {
  const alone = await startLoopbackServer({ engine: 'etcd' });
  try {
    const { store } = alone;
    await alone.client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
    assert.equal((await alone.client.get(configmaps, { name: 'a', namespace: 'default' })).metadata.name, 'a');
    store.readFailures.push(new StoreUnavailableError('no leader'));
    await assert.rejects(alone.client.get(configmaps, { name: 'a', namespace: 'default' }), (error) => {
      assert.ok(isStatusError(error, 'ServiceUnavailable'));
      assert.deepEqual([error.message, error.details?.retryAfterSeconds], ['storage is unavailable: no leader', 1]);
      return true;
    });
  } finally {
    await alone.stop();
  }
});

describe("values of upstream's server in the same store", () => {
  const protobuf = kubeProtobuf(new Schema());
  const metadata = { name: 'theirs', namespace: 'shared', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' };
  const put = async (prefix: string, object: object): Promise<void> => {
    const value = protobuf.encode(object);
    const put = { kind: 'put', key: `/registry/${prefix}/shared/theirs`, value } as const;
    await running.store.transact({ conditions: [], operations: [put] });
    await running.server.reader.caughtUp();
  };

  test('are read, watched and changed like our own', async () => {
    const told = client.watch(secrets, { namespace: 'shared' })[Symbol.asyncIterator]();
    await put('secrets', { kind: 'Secret', apiVersion: 'v1', metadata, data: { a: 'eA==' }, type: 'Opaque' });
    const { resourceVersion, ...seen } = (await client.get(secrets, { name: 'theirs', namespace: 'shared' })).metadata;
    assert.deepEqual(seen, metadata);
    const event = (await told.next()).value as WatchEvent<Secret>;
    assert.ok(event.type === 'ADDED' && event.object.metadata.resourceVersion === resourceVersion);
    const patched = await client.patch(secrets, { name: 'theirs', namespace: 'shared' }, { type: 'merge', body: { data: { b: 'eQ==' } } });
    assert.deepEqual([patched.data, patched.type, patched.metadata.uid], [{ a: 'eA==', b: 'eQ==' }, 'Opaque', 'u']);
    await told.return?.();
  });

  test('may be of another version of their kind', async () => {
    const spec = {
      scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
      maxReplicas: 3,
      targetCPUUtilizationPercentage: 50,
    };
    await put('horizontalpodautoscalers', { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v1', metadata, spec });
    const scaler = await client.get(horizontalpodautoscalers, { name: 'theirs', namespace: 'shared' });
    assert.equal(scaler.apiVersion, 'autoscaling/v2');
    assert.deepEqual(scaler.spec.metrics, [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ]);
  });
});
