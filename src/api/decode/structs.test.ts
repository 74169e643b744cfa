import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structDecoder, WrongType, type FieldPlan, type Notes } from './structs.ts';

const same = (value: unknown): unknown => value;
const plans: readonly FieldPlan[] = [
  { name: 'plain', decode: same, foldsZero: true, absent: undefined },
  { name: 'pointer', decode: same, foldsZero: false, absent: undefined },
  { name: 'x-always', decode: (value) => [value], foldsZero: false, absent: () => null },
  { name: '"quoted"', decode: same, foldsZero: true, absent: () => [] },
];

for (const value of [
  {},
  { pointer: 0, plain: 0 },
  { pointer: '', plain: '' },
  { plain: [], '"quoted"': [] },
  { '"quoted"': [1], 'x-always': 2, plain: 1 },
  { plain: null, pointer: null, 'x-always': null },
  { other: 1 },
  { plain: undefined },
  { plain: {}, pointer: {} },
]) {
  test(`structDecoder generates code that does what the loop does: ${JSON.stringify(value)}`, () => {
    const notes: readonly [Notes, Notes] = [{ unknownFields: false }, { unknownFields: false }];
    const looped = structDecoder(plans, 'loop')(value, notes[0]);
    const generated = structDecoder(plans)(value, notes[1]);
    assert.equal(JSON.stringify(generated), JSON.stringify(looped));
    assert.deepEqual(notes[1], notes[0]);
  });
}

for (const value of [[], 'text', 7, true]) {
  test(`structDecoder refuses ${JSON.stringify(value)} either way`, () => {
    for (const mode of ['loop', 'auto'] as const)
      assert.throws(() => structDecoder(plans, mode)(value, { unknownFields: false }), WrongType);
  });
}
