// Writes protobuf's primitive encodings from the end of a growing buffer towards its start, so that a length is
// known when it is written: one pass, nothing moved. Whatever is written later stands before what was written earlier.
import { ProtobufEncodeError } from './errors.ts';

/** First size of a buffer, bytes; enough for most objects. */
const FIRST_SIZE = 8192;
/** A buffer that grew larger than this, bytes, is not kept for the next message. */
const KEEP_SIZE = 1 << 20;
/** Room every number is sure to find: the longest varint with its tag. */
const NUMBER_ROOM = 16;
/** Up to this many characters ASCII is copied in JavaScript, which is faster than a call into the runtime. */
const SHORT_STRING = 14;
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

const float = new DataView(new ArrayBuffer(8));

export class ProtoWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  /** Everything from here to the end of `buffer` is written. */
  pos: number = FIRST_SIZE;
  /** Messages entered and not yet left. */
  depth = 0;

  /** Bytes written so far. Taken before and after a body it gives the body's length. */
  get size(): number {
    return this.buffer.length - this.pos;
  }

  /** What was written, in a Uint8Array of its own; the writer is empty again. */
  finish(): Uint8Array {
    const { buffer, pos } = this;
    const bytes = new Uint8Array(buffer.length - pos);
    bytes.set(buffer.subarray(pos));
    this.reset();
    return bytes;
  }

  /** Forgets what was written. */
  reset(): void {
    if (this.buffer.length > KEEP_SIZE) this.buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
    this.pos = this.buffer.length;
    this.depth = 0;
  }

  /** Makes room for `bytes` more bytes. */
  reserve(bytes: number): void {
    if (this.pos < bytes) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const written = this.size;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, written + bytes));
    this.buffer.copy(larger, larger.length - written, this.pos);
    this.buffer = larger;
    this.pos = larger.length - written;
  }

  /** An unsigned 32-bit varint: tags, lengths, uint32. */
  uint32(value: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    const { buffer } = this;
    if (value < 0x80) {
      buffer[--this.pos] = value;
      return;
    }
    let at = this.pos - (value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5);
    this.pos = at;
    while (value > 0x7f) {
      buffer[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[at] = value;
  }

  /** A negative one takes ten bytes, as the specification has it. */
  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.#varint64(value, -1);
  }

  sint32(value: number): void {
    this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  bool(value: boolean): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    this.buffer[--this.pos] = value ? 1 : 0;
  }

  #varint64(low: number, high: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    const { buffer } = this;
    low >>>= 0;
    high >>>= 0;
    const bits = high === 0 ? 32 - Math.clz32(low | 1) : 64 - Math.clz32(high);
    const at = this.pos - Math.ceil(bits / 7);
    this.pos = at;
    let i = at;
    while (high !== 0 || low > 0x7f) {
      buffer[i++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    buffer[i] = low;
  }

  #fixed64(low: number, high: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    this.pos -= 8;
    this.buffer.writeInt32LE(low | 0, this.pos);
    this.buffer.writeInt32LE(high | 0, this.pos + 4);
  }

  int64(value: Int64, label = 'value'): void {
    if (typeof value === 'number' && value >>> 0 === value) return this.uint32(value);
    const wide = signed64(value, label);
    this.#varint64(Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0);
  }

  uint64(value: Int64, label = 'value'): void {
    if (typeof value === 'number' && value >>> 0 === value) return this.uint32(value);
    const wide = unsigned64(value, label);
    this.#varint64(Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0);
  }

  sint64(value: Int64, label = 'value'): void {
    const wide = signed64(value, label);
    const zigzag = wide < 0n ? -wide * 2n - 1n : wide * 2n;
    this.#varint64(Number(zigzag & 0xffffffffn) | 0, Number(zigzag >> 32n) | 0);
  }

  fixed64(value: Int64, label = 'value'): void {
    const wide = unsigned64(value, label);
    this.#fixed64(Number(wide & 0xffffffffn), Number(wide >> 32n));
  }

  sfixed64(value: Int64, label = 'value'): void {
    const wide = signed64(value, label);
    this.#fixed64(Number(wide & 0xffffffffn), Number(wide >> 32n));
  }

  fixed32(value: number): void {
    this.sfixed32(value);
  }

  sfixed32(value: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    this.pos -= 4;
    this.buffer.writeInt32LE(value | 0, this.pos);
  }

  float(value: number): void {
    float.setFloat32(0, value, true);
    this.sfixed32(float.getInt32(0, true));
  }

  double(value: number): void {
    float.setFloat64(0, value, true);
    this.#fixed64(float.getInt32(0, true), float.getInt32(4, true));
  }

  /** The text with its length before it. A lone surrogate is written as U+FFFD. */
  string(value: string): void {
    const { length } = value;
    this.reserve(length * 3 + NUMBER_ROOM);
    const { buffer } = this;
    if (length <= SHORT_STRING) {
      let at = this.pos;
      let i = length;
      for (; i > 0; i--) {
        const code = value.charCodeAt(i - 1);
        if (code > 0x7f) break;
        buffer[--at] = code;
      }
      if (i === 0) {
        buffer[--at] = length;
        this.pos = at;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.pos -= bytes;
    buffer.write(value, this.pos, bytes, 'utf8');
    this.uint32(bytes);
  }

  /** The bytes with their length before them. */
  bytes(value: Uint8Array): void {
    this.raw(value);
    this.uint32(value.length);
  }

  /** Bytes given as standard base64 with padding; false, with nothing written, when they are not. */
  base64(value: string): boolean {
    if (value.length % 4 !== 0) return false;
    const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
    const length = (value.length / 4) * 3 - padding;
    this.reserve(length + NUMBER_ROOM);
    // Characters outside the alphabet are skipped, so any of them leaves fewer bytes than the length promises.
    const start = this.pos - length;
    if (this.buffer.write(value, start, length, 'base64') !== length) return false;
    this.pos = start;
    this.uint32(length);
    return true;
  }

  /** The bytes alone. */
  raw(value: Uint8Array): void {
    this.reserve(value.length + NUMBER_ROOM);
    this.pos -= value.length;
    this.buffer.set(value, this.pos);
  }
}

/** Every form a 64-bit value may have in JavaScript. */
export type Int64 = number | bigint | string;

/** @throws ProtobufEncodeError for what is no integer, or not in range */
function signed64(value: Int64, label: string): bigint {
  const wide = value === TWO_63 ? MAX_INT64 : integer(value, label);
  if (wide > MAX_INT64 || wide < MIN_INT64) throw new ProtobufEncodeError(`${label}: ${value} does not fit 64 bits`);
  return wide;
}

function unsigned64(value: Int64, label: string): bigint {
  const wide = value === TWO_64 ? MAX_UINT64 : integer(value, label);
  if (wide > MAX_UINT64 || wide < 0n) throw new ProtobufEncodeError(`${label}: ${value} does not fit 64 unsigned bits`);
  return wide;
}

const DECIMAL = /^-?[0-9]{1,20}$/;

function integer(value: Int64, label: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' ? Number.isInteger(value) : DECIMAL.test(value)) return BigInt(value);
  throw new ProtobufEncodeError(`${label}: ${value} is not an integer`);
}
