import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { seededIds } from './ids.ts';

function gathered(bytes: Buffer, sizes: Iterable<number>): GatheredBytes {
  const all = new GatheredBytes();
  let at = 0;
  for (const size of sizes) {
    all.add(bytes.subarray(at, at + size));
    at += size;
  }
  return all;
}

test('GatheredBytes is what was added, however it was cut', () => {
  const ids = seededIds(7);
  for (let i = 0; i < 200; i++) {
    const sizes = Array.from({ length: Math.floor(ids.fraction() * 60) }, () => Math.floor(ids.fraction() ** 4 * 20_000));
    const bytes = Buffer.from(Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, () => Math.floor(ids.fraction() * 256)));
    const all = gathered(bytes, sizes);
    assert.equal(all.length, bytes.length);
    assert.deepEqual(all.whole(), bytes);
    assert.deepEqual(all.whole(), bytes, 'again');
  }
});

test('GatheredBytes of one piece is that piece, uncopied', () => {
  const piece = Buffer.from('x');
  const all = new GatheredBytes();
  all.add(piece);
  assert.equal(all.whole(), piece);
});

test('GatheredBytes of a million single bytes holds little more than a million bytes', () => {
  const byte = Buffer.from('x');
  collectGarbage();
  const before = process.memoryUsage();
  const all = new GatheredBytes();
  for (let i = 0; i < 1 << 20; i++) all.add(byte);
  collectGarbage();
  const after = process.memoryUsage();
  assert.equal(all.length, 1 << 20);
  assert.ok(after.external - before.external < 4 << 20, `${after.external - before.external}`);
  assert.ok(after.heapUsed - before.heapUsed < 8 << 20, `${after.heapUsed - before.heapUsed}`);
});
