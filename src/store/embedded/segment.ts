// A segment: one file of records, appended to while it is the last, then sealed, later perhaps rewritten without what
// compaction forgot. Segments are numbered from 1 without gaps; a rewritten one may stand for several numbers.
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from './disk.ts';
import { StoreCorruptError } from './errors.ts';
import { fromByteOrder } from '../key-order.ts';
import { readRecord, valueAt } from './record.ts';
import type { RecordPlace } from './version.ts';

/** The file starts with: magic (8 bytes), u32 first number, u32 last number, 12 zero bytes, u32 crc32 of these 28. */
export const SEGMENT_HEADER_BYTES = 32;
const MAGIC = Buffer.from('proa-seg', 'latin1');
const CRC_OFFSET = 28;

const NAME = /^(\d{8})-(\d{8})\.segment$/;
/** Ending of a file that is still being written; leftovers are removed when the store is opened. */
export const UNFINISHED = '.unfinished';

/** Numbers a segment stands for, both inclusive. */
export interface SegmentRange {
  readonly first: number;
  readonly last: number;
}

export function segmentName({ first, last }: SegmentRange): string {
  return `${digits(first)}-${digits(last)}.segment`;
}

function digits(value: number): string {
  return String(value).padStart(8, '0');
}

export function parseSegmentName(name: string): SegmentRange | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : { first: Number(match[1]), last: Number(match[2]) };
}

export function segmentHeader({ first, last }: SegmentRange): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(first, 8);
  header.writeUInt32LE(last, 12);
  header.writeUInt32LE(crc32(header.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return header;
}

/** What is wrong with a header, or undefined. */
export function headerProblem(header: Buffer, expected: SegmentRange): string | undefined {
  if (header.length < SEGMENT_HEADER_BYTES) return 'the header is cut off';
  return header.subarray(0, SEGMENT_HEADER_BYTES).equals(segmentHeader(expected))
    ? undefined
    : 'the header is not the one that was written';
}

/**
 * An open segment. It stays readable while someone holds it: a rewritten segment is unlinked at once, and its file
 * closed when the last holder lets go.
 */
export class Segment implements SegmentRange {
  readonly first: number;
  readonly last: number;
  /** End of the last durable record. */
  end: number;
  /** Bytes of records that compaction forgot. */
  dead = 0;
  #file: DiskFile | undefined;
  #holders = 1;

  /** The last segment is there before its file: the file is made when the first commit needs it. */
  constructor({ first, last }: SegmentRange, file?: DiskFile, end = SEGMENT_HEADER_BYTES) {
    this.first = first;
    this.last = last;
    this.#file = file;
    this.end = end;
  }

  get file(): DiskFile {
    if (this.#file === undefined) throw new Error(`${segmentName(this)} has no file yet`);
    return this.#file;
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  /** Makes the file, durably. */
  async create(disk: Disk, directory: string): Promise<void> {
    const path = join(directory, segmentName(this));
    await disk.remove(path); // of a creation that failed half way
    const file = await disk.open(path, 'create');
    try {
      await file.write(segmentHeader(this), 0);
      await file.sync();
      await disk.syncDirectory(directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
  }

  hold(): void {
    this.#holders++;
  }

  async release(): Promise<void> {
    this.#holders--;
    if (this.#holders === 0) await this.#file?.close();
  }
}

/**
 * The value of the record that `place` describes and that `buffer` should hold from `at` on, as a view of the buffer.
 * @throws StoreCorruptError when it is not the record that was written
 */
export function checkedValue(place: RecordPlace, buffer: Buffer, at: number): Buffer {
  const record = readRecord(buffer, at, place.length);
  if (record === undefined || record.key !== place.key || record.modRevision !== place.modRevision) {
    const what = `the record of ${fromByteOrder(place.key)} at revision ${place.modRevision} fails its check`;
    throw new StoreCorruptError(place.segment.file.path, what, place.offset);
  }
  return valueAt(buffer, at, record);
}
