import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeapBytes } from './heap-bytes.ts';

for (const text of ['', 'plain', 'grüß dich', '漢字 and \u{1f600}', '\0\x7f\x80\xff']) {
  test(`HeapBytes of ${JSON.stringify(text)} are its UTF-8, and give it back`, () => {
    const bytes = Buffer.from(text);
    const kept = HeapBytes.of(text);
    assert.equal(kept.length, bytes.length);
    assert.deepEqual(kept.toBuffer(), bytes);
    assert.equal(kept.toString(), text);
    assert.ok(kept.equals(HeapBytes.from(bytes)));
    assert.equal(HeapBytes.from(bytes).toString(), text);
    for (let i = 0; i < bytes.length; i++) assert.equal(kept.at(i), bytes[i]);
  });
}

test('HeapBytes are any bytes, and a copy of those they were made from', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const kept = HeapBytes.from(bytes.subarray(100));
  const target = Buffer.alloc(30);
  assert.equal(kept.copy(target, 5, 20, 40), 25);
  assert.deepEqual(target, Buffer.concat([Buffer.alloc(5), bytes.subarray(120, 140), Buffer.alloc(5)]));
  bytes.fill(0);
  assert.equal(kept.at(1), 101);
  assert.equal(kept.at(kept.length), Number.NaN);
  assert.ok(kept.startsWith(HeapBytes.from(Buffer.from([100, 101]))) && !kept.startsWith(HeapBytes.of('f')));
});
