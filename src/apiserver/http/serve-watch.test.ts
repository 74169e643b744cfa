import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOfDefinition } from '#api/schema.ts';
import { ManualClock } from '#base/clock.ts';
import { WatchQueue, type WatchItem } from '../registry/watch-queue.ts';
import type { Exchange, ResponseStream } from './exchange.ts';
import { serveWatch, type WatchAnswer } from './serve-watch.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const bookmark = (revision: number): WatchItem => ({ kind: 'bookmark', revision, initialEventsEnd: false });

/** A watch of a client whose connection is full, or is not. */
function watching({ full }: { readonly full: boolean }) {
  const said: string[] = [];
  let drain = (): void => {};
  const stream: ResponseStream = {
    write: (chunk) => {
      said.push(`${chunk.toString().split('\n').length - 1} events`);
      return !full;
    },
    buffered: full ? 2 * MIB : 0,
    drained: () => new Promise((resolve) => (drain = resolve)),
    end: () => said.push('end'),
    abort: () => said.push('abort'),
  };
  const exchange = { upgrade: undefined, stream: () => stream, onClose: () => {} } as unknown as Exchange;
  const queue = new WatchQueue([]);
  const clock = new ManualClock();
  const answer = {
    served: { info: { kind: 'Pod', schema: schemaOfDefinition('io.k8s.api.core.v1.Pod') }, apiVersion: 'v1' },
    form: { encoding: 'json', transform: 'none' },
    shape: { id: '', bookmark: (empty: object) => empty },
    headers: {},
    clock,
    signal: new AbortController().signal,
    series: { sent: () => {}, terminated: () => said.push('counted') },
    watch: { timeoutMs: TIMEOUT_MS, open: () => ({ queue, close: () => said.push('closed') }) },
  } as unknown as WatchAnswer;
  const over = serveWatch(exchange, answer);
  const push = (count: number): void => {
    for (let i = 0; i < count; i++) queue.push(bookmark(i + 1));
    queue.wake();
  };
  return { said, over, push, clock, drain: () => drain() };
}

test('serveWatch cuts off who does not read, at once when more has gathered than is kept', async () => {
  const { said, over, push } = watching({ full: true });
  await Promise.resolve();
  push(1);
  push(10_000);
  assert.deepEqual(said, ['1 events']);
  push(1);
  await over;
  assert.deepEqual(said, ['1 events', 'counted', 'closed', 'abort']);
});

test('serveWatch ends in time, whether its client reads or not', async () => {
  for (const full of [true, false]) {
    const { said, over, push, clock } = watching({ full });
    await Promise.resolve();
    push(1);
    push(1);
    clock.advance(TIMEOUT_MS);
    await over;
    assert.deepEqual(said, full ? ['1 events', 'closed', 'end'] : ['1 events', '1 events', 'closed', 'end']);
  }
});

test('serveWatch goes on where it was once there is room', async () => {
  const { said, push, drain } = watching({ full: true });
  await Promise.resolve();
  push(1);
  push(2);
  drain();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(said, ['1 events', '2 events']);
});
