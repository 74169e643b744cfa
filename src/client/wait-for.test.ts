import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { conflict, StatusError } from '#apimachinery/errors.ts';
import type { Pod } from '#api/types.ts';
import { pods } from '#api/resources.ts';
import { DeadlineExceeded } from './deadline.ts';
import { eachPage, listPages } from './pager.ts';
import { retryOnConflict } from './retry-on-conflict.ts';
import { fakeClient } from './testing.ts';
import { waitFor } from './wait-for.ts';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const NS = 'default';

function setUp() {
  const clock = new ManualClock();
  const { client, server } = fakeClient({ clock });
  const running = async (timeoutMs = 60_000, signal?: AbortSignal) =>
    waitFor(
      client,
      pods,
      { name: 'a', namespace: NS },
      { until: (pod) => pod?.status.phase === 'Running', timeoutMs, clock, ids: seededIds(1), ...(signal === undefined ? {} : { signal }) },
    );
  const set = (phase: 'Pending' | 'Running'): void => {
    server.change<Pod>(pods, 'a', NS, (pod) => ({ ...pod, status: { phase } }));
  };
  server.seed(
    pods,
    { metadata: { name: 'a', namespace: NS }, spec: {}, status: { phase: 'Pending' } },
    { metadata: { name: 'b', namespace: NS }, spec: {}, status: { phase: 'Running' } },
  );
  return { clock, client, server, running, set };
}

test('waitFor resolves at once when the object is as wanted', async () => {
  const { running, set, clock, server } = setUp();
  set('Running');
  assert.equal((await running())?.metadata.name, 'a');
  assert.deepEqual([clock.pending, server.openWatches], [0, 0]);
});

test('waitFor resolves when a change makes it so, across a broken connection', async () => {
  const { running, set, clock, server } = setUp();
  const waiting = running();
  await turn();
  server.breakWatches();
  await turn();
  set('Running');
  clock.advance(2000);
  assert.equal((await waiting)?.status.phase, 'Running');
  assert.deepEqual([clock.pending, server.openWatches], [0, 0]);
});

test('waitFor sees a deletion', async () => {
  const { client, server, clock } = setUp();
  const gone = waitFor(
    client,
    pods,
    { name: 'a', namespace: NS },
    { until: (pod) => pod === undefined, timeoutMs: 1000, clock, ids: seededIds(1) },
  );
  await turn();
  server.erase(pods, 'a', NS);
  assert.equal(await gone, undefined);
});

test('waitFor gives up at its deadline and leaves nothing behind', async () => {
  const { running, clock, server } = setUp();
  const waiting = running(5000);
  await turn();
  clock.advance(5000);
  await assert.rejects(waiting, (error) => error instanceof DeadlineExceeded && error.message === 'timed out waiting for pods default/a');
  assert.deepEqual([clock.pending, server.openWatches], [0, 0]);
});

test('waitFor ends with the signal and with a refusal', async () => {
  const { running, server } = setUp();
  const stop = new AbortController();
  const waiting = running(5000, stop.signal);
  await turn();
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  server.failNext({ verb: 'list' }, new StatusError('Forbidden', 'no'));
  await assert.rejects(running(), /no/);
});

test('retryOnConflict tries five times and no other error twice', async () => {
  const clock = new ManualClock();
  const ids = seededIds(1);
  let tries = 0;
  const stubborn = assert.rejects(
    retryOnConflict(clock, ids, async () => {
      tries++;
      throw conflict(pods, 'a', 'modified');
    }),
    /modified/,
  );
  for (let i = 0; i < 10; i++) {
    await turn();
    clock.advance(11);
  }
  await stubborn;
  assert.equal(tries, 5);
  const refusal = new StatusError('Forbidden', 'no');
  await assert.rejects(
    retryOnConflict(clock, ids, async () => {
      tries++;
      throw refusal;
    }),
    refusal,
  );
  assert.equal(tries, 6);
});

test('listPages gathers pages of one state and starts over in one piece when a page has expired', async () => {
  const { client, server } = fakeClient();
  server.seed(pods, ...Array.from({ length: 25 }, (_, i) => ({ metadata: { name: `p${String(i).padStart(2, '0')}`, namespace: NS } })));
  const at = server.resourceVersion;
  const paged = await listPages(client, pods, { namespace: NS }, 10);
  assert.deepEqual([paged.items.length, paged.resourceVersion, paged.paginated], [25, at, true]);
  let calls = 0;
  server.react({ verb: 'list' }, () => {
    if (++calls === 2) throw new StatusError('Expired', 'continue token is too old');
    return undefined;
  });
  assert.equal((await listPages(client, pods, { namespace: NS }, 10)).items.length, 25);
  assert.equal(calls, 3);
});

test('eachPage shows the state of its first page whatever is written meanwhile', async () => {
  const { client, server } = fakeClient();
  server.seed(pods, ...Array.from({ length: 5 }, (_, i) => ({ metadata: { name: `p${i}`, namespace: NS } })));
  const names: string[] = [];
  for await (const page of eachPage(client, pods, { namespace: NS }, 2)) {
    names.push(...page.map(({ metadata }) => metadata.name));
    server.erase(pods, `p${names.length}`, NS);
    if (names.length === 4) break;
  }
  assert.deepEqual(names, ['p0', 'p1', 'p2', 'p3']);
});
