import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTallies, closingLines, EMPTY_TALLY, subtractTallies, unproven } from './tally.ts';

test('addTallies adds every outcome', () => {
  const one = { tests: 7, suites: 1, passed: 1, failed: 2, cancelled: 1, skipped: 2, todo: 1 };
  assert.deepEqual(addTallies(one, one), { tests: 14, suites: 2, passed: 2, failed: 4, cancelled: 2, skipped: 4, todo: 2 });
  assert.deepEqual(addTallies(EMPTY_TALLY, one), one);
  assert.deepEqual(subtractTallies(addTallies(one, one), one), one);
});

test('unproven counts all that did not pass', () => {
  assert.equal(unproven({ ...EMPTY_TALLY, tests: 5, passed: 1, failed: 1, cancelled: 1, skipped: 1, todo: 1 }), 4);
});

test('closingLines end with the plain count', () => {
  const lines = closingLines({ ...EMPTY_TALLY, tests: 3, passed: 2, failed: 1 }, 12.6);
  assert.ok(lines.includes('# tests 3') && lines.includes('# pass 2') && lines.includes('# fail 1'));
  assert.ok(lines.includes('# duration_ms 13'));
  assert.equal(lines.at(-1), '2 passed, 1 failed');
});
