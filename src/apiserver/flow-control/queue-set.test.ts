import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { DemandMeter } from './demand.ts';
import { QueueSet, type Occupant, type Queuing } from './queue-set.ts';

const QUEUE: Queuing = { kind: 'queue', queues: 4, handSize: 1, lengthLimit: 3 };

function queueSet(queuing: Queuing, limit: number): { readonly clock: ManualClock; readonly set: QueueSet } {
  const clock = new ManualClock();
  const set = new QueueSet(clock, new DemandMeter(clock.monotonic()));
  set.configure(queuing, limit);
  return { clock, set };
}

/** @param flow chooses the queue, since hands are of one card */
const request = (flow: number, seats = 1, more: Partial<Occupant> & { finalSeats?: number; afterMs?: number } = {}): Occupant => ({
  work: { seats, finalSeats: more.finalSeats ?? 0, afterMs: more.afterMs ?? 0 },
  hash: flow,
  waitMs: 1_000,
  signal: () => new AbortController().signal,
  ...more,
});

test('a level that rejects refuses beyond its seats', () => {
  const { set } = queueSet({ kind: 'reject' }, 2);
  const first = request(0, 2);
  assert.equal(set.enter(first), undefined);
  assert.equal(set.enter(request(0)), 'concurrency-limit');
  set.leave(first);
  assert.equal(set.enter(request(0)), undefined);
});

test('an exempt level never refuses and counts', () => {
  const { set } = queueSet({ kind: 'exempt' }, 0);
  for (let i = 0; i < 10; i++) assert.equal(set.enter(request(0, 3)), undefined);
  assert.equal(set.counts.seatsInUse, 30);
});

test('a wider request than the level has seats runs alone', async () => {
  const { set } = queueSet(QUEUE, 2);
  const small = request(0);
  assert.equal(set.enter(small), undefined);
  const wide = set.enter(request(1, 5));
  assert.ok(wide instanceof Promise);
  set.leave(small);
  assert.equal(await wide, undefined);
  assert.equal(set.counts.seatsInUse, 5);
});

test('a full queue refuses its flow and not another', () => {
  const { set } = queueSet(QUEUE, 1);
  assert.equal(set.enter(request(0)), undefined);
  for (let i = 0; i < 3; i++) assert.ok(set.enter(request(0)) instanceof Promise);
  assert.equal(set.enter(request(0)), 'queue-full');
  assert.ok(set.enter(request(1)) instanceof Promise);
});

test('who waits too long or goes away leaves the queue', async () => {
  const { set, clock } = queueSet(QUEUE, 1);
  assert.equal(set.enter(request(0)), undefined);
  const late = set.enter(request(0));
  const gone = new AbortController();
  const left = set.enter(request(1, 1, { signal: () => gone.signal }));
  gone.abort();
  assert.equal(await left, 'time-out');
  clock.advance(1_000);
  assert.equal(await late, 'time-out');
  assert.deepEqual([set.counts.waiting, set.counts.timedOut, set.counts.cancelled], [0, 1, 1]);
});

test('a flood of one flow does not starve another', async () => {
  const { set, clock } = queueSet({ ...QUEUE, lengthLimit: 1_000 }, 1);
  const order: string[] = [];
  const running: Occupant[] = [];
  const enter = (name: string, flow: number): void => {
    const one = request(flow, 1, { waitMs: 1e9 });
    const entered = set.enter(one);
    const begin = (): void => {
      order.push(name);
      running.push(one);
    };
    if (entered instanceof Promise) void entered.then(begin);
    else begin();
  };
  for (let i = 0; i < 50; i++) enter('flood', 0);
  for (let i = 0; i < 5; i++) enter('small', 1);
  while (running.length > 0) {
    clock.advance(10);
    set.leave(running.shift() as Occupant);
    await Promise.resolve();
  }
  assert.equal(order.length, 55);
  assert.ok(order.lastIndexOf('small') < 13, `in turns: ${order.slice(0, 14).join(' ')}`);
});

test('a write keeps its seats until watchers were told', async () => {
  const { set, clock } = queueSet(QUEUE, 2);
  const write = request(0, 1, { finalSeats: 2, afterMs: 5 });
  assert.equal(set.enter(write), undefined);
  set.leave(write);
  const next = set.enter(request(1));
  assert.ok(next instanceof Promise);
  clock.advance(5);
  assert.equal(await next, undefined);
  assert.equal(set.counts.seatsInUse, 1);
});
