import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a32, fnv32 } from './fnv.ts';

for (const [text, hash] of [
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
] as const) {
  test(`fnv1a32 of ${JSON.stringify(text)}`, () => assert.equal(fnv1a32(Buffer.from(text)), hash));
}

test('fnv1a32 goes on from a seed', () =>
  assert.equal(fnv1a32(Buffer.from('bar'), fnv1a32(Buffer.from('foo'))), fnv1a32(Buffer.from('foobar'))));

for (const [text, want] of [
  ['', 0x811c9dc5],
  ['a', 0x050c5d7e],
  ['foobar', 0x31f0b262],
] as const) {
  test(`fnv32 of '${text}'`, () => assert.equal(fnv32(Buffer.from(text)), want));
}
