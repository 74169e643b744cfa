// Opens the segments of a folder and brings the state to where the last run left it: every acknowledged commit, and
// of the one a crash cut off, the transactions that are whole.
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import type { Disk, DiskFile } from './disk.ts';
import { StoreCorruptError } from './errors.ts';
import { type CleanMark, readCleanMark } from './folder.ts';
import { RECORD_KIND, type StoredRecord } from './record.ts';
import { type Scan, scanRecords, whatFollows } from './scan.ts';
import { headerProblem, parseSegmentName, Segment, SEGMENT_HEADER_BYTES, segmentName, type SegmentRange, UNFINISHED } from './segment.ts';
import type { StoreState } from './state.ts';
import { Version } from './version.ts';

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
}

/** The segments that are needed, ascending; the last one is ready to be appended to. @throws StoreCorruptError */
export async function recover(state: StoreState, options: RecoveryOptions): Promise<readonly Segment[]> {
  const ranges = await segmentRanges(options);
  const mark = await readCleanMark(options.disk, options.directory);
  const last = ranges.at(-1)?.last ?? 0;
  if (mark !== undefined && mark.segment > last) throw missing(options.directory, last + 1, mark.segment);
  const segments: Segment[] = [];
  try {
    for (const range of ranges) segments.push(await recoverSegment(state, options, range, { isLast: range.last === last, mark }));
  } catch (error) {
    for (const segment of segments) await segment.release();
    throw error;
  }
  state.visible = state.decided;
  return segments.length > 0 ? segments : [new Segment({ first: 1, last: 1 })];
}

/** What stands in the folder without gaps; files that a rewriting left behind or did not finish are removed. */
async function segmentRanges({ disk, directory, logger }: RecoveryOptions): Promise<readonly SegmentRange[]> {
  const names = await disk.list(directory);
  for (const name of names.filter((each) => each.endsWith(UNFINISHED))) await disk.remove(join(directory, name));
  const all = names.map(parseSegmentName).filter((range) => range !== undefined);
  const ranges: SegmentRange[] = [];
  let next = 1;
  for (const range of all.toSorted((a, b) => a.first - b.first || b.last - a.last)) {
    if (range.last < next) {
      logger.info('store: a segment that was rewritten is removed', { segment: segmentName(range) });
      await disk.remove(join(directory, segmentName(range)));
      continue;
    }
    if (range.first !== next) throw missing(directory, next, range.first - 1);
    ranges.push(range);
    next = range.last + 1;
  }
  return ranges;
}

function missing(directory: string, first: number, last: number): StoreCorruptError {
  return new StoreCorruptError(directory, `segments ${first} to ${last} are missing`);
}

/** What tells a segment's right end. */
interface Ending {
  readonly isLast: boolean;
  /** Of the last clean close. */
  readonly mark: CleanMark | undefined;
}

async function recoverSegment(state: StoreState, options: RecoveryOptions, range: SegmentRange, ending: Ending): Promise<Segment> {
  const { disk, directory } = options;
  const file = await disk.open(join(directory, segmentName(range)), ending.isLast ? 'write' : 'read');
  try {
    return await loadSegment(state, options, { file, range, ...ending });
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface OpenedSegment extends Ending {
  readonly file: DiskFile;
  readonly range: SegmentRange;
}

async function loadSegment(state: StoreState, options: RecoveryOptions, { file, range, isLast, mark }: OpenedSegment): Promise<Segment> {
  const size = await file.size();
  const atLeast = isLast && mark !== undefined && mark.segment === range.last ? mark.end : 0;
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  await file.read(header, 0);
  const problem = headerProblem(header.subarray(0, Math.min(size, SEGMENT_HEADER_BYTES)), range);
  if (problem !== undefined) {
    // The last segment is made when the first commit needs it: a crash in that moment leaves nothing behind the header.
    if (!isLast || size > SEGMENT_HEADER_BYTES || atLeast > 0) throw new StoreCorruptError(file.path, problem, 0);
    await file.close();
    return new Segment(range);
  }
  const segment = new Segment(range, file, size);
  const loader = new Loader(state, segment);
  const scan = await scanRecords(file, { from: SEGMENT_HEADER_BYTES, to: size, each: (record, offset) => loader.add(record, offset) });
  if (isLast) await settleEnd(options, { segment, scan, size, whole: loader.whole, atLeast });
  else if (!scan.complete || !loader.sealed)
    throw new StoreCorruptError(file.path, scan.complete ? 'its end is missing' : 'a record fails its check', scan.end);
  return segment;
}

interface LastSegment {
  readonly segment: Segment;
  readonly scan: Scan;
  readonly size: number;
  /** End of the last whole transaction. */
  readonly whole: number;
  /** What was there when the store was last closed. */
  readonly atLeast: number;
}

/** Cuts off what a crash left behind the last whole transaction, and makes what is before it durable. @throws StoreCorruptError when it was no crash */
async function settleEnd({ logger }: RecoveryOptions, { segment, scan, size, whole, atLeast }: LastSegment): Promise<void> {
  const { file } = segment;
  if (whole < atLeast) throw new StoreCorruptError(file.path, `only ${whole} of at least ${atLeast} bytes are intact`, scan.end);
  const rest = await whatFollows(file, scan.end, size);
  if (rest === 'damage') throw new StoreCorruptError(file.path, 'a record fails its check', scan.end);
  segment.end = whole;
  if (rest === 'torn' || whole < scan.end)
    logger.warn('store: the end of a commit that was cut off is removed', { file: file.path, from: whole });
  if (whole < size) await file.truncate(whole);
  // A process that was killed may have left whole commits that only the system's memory holds; they will be shown.
  await file.sync();
}

/** Applies the records of a segment in order, transaction by transaction. */
class Loader {
  readonly #state: StoreState;
  readonly #segment: Segment;
  /** Records of a transaction of which more are to come, with their offsets. */
  #open: { readonly record: StoredRecord; readonly offset: number }[] = [];
  /** End of the last whole transaction. */
  whole = SEGMENT_HEADER_BYTES;
  /** Whether the last record was a seal. */
  sealed = false;

  constructor(state: StoreState, segment: Segment) {
    this.#state = state;
    this.#segment = segment;
  }

  add(record: StoredRecord, offset: number): void {
    if (record.remaining > 0 || this.#open.length > 0) {
      this.#open.push({ record, offset });
      if (record.remaining > 0) return;
      for (const each of this.#open) this.#apply(each.record, each.offset);
      this.#open = [];
    } else this.#apply(record, offset);
    this.whole = offset + record.length;
  }

  #apply(record: StoredRecord, offset: number): void {
    const state = this.#state;
    const segment = this.#segment;
    const { kind, key, modRevision, lease, length } = record;
    this.sealed = kind === RECORD_KIND.seal;
    switch (kind) {
      case RECORD_KIND.put:
      case RECORD_KIND.delete: {
        const version = new Version(record, { segment, offset }, length, state.tree.get(key));
        state.put(version);
        state.history.add(version);
        break;
      }
      case RECORD_KIND.grant:
        state.leases.add({ id: lease, ttlSeconds: record.createRevision, segment, length, durable: true, keys: new Set() });
        break;
      case RECORD_KIND.revoke: {
        const revoked = state.leases.remove(lease);
        if (revoked !== undefined) revoked.segment.dead += revoked.length;
        break;
      }
      case RECORD_KIND.compact:
        state.recordCompaction({ revision: record.createRevision, segment, offset, length });
        break;
      case RECORD_KIND.seal:
        break;
    }
    if (modRevision < state.decided) {
      throw new StoreCorruptError(segment.file.path, `revision ${modRevision} follows ${state.decided}`, offset);
    }
    state.decided = modRevision;
  }
}
