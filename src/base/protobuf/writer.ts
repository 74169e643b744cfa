// Writes protobuf's primitive encodings from the end of a growing buffer towards its start, so that a length is
// known when it is written: one pass, nothing moved. Whatever is written later stands before what was written earlier.
import { type Int64, signed64, unsigned64 } from './int64.ts';

/** First size of a buffer, bytes; enough for most objects. */
const FIRST_SIZE = 8192;
/** A buffer that grew larger than this, bytes, is not kept for the next message. */
const KEEP_SIZE = 1 << 20;
/** Room every number is sure to find: the longest varint with its tag. */
const NUMBER_ROOM = 32;
/** Up to this many characters ASCII is copied in JavaScript, which is faster than a call into the runtime. */
const SHORT_STRING = 14;
/** The top bit of each of four bytes. */
const NOT_ASCII = 0x80808080 | 0;
const float = new DataView(new ArrayBuffer(8));

/** Node's own UTF-8 writer, without the argument checks of `write`, which cost a tenth of an encode. */
interface TextBuffer extends Buffer {
  /** Writes at most `length` bytes of whole characters at `offset`; returns how many. */
  utf8Write(text: string, offset: number, length: number): number;
}

function allocate(bytes: number): TextBuffer {
  return Buffer.allocUnsafeSlow(bytes) as TextBuffer;
}

export class ProtoWriter {
  buffer: TextBuffer = allocate(FIRST_SIZE);
  /** Everything from here to the end of `buffer` is written. */
  pos: number = FIRST_SIZE;
  /** Messages entered and not yet left. */
  depth = 0;
  #view = viewOf(this.buffer);

  /** Bytes written so far. Taken before and after a body it gives the body's length. */
  get size(): number {
    return this.buffer.length - this.pos;
  }

  /** A copy of what was written, from Node's buffer pool where it is small; the writer is empty again. */
  finish(): Uint8Array {
    const bytes = Buffer.from(this.buffer.subarray(this.pos));
    this.reset();
    return bytes;
  }

  /** Forgets what was written. */
  reset(): void {
    if (this.buffer.length > KEEP_SIZE) {
      this.buffer = allocate(FIRST_SIZE);
      this.#view = viewOf(this.buffer);
    }
    this.pos = this.buffer.length;
    this.depth = 0;
  }

  /** Makes room for `bytes` more bytes. */
  reserve(bytes: number): void {
    if (this.pos < bytes) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const written = this.size;
    const larger = allocate(Math.max(this.buffer.length * 2, written + bytes));
    this.buffer.copy(larger, larger.length - written, this.pos);
    this.buffer = larger;
    this.#view = viewOf(larger);
    this.pos = larger.length - written;
  }

  /** One byte: a tag of fields 1 to 15. */
  byte(value: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    this.buffer[--this.pos] = value;
  }

  /** Two bytes: a tag of fields 16 to 2047. */
  byte2(first: number, second: number): void {
    if (this.pos < NUMBER_ROOM) this.#grow(NUMBER_ROOM);
    this.buffer[--this.pos] = second;
    this.buffer[--this.pos] = first;
  }

  /** A tag below 128 right after a value, which left room for it. */
  tag(value: number): void {
    this.buffer[--this.pos] = value;
  }

  /** A tag from 128 to 16383, likewise. */
  tag2(first: number, second: number): void {
    this.buffer[--this.pos] = second;
    this.buffer[--this.pos] = first;
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
    const start = this.pos - length;
    if (buffer.utf8Write(value, start, length) === length && this.#isAscii(start)) {
      this.pos = start;
      if (length < 0x80) buffer[--this.pos] = length;
      else this.uint32(length);
      return;
    }
    const bytes = Buffer.byteLength(value);
    this.pos -= bytes;
    buffer.utf8Write(value, this.pos, bytes);
    this.uint32(bytes);
  }

  /** Whether all bytes from `start` to where the writer stands are ASCII; four at a time. */
  #isAscii(start: number): boolean {
    const view = this.#view;
    const { buffer, pos } = this;
    let bits = 0;
    let i = start;
    for (; i + 4 <= pos; i += 4) bits |= view.getInt32(i);
    for (; i < pos; i++) bits |= buffer[i] as number;
    return (bits & NOT_ASCII) === 0;
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
