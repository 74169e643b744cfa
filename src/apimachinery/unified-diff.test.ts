import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonDiff } from './unified-diff.ts';

test('jsonDiff shows changed lines with three lines around them', () => {
  const before = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 };
  assert.equal(
    jsonDiff(before, { ...before, e: 0 }),
    '@@ -3,7 +3,7 @@\n  "b": 2,\n  "c": 3,\n  "d": 4,\n- "e": 5,\n+ "e": 0,\n  "f": 6,\n  "g": 7,\n  "h": 8\n',
  );
});

test('jsonDiff splits changes that are far apart', () => {
  const list = Array.from({ length: 30 }, (_, i) => i);
  const diff = jsonDiff(list, list.with(1, 100).with(28, 200));
  assert.deepEqual(diff.match(/@@.*@@/g), ['@@ -1,6 +1,6 @@', '@@ -27,6 +27,6 @@']);
});

test('jsonDiff of equal values is empty, in whatever order their members come', () =>
  assert.equal(jsonDiff({ a: [{ x: 1, y: 2 }], b: 1 }, { b: 1, a: [{ y: 2, x: 1 }] }), ''));

test('jsonDiff shows additions and removals', () => {
  assert.equal(jsonDiff([1, 2], [1, 3, 2]), '@@ -1,4 +1,5 @@\n [\n  1,\n+ 3,\n  2\n ]\n');
});
