import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { Wheel } from './wheel.ts';

test('Wheel fires each item once a period, spread over it, with one timer', () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  const wheel = new Wheel<string>({ clock, periodMs: 1000, slots: 4, fire: (item) => fired.push(`${item}@${clock.monotonic()}`) });
  for (const item of ['a', 'b', 'c', 'd', 'e']) wheel.add(item);
  clock.advance(2000);
  assert.deepEqual(fired, ['a@250', 'e@250', 'b@500', 'c@750', 'd@1000', 'a@1250', 'e@1250', 'b@1500', 'c@1750', 'd@2000']);
  assert.equal(clock.pending, 1);
  wheel.stop();
  assert.equal(clock.pending, 0);
});
