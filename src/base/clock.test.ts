import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elapses, ManualClock } from './clock.ts';

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
