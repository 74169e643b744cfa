import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trimEnd } from './trim-end.ts';

for (const [text, expected] of [
  ['', ''],
  ['**', ''],
  ['/a*', '/a'],
  ['/*a**', '/*a'],
  ['*a', '*a'],
] as const) {
  test(`trimEnd of ${JSON.stringify(text)}`, () => assert.equal(trimEnd(text, '*'), expected));
}
