import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { DelayHeap } from './delay-heap.ts';
import { rateLimiter } from './rate-limiter.ts';
import { WorkQueue, type WorkQueueMetrics } from './work-queue.ts';

const taken = async (queue: WorkQueue<string>): Promise<string | undefined> => (await queue.get())?.item;

function setUp(metrics?: WorkQueueMetrics) {
  const clock = new ManualClock();
  const queue = new WorkQueue<string>({ clock, ...(metrics === undefined ? {} : { metrics }) });
  return { clock, queue };
}

test('WorkQueue gives items in the order they came, each once', async () => {
  const { queue } = setUp();
  for (const item of ['a', 'b', 'a', 'c']) queue.add(item);
  assert.deepEqual([await taken(queue), await taken(queue), await taken(queue), queue.length], ['a', 'b', 'c', 0]);
});

test('WorkQueue hands an item that is being processed out again only after done', async () => {
  const { queue } = setUp();
  queue.add('a');
  assert.equal(await taken(queue), 'a');
  queue.add('a');
  queue.add('a');
  assert.equal(queue.length, 0);
  queue.done('a');
  assert.equal(await taken(queue), 'a');
  queue.done('a');
  assert.equal(queue.length, 0);
});

test('WorkQueue get waits for an item, the first to wait gets it first', async () => {
  const { queue } = setUp();
  const [first, second] = [taken(queue), taken(queue)];
  queue.add('a');
  queue.add('b');
  assert.deepEqual([await first, await second], ['a', 'b']);
});

test('WorkQueue addAfter keeps the earlier time and uses one timer for all', async () => {
  const { clock, queue } = setUp();
  queue.addAfter('late', 1000);
  queue.addAfter('early', 100);
  queue.addAfter('late', 50);
  queue.addAfter('late', 5000);
  assert.equal(clock.pending, 1);
  clock.advance(50);
  assert.equal(await taken(queue), 'late');
  clock.advance(50);
  assert.equal(await taken(queue), 'early');
  assert.equal(clock.pending, 0);
});

test('WorkQueue addAfter without delay adds at once', () => {
  const { clock, queue } = setUp();
  queue.addAfter('a', 0);
  assert.deepEqual([queue.length, clock.pending], [1, 0]);
});

test('WorkQueue addRateLimited waits twice as long with each failure, up to 1000 s, until forgotten', () => {
  const limiter = rateLimiter<string>({ overall: undefined });
  const delays = Array.from({ length: 20 }, () => limiter.when('a', 0));
  assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(delays.at(-1), 1_000_000);
  assert.deepEqual([limiter.failures('a'), limiter.when('b', 0)], [20, 5]);
  limiter.forget('a');
  assert.equal(limiter.when('a', 0), 5);
});

test('rateLimiter lets all items together retry ten times a second after a burst of a hundred', () => {
  const limiter = rateLimiter<number>();
  const delays = Array.from({ length: 103 }, (_, item) => limiter.when(item, 0));
  assert.deepEqual(delays.slice(99), [5, 100, 200, 300]);
});

test('WorkQueue shutDown lets ready items be taken, drops delayed ones and takes no more', async () => {
  const { clock, queue } = setUp();
  queue.add('a');
  queue.addAfter('b', 10);
  const other = setUp().queue;
  const waiting = other.get();
  queue.shutDown();
  other.shutDown();
  queue.add('c');
  queue.addAfter('d', 0);
  assert.equal(await taken(queue), 'a');
  assert.equal(await queue.get(), undefined);
  assert.equal(await waiting, undefined);
  assert.equal(clock.pending, 0);
});

test('WorkQueue reports depth, waits, work and retries', async () => {
  const seen: string[] = [];
  const { clock, queue } = setUp({
    added: (depth) => seen.push(`added ${depth}`),
    taken: (depth, seconds) => seen.push(`taken ${depth} ${seconds}`),
    finished: (seconds) => seen.push(`finished ${seconds}`),
    retried: () => seen.push('retried'),
  });
  queue.add('a');
  queue.add('b');
  clock.advance(2000);
  await queue.get();
  clock.advance(3000);
  assert.deepEqual(queue.unfinished(), { totalSeconds: 3, longestSeconds: 3 });
  queue.done('a');
  queue.addRateLimited('a');
  assert.deepEqual(seen, ['added 1', 'added 2', 'taken 1 2', 'finished 3', 'retried']);
});

test('WorkQueue never gives an item to two workers, and never loses one', async () => {
  const chance = seededIds(3);
  const { clock, queue } = setUp();
  const busy = new Set<string>();
  const owed = new Set<string>();
  for (let step = 0; step < 5000; step++) {
    const item = `i${Math.floor(chance.fraction() * 20)}`;
    const dice = chance.fraction();
    if (dice < 0.3) {
      queue.add(item);
      owed.add(item);
    } else if (dice < 0.4) {
      queue.addAfter(item, chance.fraction() * 100);
      owed.add(item);
    } else if (dice < 0.5) clock.advance(chance.fraction() * 50);
    else if (dice < 0.75 && queue.length > 0) {
      const got = (await taken(queue)) as string;
      assert.equal(busy.has(got), false);
      busy.add(got);
      owed.delete(got);
    } else if (busy.has(item)) {
      busy.delete(item);
      queue.done(item);
    }
  }
  for (const item of busy) queue.done(item);
  clock.advance(1000);
  while (queue.length > 0) owed.delete((await taken(queue)) as string);
  assert.deepEqual([...owed], []);
});

test('DelayHeap gives items in the order they are due', () => {
  const chance = seededIds(5);
  const heap = new DelayHeap<number>();
  const due = new Map<number, number>();
  for (let i = 0; i < 2000; i++) {
    const item = Math.floor(chance.fraction() * 500);
    const at = Math.floor(chance.fraction() * 1000);
    heap.add(item, at);
    due.set(item, Math.min(at, due.get(item) ?? at));
  }
  assert.equal(heap.size, due.size);
  assert.equal(heap.popDue(-1), undefined);
  let last = -1;
  for (let next = heap.popDue(1000); next !== undefined; next = heap.popDue(1000)) {
    const at = due.get(next.item) as number;
    assert.ok(at >= last);
    last = at;
    due.delete(next.item);
  }
  assert.equal(due.size, 0);
});
