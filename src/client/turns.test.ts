import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { Turns } from './turns.ts';

test('Turns lets the event loop turn after ten milliseconds of work', async () => {
  const clock = new ManualClock();
  const turns = new Turns(clock);
  clock.advance(9);
  assert.equal(turns.due, false);
  clock.advance(1);
  assert.equal(turns.due, true);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await turns.next();
  assert.deepEqual([turned, turns.due], [true, false]);
});
