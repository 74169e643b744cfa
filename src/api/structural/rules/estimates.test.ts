// What rules may cost at most, as upstream's compilation says of the same schema.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaType } from '#apimachinery/cel/schema-type.ts';
import type { Props } from '../from-crd.ts';
import { compileRules } from './compile.ts';

const STRING = { type: 'string' };
const SHORT = { type: 'string', maxLength: 10 };
const SCHEMA = {
  type: 'object',
  properties: {
    s: STRING,
    sm: SHORT,
    l: { type: 'array', items: STRING },
    lm: { type: 'array', maxItems: 5, items: SHORT },
    mm: { type: 'object', maxProperties: 4, additionalProperties: { type: 'integer' } },
    i: { type: 'integer' },
    any: { 'x-kubernetes-preserve-unknown-fields': true },
  },
} as unknown as Props;

for (const [rule, most] of [
  ['self.lm.all(x, self.lm.all(y, x == y))', 258],
  ['self.lm.map(x, x != "a", x + "b").all(y, y == "q")', 134],
  ['self.s.split(",").all(x, x == "a")', 13_212_053],
  ['self.sm.split(",").all(x, x == "a")', 171],
  ['self.s.findAll("a+").all(x, x == "b")', 12_897_480],
  ['[self.i, 2].all(x, x == 1)', 21],
  ['{"a": self.s}.a == "b"', 33],
  ['{"a": self.s, "b": self.sm}.all(k, k == "a")', 43],
  ['self.lm.map(x, x.upperAscii()).filter(y, y.startsWith("A")).exists(z, z.contains("Q"))', 210],
  ['self.s.split(",").map(x, x.split("=")).all(p, p.size() == 2)', 60_397_954],
  ['self.l[0].split(",")[0].split("-")[0] == "a"', 629_151],
  ['self.l.map(x, x + x).map(y, y + y).all(z, z == "a")', 659_740_321_375],
  ['"%s-%d".format([self.s, self.i]) == "a"', 16],
] as const) {
  test(`${rule} costs at most ${most}`, () => {
    const schema = { ...SCHEMA, 'x-kubernetes-validations': [{ rule }] } as unknown as Props;
    const type = schemaType(schema, 'selfType', false);
    assert.ok(type !== undefined);
    const [compiled] = compileRules(schema, type);
    assert.equal(compiled?.problem, undefined);
    assert.equal(compiled?.program?.estimateCost().max, most);
  });
}
