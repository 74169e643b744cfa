import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { elapses, ManualClock, systemClock } from './clock.ts';

test('elapses says whether time or the event came first, and leaves no timer', async () => {
  const clock = new ManualClock();
  const event = Promise.withResolvers<void>();
  const first = elapses(clock, 10, event.promise);
  clock.advance(10);
  assert.equal(await first, true);

  const second = elapses(clock, 10, event.promise);
  event.resolve();
  assert.equal(await second, false);
  assert.equal(await elapses(clock, 10, event.promise), false);
  assert.equal(clock.pending, 0);
});

test('elapses fails as the event does', async () => {
  const clock = new ManualClock();
  await assert.rejects(elapses(clock, 10, Promise.reject(new Error('gone'))), /gone/);
  assert.equal(clock.pending, 0);
});

test('systemClock keeps nothing of long timers that were cancelled, each of a length of its own', () => {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) systemClock.after(1_800_000 + i, () => {})();
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 8 << 20, `${grown} bytes`);
});
