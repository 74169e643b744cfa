import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextStep, ttlSeconds } from './plan.ts';

for (const [step, nodes, want] of [
  [0, 100, 0],
  [0, 101, 15],
  [1, 90, 15],
  [1, 89, 0],
  [0, 1500, 60],
  [4, 3, 0],
  [3, 2001, 300],
] as const) {
  test(`ttlSeconds of ${nodes} nodes, from step ${step}`, () => assert.equal(ttlSeconds(nextStep(step, nodes)), want));
}
