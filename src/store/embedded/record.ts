// The record: the only thing the engine writes. Every record is checked by its own checksum, so that a read never
// hands out a byte that was not written. Layout, little endian:
//
//    0  u32  crc32 of the bytes from 4 to the end of the record
//    4  u32  length of the whole record, in bytes
//    8  u8   kind
//    9  u8   0
//   10  u16  key length
//   12  u32  records of the same transaction that follow this one
//   16  u32  offset in the segment at which the commit began that this record was written with
//   20  u32  version
//   24  f64  modRevision; for grant, revoke, compact and seal the store's revision at that moment
//   32  f64  createRevision; for compact the compacted revision, for grant the time to live in seconds
//   40  f64  lease
//   48       key, in UTF-8, then the value
import { crc32 } from 'node:zlib';

export const RECORD_HEADER_BYTES = 48;

/** What a record says. The numbers are the format: never reuse one. */
export const RECORD_KIND = {
  put: 1,
  delete: 2,
  /** A lease exists from here on. */
  grant: 3,
  /** A lease is gone; its keys are deleted in the same transaction. */
  revoke: 4,
  /** History below createRevision was given up. */
  compact: 5,
  /** The store was closed here, with nothing in flight: what follows a seal was written by a later run. */
  seal: 6,
} as const;

export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND];

const HIGHEST_KIND = RECORD_KIND.seal;

/** Longest record that is believed: far above maxValueBytes, far below what a damaged length could claim. */
export const MAX_RECORD_BYTES = 256 << 20;

/** What a record carries besides its value; the key in byte order (../key-order.ts). */
export interface RecordFields {
  readonly kind: RecordKind;
  readonly key: string;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: number;
}

/** A record about the store rather than a key. `fields` beyond the kind and the revision are 0 where not given. */
export function storeRecord(kind: RecordKind, revision: number, fields: Partial<RecordFields> = {}): RecordFields {
  return { key: '', createRevision: 0, version: 0, lease: 0, ...fields, kind, modRevision: revision };
}

export interface StoredRecord extends RecordFields {
  /** Records of the same transaction that follow this one. */
  readonly remaining: number;
  /** Where in the segment the commit began that wrote it. */
  readonly commitStart: number;
  /** Bytes of the whole record. */
  readonly length: number;
}

const EMPTY = new Uint8Array(0);

/** A growing run of records: one commit, or a stretch of a rewritten segment. */
export class RecordBuffer {
  #buffer: Buffer;
  #view: DataView;
  #length = 0;

  constructor(initialBytes = 64 << 10) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#view = viewOf(this.#buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes it holds on to. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** The records so far, valid until the next `add` or `clear`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Appends a record; returns its length. */
  add(fields: RecordFields, commitStart: number, remaining: number, value: Uint8Array = EMPTY): number {
    const { key } = fields;
    const length = RECORD_HEADER_BYTES + key.length + value.length;
    const start = this.#length;
    if (start + length > this.#buffer.length) this.#grow(start + length);
    const buffer = this.#buffer;
    const view = this.#view;
    view.setUint32(start + 4, length, true);
    view.setUint16(start + 8, fields.kind, true);
    view.setUint16(start + 10, key.length, true);
    view.setUint32(start + 12, remaining, true);
    view.setUint32(start + 16, commitStart, true);
    view.setUint32(start + 20, fields.version, true);
    view.setFloat64(start + 24, fields.modRevision, true);
    view.setFloat64(start + 32, fields.createRevision, true);
    view.setFloat64(start + 40, fields.lease, true);
    if (key.length > 0) buffer.write(key, start + RECORD_HEADER_BYTES, 'latin1');
    buffer.set(value, start + RECORD_HEADER_BYTES + key.length);
    view.setUint32(start, crc32(buffer.subarray(start + 4, start + length)), true);
    this.#length = start + length;
    return length;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** The length a record claims to have at `offset`, or 0 when that cannot be a record. Needs 12 bytes there. */
export function claimedLength(buffer: Buffer, offset: number): number {
  const length = buffer.readUInt32LE(offset + 4);
  const kind = buffer.readUInt16LE(offset + 8);
  const keyLength = buffer.readUInt16LE(offset + 10);
  if (kind < 1 || kind > HIGHEST_KIND) return 0;
  return length >= RECORD_HEADER_BYTES + keyLength && length <= MAX_RECORD_BYTES ? length : 0;
}

/** The record at `offset`, or undefined when the `length` bytes there are not what was written. */
export function readRecord(buffer: Buffer, offset: number, length: number): StoredRecord | undefined {
  if (offset + length > buffer.length || length < RECORD_HEADER_BYTES || claimedLength(buffer, offset) !== length) return undefined;
  if (crc32(buffer.subarray(offset + 4, offset + length)) !== buffer.readUInt32LE(offset)) return undefined;
  const keyLength = buffer.readUInt16LE(offset + 10);
  const keyStart = offset + RECORD_HEADER_BYTES;
  return {
    kind: buffer.readUInt16LE(offset + 8) as RecordKind,
    key: keyLength === 0 ? '' : buffer.toString('latin1', keyStart, keyStart + keyLength),
    modRevision: buffer.readDoubleLE(offset + 24),
    createRevision: buffer.readDoubleLE(offset + 32),
    version: buffer.readUInt32LE(offset + 20),
    lease: buffer.readDoubleLE(offset + 40),
    remaining: buffer.readUInt32LE(offset + 12),
    commitStart: buffer.readUInt32LE(offset + 16),
    length,
  };
}

/** The value of the record at `offset` as a view of `buffer`. */
export function valueAt(buffer: Buffer, offset: number, { key, length }: Pick<StoredRecord, 'key' | 'length'>): Buffer {
  return buffer.subarray(offset + RECORD_HEADER_BYTES + key.length, offset + length);
}
