import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findField } from './field-path.ts';
import type { Props } from './from-crd.ts';

const LEAF = {};
const ROOT = {
  properties: {
    foo: {
      properties: {
        'b.c': { properties: { 'c\x07': LEAF, "c'": LEAF, 'c\\': LEAF } },
        d: { additionalProperties: { additionalProperties: LEAF } },
      },
    },
    "a'b": LEAF,
    "'q": LEAF,
  },
} as unknown as Props;

// As upstream's ValidFieldPath has them.
for (const [path, names, suffix] of [
  [String.raw`.foo['b.c']['c\a']`, ['foo', 'b.c', 'c\x07'], '.foo.b.c.c\x07'],
  [String.raw`['foo']['b.c']['c\'']`, ['foo', 'b.c', "c'"], ".foo.b.c.c'"],
  ['.foo.d.x', ['foo', 'd', 'x'], '.foo.d[x]'],
  [String.raw`.foo.d['\n'].x`, ['foo', 'd', '\n', 'x'], '.foo.d[\n][x]'],
  [".foo.d['']", ['foo', 'd', ''], '.foo.d[]'],
  [".a'b", ["a'b"], ".a'b"],
  [".'q", ["'q"], ".'q"],
] as const) {
  test(`${path} leads to a field`, () => {
    const found = findField(path, ROOT);
    assert.deepEqual([found.names, found.suffix], [names, suffix]);
  });
}

for (const [path, problem] of [
  [String.raw`.foo['b.c']['c\q']`, String.raw`invalid string literal: invalid escape char \q`],
  // What ends in a backslash and a quote has not ended.
  [String.raw`.foo['b.c']['c\\']`, String.raw`expected single quoted string but got 'c\\']`],
  [".foo['b.c'", 'unexpected end of JSON path'],
  [".foo['b.c'x", 'expected ] but got x'],
  ['.foo[b]', 'expected single quoted string but got b'],
  [".foo['b", "expected single quoted string but got 'b"],
  ['.foo.e', 'does not refer to a valid field'],
  ['foo', 'expected [ or . but got: foo'],
] as const) {
  test(`${path} leads nowhere`, () => assert.throws(() => findField(path, ROOT), { message: problem }));
}
