import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { ownText } from './own-text.ts';

const MIB = 1 << 20;
/** Longer texts of Buffers are outside of the heap. */
const LENGTH = 900_000;
const TEXTS = 64;

/** Bytes that `kept` of each of many long texts keeps. */
function held(kept: (text: string) => string): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const all = Array.from({ length: TEXTS }, (_, i) =>
    kept(Buffer.from(`a-name-of-some-length-${i}&${'x'.repeat(LENGTH)}`).toString('latin1')),
  );
  collectGarbage();
  const bytes = process.memoryUsage().heapUsed - before;
  assert.equal(all.length, TEXTS);
  return bytes;
}

test('a piece of a text that is its own keeps nothing of the text', () => {
  assert.ok(held((text) => text.slice(0, 24)) > 32 * MIB, 'a piece holds its text: nothing to mend any more');
  assert.ok(held((text) => ownText(text.slice(0, 24))) < MIB);
});

for (const text of ['', 'a', 'exactly-13-ch', 'Grüße von weit her', '日本語の長いテキストです。', 'a lone surrogate \ud800']) {
  test(`ownText leaves ${JSON.stringify(text)} as it is`, () => assert.equal(ownText(text), text));
}
