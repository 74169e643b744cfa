import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { runWorkers, TerminalError, type Requeue } from './workers.ts';
import { WorkQueue } from './work-queue.ts';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(workers: number, reconcile: (item: string) => Promise<Requeue | undefined | void>) {
  const clock = new ManualClock();
  const queue = new WorkQueue<string>({ clock });
  const stop = new AbortController();
  const lines: string[] = [];
  const logger = createLogger((level, message) => lines.push(`${level} ${message}`));
  const ended = runWorkers(queue, { workers, reconcile, clock, logger, signal: stop.signal });
  return { clock, queue, stop, lines, ended };
}

test('runWorkers tries a failed item again after its delay and forgets its failures once it succeeds', async () => {
  let left = 2;
  const { clock, queue, stop, lines, ended } = setUp(1, async () => {
    if (left-- > 0) throw new Error('not yet');
  });
  queue.add('a');
  await turn();
  assert.equal(queue.failures('a'), 1);
  clock.advance(5);
  await turn();
  assert.equal(queue.failures('a'), 2);
  clock.advance(10);
  await turn();
  assert.deepEqual([queue.failures('a'), left], [0, -1]);
  assert.deepEqual(lines, ['warn reconcile failed, trying again', 'warn reconcile failed, trying again']);
  stop.abort();
  await ended;
});

test('runWorkers leaves a server alone for as long as it asks, and for a minute at most', async () => {
  const waits = [3, 3600];
  let runs = 0;
  const { clock, queue, stop, ended } = setUp(1, async () => {
    const seconds = waits[runs++];
    if (seconds !== undefined) throw tooManyRequests('busy', seconds);
  });
  queue.add('a');
  await turn();
  for (const [waited, seen] of [
    [2_999, 1],
    [1, 2],
    [59_999, 2],
    [1, 3],
  ] as const) {
    clock.advance(waited);
    await turn();
    assert.equal(runs, seen);
  }
  stop.abort();
  await ended;
});

test('runWorkers comes back to an item when its reconcile asks for it', async () => {
  let runs = 0;
  const { clock, queue, stop, ended } = setUp(1, async () => (++runs === 1 ? { afterMs: 60_000 } : undefined));
  queue.add('a');
  await turn();
  clock.advance(59_999);
  await turn();
  assert.equal(runs, 1);
  clock.advance(1);
  await turn();
  assert.equal(runs, 2);
  stop.abort();
  await ended;
});

test('runWorkers drops an item after a TerminalError', async () => {
  const { clock, queue, stop, lines, ended } = setUp(1, async () => {
    throw new TerminalError('spec makes no sense');
  });
  queue.add('a');
  await turn();
  assert.deepEqual([queue.failures('a'), clock.pending, lines], [0, 0, ['error reconcile failed for good']]);
  stop.abort();
  await ended;
});

test('runWorkers takes a conflict as routine', async () => {
  const { queue, stop, lines, ended } = setUp(1, async () => {
    throw conflict({ group: 'apps', resource: 'replicasets' }, 'a', 'modified');
  });
  queue.add('a');
  await turn();
  assert.deepEqual([queue.failures('a'), lines], [1, ['debug reconcile met a conflict, trying again']]);
  stop.abort();
  await ended;
});

test('runWorkers runs as many reconciles at once as it has workers', async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  const { queue, stop, ended } = setUp(3, async () => {
    most = Math.max(most, ++running);
    await gate.promise;
    running--;
  });
  for (const item of ['a', 'b', 'c', 'd', 'e']) queue.add(item);
  await turn();
  assert.deepEqual([running, queue.length], [3, 2]);
  gate.resolve();
  await turn();
  assert.deepEqual([running, most, queue.length], [0, 3, 0]);
  stop.abort();
  await ended;
});

test('runWorkers waits for what is under way when it is stopped and takes nothing more', async () => {
  const gate = Promise.withResolvers<void>();
  const finished: string[] = [];
  const { queue, stop, ended } = setUp(1, async (item) => {
    await gate.promise;
    finished.push(item);
  });
  queue.add('a');
  queue.add('b');
  await turn();
  stop.abort();
  gate.resolve();
  await ended;
  assert.deepEqual(finished, ['a']);
});
