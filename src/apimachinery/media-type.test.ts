import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypeOf } from './media-type.ts';

for (const [text, type] of [
  ['application/json', 'application/json'],
  [' Application/JSON ; charset = utf-8 ; ', 'application/json'],
  ['application/json;', 'application/json'],
  ['a/b; x="a;b=\\"c\\""; y=1', 'a/b'],
  ['a/b; x=1; X=2', undefined],
  ['a/b; x', undefined],
  ['a/b;;', undefined],
  ['a/b x', undefined],
  ['a', undefined],
  ['', undefined],
] as const)
  test(`mediaTypeOf ${JSON.stringify(text)}`, () => assert.equal(mediaTypeOf(text), type));

/** As long as a header may be: what takes more than a look at each character takes minutes here. */
for (const text of [
  `a/b${' '.repeat(1_000_000)}x`,
  `a/b;c=d${' '.repeat(1_000_000)}x`,
  `a/b${' ; c = d'.repeat(100_000)}/`,
  `a/b;c="${'\\"'.repeat(400_000)}`,
  'a'.repeat(1_000_000),
])
  test(`mediaTypeOf takes no long look at ${text.slice(0, 12)}…`, () => assert.equal(mediaTypeOf(text), undefined));
