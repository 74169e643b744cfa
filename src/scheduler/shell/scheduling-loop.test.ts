import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { SchedulingLoop } from './scheduling-loop.ts';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

for (const breaks of ['step', 'flush', 'nextFlush'] as const) {
  test(`a loop whose ${breaks} throws says so once and works no more`, async () => {
    const told: unknown[] = [];
    let called = 0;
    const fault = new Error(breaks);
    const broken = (): never => {
      called++;
      throw fault;
    };
    const loop = new SchedulingLoop({
      clock: new ManualClock(),
      step: () => false,
      flush() {},
      nextFlush: () => undefined,
      broke: (error) => told.push(error),
      [breaks]: broken,
    });
    loop.start();
    await turn();
    loop.wake();
    await turn();
    assert.deepEqual([told, called], [[fault], 1]);
  });
}
