// Files that are not what was written are found out, by name and place, and nothing wrong is ever handed out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { type Store, StoreUnavailableError } from '../contract.ts';
import { StoreCorruptError, StoreFormatError } from './errors.ts';
import { openEmbeddedStore, restoreEmbeddedStore } from './store.ts';
import { MemoryDisk } from './testing/memory-disk.ts';

const ALL = { start: '/', end: '0' };
const SEGMENT_BYTES = 4 << 10;
const FIRST = '00000001-00000001.segment';

function open(disk: MemoryDisk): Promise<Store> {
  return openEmbeddedStore({ dir: '/store', disk, clock: new ManualClock(), segmentBytes: SEGMENT_BYTES });
}

/** A disk with a store of `puts` puts in several segments, closed or as a kill leaves it. */
async function written(end: 'closed' | 'killed', puts = 60): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const store = await open(disk);
  for (let i = 10; i < 10 + puts; i++)
    await store.transact({ conditions: [], operations: [{ kind: 'put', key: `/${i}`, value: Buffer.alloc(200, `${i}`) }] });
  const killed = disk.afterKill();
  await store.close();
  return end === 'closed' ? disk.afterKill() : killed;
}

/** One record: header, key and value. */
const LAST_COMMIT_BYTES = 48 + '/69'.length + 200;

/** Where the last record ends: zeros may follow. */
function endOfRecords(bytes: Buffer): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

function lastSegment(disk: MemoryDisk): string {
  return disk.names.findLast((name) => name.endsWith('.segment')) ?? '';
}

function flip(disk: MemoryDisk, name: string, bit: number): void {
  const bytes = Buffer.from(disk.bytesOf(name));
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  disk.setBytes(name, bytes);
}

function isDamage(name: string): (error: unknown) => boolean {
  return (error) => error instanceof StoreCorruptError && error.path.endsWith(name) && /is damaged/.test(error.message);
}

test('any flipped bit of a sealed segment is found when the store is opened', async () => {
  const ids = seededIds(1);
  const disk = await written('killed');
  const size = disk.bytesOf(FIRST).length;
  for (let i = 0; i < 300; i++) {
    const damaged = disk.afterKill();
    flip(damaged, FIRST, Math.floor(ids.fraction() * size * 8));
    await assert.rejects(open(damaged), isDamage(FIRST));
  }
});

test('any flipped bit before the last commit of the last segment is found when the store is opened', async () => {
  const ids = seededIds(2);
  const disk = await written('killed');
  const name = lastSegment(disk);
  const lastCommit = endOfRecords(disk.bytesOf(name)) - LAST_COMMIT_BYTES;
  for (let i = 0; i < 300; i++) {
    const damaged = disk.afterKill();
    flip(damaged, name, Math.floor(ids.fraction() * lastCommit * 8));
    await assert.rejects(open(damaged), isDamage(name));
  }
});

test('a flipped bit in the last commit of a killed store is taken for a cut-off commit, and never handed out', async () => {
  const disk = await written('killed');
  const name = lastSegment(disk);
  flip(disk, name, endOfRecords(disk.bytesOf(name)) * 8 - 100);
  const store = await open(disk);
  assert.equal((await store.range(ALL)).count, 59);
  await store.close();
});

test('a last segment that was closed and has lost bytes is found when the store is opened', async () => {
  const disk = await written('closed');
  const name = lastSegment(disk);
  const whole = Buffer.from(disk.bytesOf(name));
  for (let cut = 0; cut < whole.length; cut += 7) {
    disk.setBytes(name, whole.subarray(0, cut));
    await assert.rejects(open(disk), isDamage(name), `cut to ${cut} bytes`);
  }
});

test('a sealed segment that has lost its end is found when the store is opened', async () => {
  const disk = await written('killed');
  const whole = Buffer.from(disk.bytesOf(FIRST));
  for (const cut of [0, 10, 31, 32, 33, 100, whole.length - 49, whole.length - 48, whole.length - 1]) {
    disk.setBytes(FIRST, whole.subarray(0, cut));
    await assert.rejects(open(disk), isDamage(FIRST), `cut to ${cut} bytes`);
  }
});

test('a last segment of a killed store may be cut anywhere in its last commit', async () => {
  const disk = await written('killed');
  const name = lastSegment(disk);
  const whole = Buffer.from(disk.bytesOf(name));
  const end = endOfRecords(whole);
  for (let cut = end - LAST_COMMIT_BYTES; cut < end; cut += 5) {
    disk.setBytes(name, whole.subarray(0, cut));
    const store = await open(disk.afterKill());
    assert.equal((await store.range(ALL)).count, 59);
    assert.equal(
      (await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/new', value: Buffer.alloc(1) }] })).revision,
      61,
    );
    await store.close();
  }
});

test('a missing segment is found when the store is opened, the last one after a close', async () => {
  const whole = await written('closed');
  const names = whole.names.filter((name) => name.endsWith('.segment'));
  for (const [at, name] of names.entries()) {
    const disk = whole.afterKill();
    await disk.remove(`/store/${name}`);
    const number = at + 1;
    await assert.rejects(
      open(disk),
      (error: unknown) => error instanceof StoreCorruptError && error.message.includes(`segments ${number} to ${number} are missing`),
    );
  }
});

test('a record that is damaged while the store is open makes its reads fail, clearly, and no others', async () => {
  const disk = await written('closed');
  const store = await open(disk);
  disk.bytesOf(FIRST)[200] = 0xff;
  await assert.rejects(
    store.range({ start: '/10' }),
    (error: unknown) => error instanceof StoreUnavailableError && error.message.includes(`${FIRST} is damaged at byte 32`),
  );
  assert.equal((await store.range({ start: '/60' })).entries[0]?.value.length, 200);
  await store.close();
});

test('a folder of another format is refused with the way out', async () => {
  const disk = await written('closed');
  disk.setBytes('format', Buffer.from('proa embedded store, format 7\n'));
  await assert.rejects(open(disk), (error: unknown) => {
    assert.ok(error instanceof StoreFormatError);
    assert.match(error.message, /another version of proa: it is in format 7, this version reads format 1; run the version that wrote it/);
    return true;
  });
});

for (const [name, text] of [
  ['unreadable', 'hello'],
  ['empty', ''],
] as const) {
  test(`a folder whose format file is ${name} is refused`, async () => {
    const disk = await written('closed');
    disk.setBytes('format', Buffer.from(text));
    await assert.rejects(open(disk), StoreFormatError);
  });
}

test('a folder with segments and no format file is refused', async () => {
  const disk = await written('closed');
  await disk.remove('/store/format');
  await assert.rejects(open(disk), StoreFormatError);
});

test('restore refuses a snapshot that is damaged or cut off, and leaves the folder as it was', async () => {
  const store = await open(await written('closed'));
  const pieces: Uint8Array[] = [];
  for await (const piece of store.snapshot()) pieces.push(piece);
  await store.close();
  const whole = Buffer.concat(pieces);
  const ids = seededIds(3);
  for (let i = 0; i < 100; i++) {
    const disk = new MemoryDisk();
    const damaged = Buffer.from(whole);
    const at = Math.floor(ids.fraction() * whole.length);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    const bytes = i % 2 === 0 ? damaged : whole.subarray(0, at);
    await assert.rejects(restoreEmbeddedStore('/store', once(bytes), disk), StoreCorruptError);
    assert.deepEqual(disk.names, []);
  }
  const disk = new MemoryDisk();
  await restoreEmbeddedStore('/store', once(whole), disk);
  const restored = await open(disk);
  assert.equal((await restored.range(ALL)).count, 60);
  await restored.close();
  await assert.rejects(restoreEmbeddedStore('/store', once(whole), disk), StoreFormatError);
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
