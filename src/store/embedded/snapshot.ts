// A snapshot is one sealed segment: the leases, the entries in revision order, the revision. So restoring is checking
// a segment and putting it into an empty folder.
import { join } from 'node:path';
import { StoreUnavailableError } from '../contract.ts';
import { type Disk, type DiskFile, nodeDisk } from './disk.ts';
import { StoreCorruptError, StoreFormatError } from './errors.ts';
import { hasFormat, writeFormat } from './folder.ts';
import { RECORD_KIND, RecordBuffer, type RecordFields, type RecordKind, storeRecord } from './record.ts';
import { scanRecords } from './scan.ts';
import { headerProblem, SEGMENT_HEADER_BYTES, segmentHeader, segmentName, UNFINISHED } from './segment.ts';
import { FIRST_REVISION, type StoreState } from './state.ts';
import { readValues } from './values.ts';
import type { RecordPlace } from './version.ts';

/** Bytes handed over at once, more or less. */
const PIECE_BYTES = 256 << 10;

const RANGE = { first: 1, last: 1 };

/** A copy of the state at the revision at which reading it begins. @throws StoreUnavailableError */
export async function* snapshot(state: StoreState): AsyncGenerator<Uint8Array> {
  if (state.closed) throw new StoreUnavailableError('the store is closed');
  // Everything is settled in this turn; the records stay where they are for as long as their segments are held.
  const { visible } = state;
  const entries = entriesAt(state, visible);
  const leases = state.durableLeases();
  const { segments } = state.log;
  for (const segment of segments) segment.hold();
  try {
    const records = new RecordBuffer();
    yield segmentHeader(RANGE);
    for (const { id, ttlSeconds } of leases)
      records.add(storeRecord(RECORD_KIND.grant, FIRST_REVISION, { lease: id, createRevision: ttlSeconds }), 0, 0);
    for (const group of groups(entries)) {
      const values = await readValues(group, state.clock);
      group.forEach((entry, i) => records.add(entry, 0, 0, values[i]));
      yield Buffer.from(records.bytes);
      records.clear();
    }
    records.add(storeRecord(RECORD_KIND.compact, visible, { createRevision: visible }), 0, 0);
    records.add(storeRecord(RECORD_KIND.seal, visible), 0, 0);
    yield Buffer.from(records.bytes);
  } finally {
    for (const segment of segments) await segment.release();
  }
}

type SnapshotEntry = RecordFields & RecordPlace;

function entriesAt({ tree }: StoreState, revision: number): readonly SnapshotEntry[] {
  const versions = tree.collect({ start: '', end: '\u0100' }, revision, 0);
  return versions
    .toSorted((a, b) => a.modRevision - b.modRevision)
    .map(({ kind, key, modRevision, createRevision, version, lease, segment, offset, length }) => {
      return { kind, key, modRevision, createRevision, version, lease, segment, offset, length };
    });
}

function* groups(entries: readonly SnapshotEntry[]): Generator<readonly SnapshotEntry[]> {
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    bytes += (entries[i] as SnapshotEntry).length;
    if (bytes < PIECE_BYTES && i < entries.length - 1) continue;
    yield entries.slice(start, i + 1);
    start = i + 1;
    bytes = 0;
  }
}

/**
 * Makes a store in `dir` from a snapshot, leases included; what the snapshot does not hold, history above all, is
 * gone. The folder must not hold a store yet; what a restore that was cut short left there is replaced.
 * @throws StoreCorruptError when the snapshot is cut off or damaged; StoreFormatError when the folder holds a store
 */
export async function restoreEmbeddedStore(dir: string, pieces: AsyncIterable<Uint8Array>, disk: Disk = nodeDisk): Promise<void> {
  await disk.makeDirectory(dir);
  const unlock = await disk.lock(dir);
  try {
    if (await hasFormat(disk, dir)) throw new StoreFormatError(`${dir} holds a store already: restore into an empty folder`);
    const path = join(dir, segmentName(RANGE));
    await writeChecked(disk, path + UNFINISHED, pieces);
    await disk.rename(path + UNFINISHED, path);
    await disk.syncDirectory(dir);
    await writeFormat(disk, dir); // last: without it nothing opens the folder
  } finally {
    await unlock();
  }
}

async function writeChecked(disk: Disk, path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  await disk.remove(path);
  const file = await disk.open(path, 'create');
  try {
    let size = 0;
    for await (const piece of pieces) {
      await file.write(piece, size);
      size += piece.length;
    }
    await checkSnapshot(file, size);
    await file.sync();
  } catch (error) {
    await disk.remove(path);
    throw error;
  } finally {
    await file.close();
  }
}

async function checkSnapshot(file: DiskFile, size: number): Promise<void> {
  const refuse = (what: string, offset: number): never => {
    throw new StoreCorruptError('the snapshot', what, offset);
  };
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const read = await file.read(header, 0);
  const problem = headerProblem(header.subarray(0, read), RANGE);
  if (problem !== undefined) refuse(problem, 0);
  let last: RecordKind | undefined;
  const { end, complete } = await scanRecords(file, { from: SEGMENT_HEADER_BYTES, to: size, each: ({ kind }) => void (last = kind) });
  if (!complete) refuse('a record fails its check', end);
  if (last !== RECORD_KIND.seal) refuse('its end is missing', end);
}
