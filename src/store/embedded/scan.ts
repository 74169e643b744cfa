// Reads a segment from start to end, record by record, and tells a torn end from damage.
import type { DiskFile } from './disk.ts';
import { claimedLength, readRecord, RECORD_HEADER_BYTES, type StoredRecord } from './record.ts';

/** Bytes read at once. */
const STRETCH = 1 << 20;

export interface Scan {
  /** Where the last good record ends. */
  readonly end: number;
  /** Whether that is where the bytes end; otherwise something is there that is no record. */
  readonly complete: boolean;
}

export interface ScanOptions {
  readonly from: number;
  readonly to: number;
  /** `offset` is in the file; `bytes` holds the record from `at` on, until the call returns. A promise is waited for. */
  readonly each: (record: StoredRecord, offset: number, bytes: Buffer, at: number) => void | Promise<void>;
}

/** Passes on every good record from `from` to the first bad one, or to `to`. */
export async function scanRecords(file: DiskFile, { from, to, each }: ScanOptions): Promise<Scan> {
  let position = from;
  let stretch = Buffer.allocUnsafeSlow(Math.min(STRETCH, Math.max(RECORD_HEADER_BYTES, to - from)));
  while (position < to) {
    const wanted = Math.min(stretch.length, to - position);
    const bytes = stretch.subarray(0, await file.read(stretch.subarray(0, wanted), position));
    let at = 0;
    let missing = 0;
    while (at + RECORD_HEADER_BYTES <= bytes.length) {
      const length = claimedLength(bytes, at);
      if (length === 0 || position + at + length > to) return { end: position + at, complete: false };
      if (at + length > bytes.length) {
        missing = length;
        break;
      }
      const record = readRecord(bytes, at, length);
      if (record === undefined) return { end: position + at, complete: false };
      const waiting = each(record, position + at, bytes, at);
      if (waiting !== undefined) await waiting;
      at += length;
    }
    if (at === 0 && missing <= bytes.length) return { end: position, complete: false };
    position += at;
    if (missing > stretch.length) stretch = Buffer.allocUnsafeSlow(missing);
  }
  return { end: position, complete: true };
}

/**
 * What lies between the end of the good records and the end of the file.
 * - `nothing`: zeros, which the engine writes ahead.
 * - `torn`: a commit that a crash cut off, anywhere.
 * - `damage`: a commit that began after `bad` left a good record behind. Commits are written one after the other, each
 *   only when the one before is durable: so the bytes at `bad` were durable once and have changed since.
 */
export type Rest = 'nothing' | 'torn' | 'damage';

export async function whatFollows(file: DiskFile, bad: number, to: number): Promise<Rest> {
  let rest: Rest = 'nothing';
  let position = bad;
  while (position < to) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(STRETCH, to - position));
    const read = bytes.subarray(0, await file.read(bytes, position));
    if (read.length === 0) break;
    if (rest === 'nothing' && read.some((byte) => byte !== 0)) rest = 'torn';
    if (rest === 'torn' && (await holdsLaterCommit(file, { read, position, bad, to }))) return 'damage';
    // A record's head may lie across two stretches.
    position += read.length === to - position ? read.length : Math.max(1, read.length - RECORD_HEADER_BYTES);
  }
  return rest;
}

interface Stretch {
  readonly read: Buffer;
  /** Where in the file it begins. */
  readonly position: number;
  readonly bad: number;
  readonly to: number;
}

async function holdsLaterCommit(file: DiskFile, { read, position, bad, to }: Stretch): Promise<boolean> {
  for (let at = 0; at + RECORD_HEADER_BYTES <= read.length; at++) {
    // The kind is the cheapest thing to look at, and nearly always says no.
    if (read[at + 8] === 0 || read[at + 9] !== 0) continue;
    const length = claimedLength(read, at);
    if (length === 0 || position + at + length > to || read.readUInt32LE(at + 16) <= bad) continue;
    if (await isRecord(file, position + at, length)) return true;
  }
  return false;
}

async function isRecord(file: DiskFile, offset: number, length: number): Promise<boolean> {
  const bytes = Buffer.allocUnsafeSlow(length);
  return (await file.read(bytes, offset)) === length && readRecord(bytes, 0, length) !== undefined;
}
