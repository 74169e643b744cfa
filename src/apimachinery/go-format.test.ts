import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goType, goValue } from './go-format.ts';

for (const [value, type, shown] of [
  [null, '<nil>', '<nil>'],
  [true, 'bool', 'true'],
  [7, 'int64', '7'],
  [2n ** 63n - 1n, 'int64', '9223372036854775807'],
  [1.5, 'float64', '1.5'],
  [1e22, 'int64', '1e+22'],
  ['a', 'string', 'a'],
  [[1, 'x'], '[]interface {}', '[1 x]'],
  [{ b: [2n ** 60n], a: null }, 'map[string]interface {}', 'map[a:<nil> b:[1152921504606846976]]'],
] as const) {
  test(`goType and goValue of ${shown}`, () => assert.deepEqual([goType(value), goValue(value)], [type, shown]));
}
