import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { unpackZipEntry, type ZipEntry, zipEntries, ZipError } from './zip.ts';

interface Content {
  readonly name: string;
  readonly bytes: Buffer;
  readonly method: 0 | 8 | 99;
  readonly encrypted?: true;
}

/** An archive written by hand: local headers with an extra field each, then the directory and a comment. */
function archive(contents: readonly Content[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, method, encrypted } of contents) {
    const packed = method === 8 ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26); // the fields that both headers share
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(encrypted === true ? 1 : 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    common.writeUInt16LE(4, 24);
    const extra = Buffer.from('XTRA');
    const local = Buffer.concat([u32(0x04034b50), common, Buffer.from(name), extra, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([u32(0x02014b50), Buffer.from([20, 0]), common, rest, Buffer.from(name), extra]));
    locals.push(local);
    offset += local.length;
  }
  const size = Buffer.concat(directory).length;
  const end = Buffer.alloc(18);
  end.writeUInt16LE(contents.length, 4);
  end.writeUInt16LE(contents.length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(7, 16);
  return Buffer.concat([...locals, ...directory, u32(0x06054b50), end, Buffer.from('comment')]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function written(t: TestContext, bytes: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'zip-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.zip');
  writeFileSync(path, bytes);
  return path;
}

async function unpacked(path: string, entry: ZipEntry | undefined): Promise<Buffer> {
  assert.ok(entry);
  const target = new PassThrough();
  const [, bytes] = await Promise.all([unpackZipEntry(path, entry, target), buffer(target)]);
  return bytes;
}

const LARGE = Buffer.from('0123456789abcdef'.repeat(20_000));

const CONTENTS: readonly Content[] = [
  { name: 'folder/', bytes: Buffer.alloc(0), method: 0 },
  { name: 'folder/stored', bytes: Buffer.from('as it is'), method: 0 },
  { name: 'folder/deflated', bytes: LARGE, method: 8 },
];

test('zipEntries lists names, sizes and methods in order', async (t) => {
  const entries = await zipEntries(written(t, archive(CONTENTS)));
  assert.deepEqual(
    entries.map(({ name, size, method }) => ({ name, size, method })),
    [
      { name: 'folder/', size: 0, method: 'stored' },
      { name: 'folder/stored', size: 8, method: 'stored' },
      { name: 'folder/deflated', size: LARGE.length, method: 'deflated' },
    ],
  );
});

test('unpackZipEntry gives back what was packed', async (t) => {
  const path = written(t, archive(CONTENTS));
  const entries = await zipEntries(path);
  for (const [index, { bytes }] of CONTENTS.entries()) assert.deepEqual(await unpacked(path, entries[index]), bytes);
});

for (const c of [
  { name: 'is no archive', bytes: () => Buffer.from('text'.repeat(20)), says: /is no zip archive/ },
  { name: 'lost its end', bytes: () => archive(CONTENTS).subarray(0, -40), says: /is no zip archive/ },
  {
    name: 'is encrypted',
    bytes: () => archive([{ name: 'a', bytes: Buffer.from('a'), method: 0, encrypted: true }]),
    says: /a is encrypted/,
  },
  {
    name: 'is packed strangely',
    bytes: () => archive([{ name: 'a', bytes: Buffer.from('a'), method: 99 }]),
    says: /a is packed in an unknown way/,
  },
]) {
  test(`zipEntries refuses a file that ${c.name}`, async (t) => {
    await assert.rejects(zipEntries(written(t, c.bytes())), (error) => error instanceof ZipError && c.says.test(error.message));
  });
}

test('unpackZipEntry refuses changed bytes', async (t) => {
  const path = written(t, archive([{ name: 'a', bytes: Buffer.from('as it is'), method: 0 }]));
  const [entry] = await zipEntries(path);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('as it is')] = 0x41;
  writeFileSync(path, bytes);
  await assert.rejects(unpacked(path, entry), ZipError);
});

test('unpackZipEntry lets no more through than the archive promised', async (t) => {
  const path = written(t, archive([{ name: 'a', bytes: LARGE, method: 8 }]));
  const [entry] = await zipEntries(path);
  assert.ok(entry);
  await assert.rejects(unpacked(path, { ...entry, size: 10 }), ZipError);
});
