import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { Pace } from './pace.ts';

function paced() {
  const clock = new ManualClock(0);
  const asked: (number | 'now')[] = [];
  const pace = new Pace({ add: () => void asked.push('now'), addAfter: (_, delayMs) => void asked.push(delayMs) }, clock);
  return { clock, asked, pace };
}

test('Pace looks at the first change at once, and at all that follow together after a gap', () => {
  const { clock, asked, pace } = paced();
  pace.wake('ns/web');
  pace.looked('ns/web');
  pace.writes('ns/web');
  clock.advance(30);
  pace.wake('ns/web');
  pace.wake('ns/web');
  pace.wake('ns/other');
  assert.deepEqual(asked, ['now', 70, 'now']);
  clock.advance(70);
  pace.looked('ns/web');
  pace.wake('ns/web');
  assert.deepEqual(asked, ['now', 70, 'now', 'now']);
});

test('Pace doubles the gap up to a second while one write follows the other, and begins anew after a quiet time', () => {
  const { clock, asked, pace } = paced();
  const gaps = Array.from({ length: 6 }, () => {
    pace.looked('ns/web');
    pace.writes('ns/web');
    pace.wake('ns/web');
    const gap = asked.at(-1) as number;
    clock.advance(gap);
    return gap;
  });
  assert.deepEqual(gaps, [100, 200, 400, 800, 1000, 1000]);
  clock.advance(1001);
  pace.looked('ns/web');
  pace.writes('ns/web');
  pace.wake('ns/web');
  assert.equal(asked.at(-1), 100);
  pace.forget('ns/web');
  pace.wake('ns/web');
  assert.equal(asked.at(-1), 'now');
});

test('Pace lets what stops serving wait 100 ms after a write at most, whatever the gap', () => {
  const { clock, asked, pace } = paced();
  for (let write = 0; write < 5; write++) {
    pace.looked('ns/web');
    pace.writes('ns/web');
    clock.advance(30);
  }
  pace.wake('ns/web');
  pace.wake('ns/web', true);
  assert.deepEqual(asked, [970, 70]);
  clock.advance(70);
  pace.wake('ns/web', true);
  assert.equal(asked.at(-1), 'now');
});

test('Pace lets all Services wait when they are written more often than their share, a pod that serves no longer too', () => {
  const { clock, asked, pace } = paced();
  for (let i = 0; i < 100; i++) pace.writes(`ns/web-${i}`);
  pace.wake('ns/new');
  pace.writes('ns/web-100', 50);
  pace.wake('ns/new');
  pace.wake('ns/web-0', true);
  assert.deepEqual(asked, ['now', 2500, 2500]);
  clock.advance(2500);
  pace.wake('ns/new');
  assert.deepEqual(asked.at(-1), 'now');
});
