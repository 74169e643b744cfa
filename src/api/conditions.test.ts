import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameConditions, type AnyCondition } from './conditions.ts';

const ready: AnyCondition = { type: 'Ready', status: 'True', reason: 'Up', lastTransitionTime: '2026-01-01T00:00:00Z' };
const held: AnyCondition = { type: 'Held', status: 'False' };

for (const { name, a, b, same } of [
  { name: 'no list and an empty one', a: undefined, b: [], same: true },
  {
    name: 'members in another order',
    a: [ready],
    b: [Object.fromEntries(Object.entries(ready).toReversed()) as unknown as AnyCondition],
    same: true,
  },
  { name: 'a null and an absent member', a: [{ ...held, lastTransitionTime: null }], b: [held], same: true },
  { name: 'another message', a: [held], b: [{ ...held, message: 'by me' }], same: false },
  { name: 'one more', a: [ready], b: [ready, held], same: false },
  { name: 'another order', a: [held, ready], b: [ready, held], same: false },
]) {
  test(`sameConditions: ${name}`, () => {
    assert.equal(sameConditions(a, b), same);
    assert.equal(sameConditions(b, a), same);
  });
}
