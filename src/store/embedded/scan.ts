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
 * Whether a commit that began after `bad` left a good record behind. Commits are written one after the other, each
 * only when the one before is durable: so then the bytes at `bad` were durable once and have changed since.
 * Without such a record, `bad` lies in the last commit, which a crash may have cut anywhere.
 */
export async function laterCommitExists(file: DiskFile, bad: number, to: number): Promise<boolean> {
  let position = bad + 1;
  while (position + RECORD_HEADER_BYTES <= to) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(STRETCH, to - position));
    const read = await file.read(bytes, position);
    if (read < RECORD_HEADER_BYTES) return false;
    const last = read - RECORD_HEADER_BYTES;
    for (let at = 0; at <= last; at++) {
      // The kind is the cheapest thing to look at, and nearly always says no.
      if (bytes[at + 8] === 0 || bytes[at + 9] !== 0) continue;
      const length = claimedLength(bytes, at);
      if (length === 0 || position + at + length > to || bytes.readUInt32LE(at + 16) <= bad) continue;
      if (await isRecord(file, position + at, length)) return true;
    }
    position += last + 1;
  }
  return false;
}

async function isRecord(file: DiskFile, offset: number, length: number): Promise<boolean> {
  const bytes = Buffer.allocUnsafeSlow(length);
  return (await file.read(bytes, offset)) === length && readRecord(bytes, 0, length) !== undefined;
}
