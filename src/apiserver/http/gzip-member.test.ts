import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, crc32, deflateRawSync, gunzipSync } from 'node:zlib';
import { seededIds } from '#base/ids.ts';
import { GZIP_HEAD, gzipEnd, joined, NOTHING } from './gzip-member.ts';

const checked = (bytes: Buffer): { crc: number; length: number } => ({ crc: crc32(bytes), length: bytes.length });

test('joined gives the checksum of both', () => {
  const ids = seededIds(7);
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(Array.from({ length: Math.floor(ids.fraction() * 2_000) }, () => Math.floor(ids.fraction() * 256)));
    const at = Math.floor(ids.fraction() * (bytes.length + 1));
    assert.deepEqual(joined(checked(bytes.subarray(0, at)), checked(bytes.subarray(at))), checked(bytes), `${at} of ${bytes.length}`);
  }
  const long = Buffer.alloc(70_000_000, 'pods');
  assert.deepEqual(joined(checked(long), checked(Buffer.from('end'))), checked(Buffer.concat([long, Buffer.from('end')])));
  assert.deepEqual(joined(NOTHING, NOTHING), NOTHING);
});

test('a member of blocks deflated apart is read as their contents', () => {
  const parts = ['', 'a'.repeat(100_000), 'b', 'a'.repeat(100_000)].map((text) => Buffer.from(text));
  const blocks = parts.map((part) => deflateRawSync(part, { finishFlush: constants.Z_FULL_FLUSH }));
  const whole = parts.map(checked).reduce(joined, NOTHING);
  assert.deepEqual(gunzipSync(Buffer.concat([GZIP_HEAD, ...blocks, gzipEnd(whole)])), Buffer.concat(parts));
});
