// Reads protobuf's primitive encodings from one buffer. Bounds are the caller's `end` and the buffer's own length:
// every read either stays inside or throws ProtobufDecodeError.
import { ProtobufDecodeError, type DecodeFault } from './errors.ts';
import { signedForm, TWO_32, unsignedForm } from './int64.ts';
import type { BytesForm, Int64Form } from './schema.ts';

/** Wire types. Source: protobuf encoding specification, "Message Structure". */
export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
export const GROUP_START = 3;
export const GROUP_END = 4;
export const FIXED32 = 5;

/** Longest varint: ten groups of seven bits hold 64. */
const MAX_VARINT_BYTES = 10;
/**
 * Strings are cut out of windows: stretches of the input, in bytes, turned into one text each, which is three times
 * faster than a call into the runtime for every string. A kept string may keep its window alive, no more.
 */
const WINDOW = 1024;
/** Longest string, bytes, taken from a window. */
const LONGEST_CUT = 200;
/** The top bit of each of four bytes. */
const NOT_ASCII = 0x80808080 | 0;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface ReaderOptions {
  /** Most messages and groups nested in one another. */
  readonly maxDepth: number;
  /** Refuse strings that are not valid UTF-8; otherwise bad bytes read as U+FFFD. */
  readonly strictUtf8: boolean;
}

export class ProtoReader {
  /** The whole input; a position in it is an error's offset. */
  readonly buffer: Buffer;
  pos = 0;
  /** Messages entered and not yet left. */
  depth = 0;
  readonly maxDepth: number;
  readonly #strictUtf8: boolean;
  readonly #view: DataView;
  /** The last 64-bit value read, each half as an int32. */
  #low = 0;
  #high = 0;
  /** The text of the bytes from `#windowStart` to `#windowEnd`, which are ASCII where strings are cut out. */
  #window = '';
  #windowStart = 0;
  #windowEnd = 0;

  constructor(bytes: Uint8Array, options: ReaderOptions) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.maxDepth = options.maxDepth;
    this.#strictUtf8 = options.strictUtf8;
  }

  /** @throws ProtobufDecodeError always */
  fail(problem: string, offset: number = this.pos, fault: DecodeFault = 'malformed'): never {
    throw new ProtobufDecodeError(problem, offset, fault);
  }

  #truncated(problem: string, offset: number = this.pos): never {
    return this.fail(problem, offset, 'truncated');
  }

  /** Counts one more level of nesting. */
  enter(): void {
    if (++this.depth > this.maxDepth) this.tooDeep();
  }

  tooDeep(): never {
    return this.fail(`nested deeper than ${this.maxDepth}`);
  }

  leave(): void {
    this.depth--;
  }

  /** A varint's low 32 bits, unsigned: tags, lengths, uint32, and int32 after `| 0`. */
  uint32(): number {
    const { buffer } = this;
    let { pos } = this;
    if (pos >= buffer.length) this.#truncated('truncated varint');
    let byte = buffer[pos++] as number;
    if (byte < 0x80) {
      this.pos = pos;
      return byte;
    }
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      if (pos >= buffer.length) this.#truncated('truncated varint');
      byte = buffer[pos++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return value >>> 0;
      }
    }
    return this.fail(`varint longer than ${MAX_VARINT_BYTES} bytes`, this.pos, 'overflow');
  }

  int32(): number {
    return this.uint32() | 0;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  bool(): boolean {
    const { buffer, pos } = this;
    const byte = buffer[pos] as number;
    if (byte < 0x80) {
      this.pos = pos + 1;
      return byte !== 0;
    }
    this.#varint64();
    return (this.#low | this.#high) !== 0;
  }

  /** Leaves a varint's 64 bits in #low and #high (both as int32). */
  #varint64(): void {
    const { buffer } = this;
    let { pos } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= buffer.length) this.#truncated('truncated varint');
      const byte = buffer[pos++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        this.pos = pos;
        return;
      }
    }
    this.fail(`varint longer than ${MAX_VARINT_BYTES} bytes`, this.pos, 'overflow');
  }

  #fixed64(): void {
    const { pos } = this;
    if (pos + 8 > this.buffer.length) this.#truncated('truncated fixed64');
    this.#low = this.#view.getInt32(pos, true);
    this.#high = this.#view.getInt32(pos + 4, true);
    this.pos = pos + 8;
  }

  /** An int64 as the nearest double. */
  int64Number(): number {
    const { buffer, pos } = this;
    const byte = buffer[pos] as number;
    if (byte < 0x80) {
      this.pos = pos + 1;
      return byte;
    }
    this.#varint64();
    return this.#high * TWO_32 + (this.#low >>> 0);
  }

  int64(form: Int64Form): number | bigint | string {
    this.#varint64();
    return signedForm(this.#high, this.#low, form);
  }

  uint64(form: Int64Form): number | bigint | string {
    this.#varint64();
    return unsignedForm(this.#high, this.#low, form);
  }

  sint64(form: Int64Form): number | bigint | string {
    this.#varint64();
    const low = this.#low;
    const high = this.#high;
    const sign = -(low & 1);
    this.#low = ((low >>> 1) | (high << 31)) ^ sign;
    this.#high = (high >>> 1) ^ sign;
    return signedForm(this.#high, this.#low, form);
  }

  fixed64(form: Int64Form): number | bigint | string {
    this.#fixed64();
    return unsignedForm(this.#high, this.#low, form);
  }

  sfixed64(form: Int64Form): number | bigint | string {
    this.#fixed64();
    return signedForm(this.#high, this.#low, form);
  }

  fixed32(): number {
    return this.sfixed32() >>> 0;
  }

  sfixed32(): number {
    const { pos } = this;
    if (pos + 4 > this.buffer.length) this.#truncated('truncated fixed32');
    this.pos = pos + 4;
    return this.#view.getInt32(pos, true);
  }

  float(): number {
    const { pos } = this;
    if (pos + 4 > this.buffer.length) this.#truncated('truncated float');
    this.pos = pos + 4;
    return this.#view.getFloat32(pos, true);
  }

  double(): number {
    const { pos } = this;
    if (pos + 8 > this.buffer.length) this.#truncated('truncated double');
    this.pos = pos + 8;
    return this.#view.getFloat64(pos, true);
  }

  /** Reads a length and returns where what follows ends; never past `end`. */
  delimited(end: number): number {
    const { buffer, pos } = this;
    const byte = buffer[pos] as number;
    let length = byte;
    if (byte < 0x80) this.pos = pos + 1;
    else length = this.uint32();
    const stop = this.pos + length;
    if (stop > end) this.#truncated(`length ${length} runs past the end`);
    return stop;
  }

  /** A length and a string. */
  string(end: number): string {
    const stop = this.delimited(end);
    const { pos } = this;
    this.pos = stop;
    if (stop - pos > LONGEST_CUT || !this.#isAscii(pos, stop)) return this.utf8(pos, stop);
    if (stop > this.#windowEnd || pos < this.#windowStart) this.#openWindow(pos);
    return this.#window.substring(pos - this.#windowStart, stop - this.#windowStart);
  }

  /** Four bytes at a time. */
  #isAscii(start: number, stop: number): boolean {
    const { buffer } = this;
    const view = this.#view;
    let bits = 0;
    let i = start;
    for (; i + 4 <= stop; i += 4) bits |= view.getInt32(i);
    for (; i < stop; i++) bits |= buffer[i] as number;
    return (bits & NOT_ASCII) === 0;
  }

  #openWindow(start: number): void {
    this.#windowStart = start;
    this.#windowEnd = Math.min(start + WINDOW, this.buffer.length);
    this.#window = this.buffer.toString('latin1', start, this.#windowEnd);
  }

  /** The UTF-8 text from `start` to `stop`, wherever the reader stands. */
  utf8(start: number, stop: number): string {
    const text = this.buffer.toString('utf8', start, stop);
    if (this.#strictUtf8 && text.includes('\ufffd')) {
      try {
        return strictUtf8.decode(this.buffer.subarray(start, stop));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        this.fail('string is not UTF-8', start);
      }
    }
    return text;
  }

  /** A length and bytes. */
  bytes(form: BytesForm, end: number): Uint8Array | string {
    const stop = this.delimited(end);
    const { buffer, pos } = this;
    this.pos = stop;
    if (form === 'base64') return buffer.toString('base64', pos, stop);
    return form === 'copy' ? Uint8Array.prototype.slice.call(buffer, pos, stop) : buffer.subarray(pos, stop);
  }

  /** Skips the value of an unknown field. */
  skip(tag: number, end: number): void {
    if (tag >>> 3 === 0) this.fail('field number 0');
    switch (tag & 7) {
      case VARINT:
        this.#varint64();
        break;
      case FIXED64:
        this.pos += 8;
        break;
      case DELIMITED:
        this.pos = this.delimited(end);
        break;
      case GROUP_START:
        this.#skipGroup(tag >>> 3, end);
        break;
      case FIXED32:
        this.pos += 4;
        break;
      case GROUP_END:
        this.fail('end of a group that was not begun');
        break;
      default:
        this.fail(`wire type ${tag & 7}`);
    }
    if (this.pos > end) this.#truncated('truncated field', end);
  }

  #skipGroup(number: number, end: number): void {
    this.enter();
    while (this.pos < end) {
      const tag = this.uint32();
      if ((tag & 7) === GROUP_END) {
        if (tag >>> 3 !== number) this.fail(`group ${number} ended as ${tag >>> 3}`);
        this.leave();
        return;
      }
      this.skip(tag, end);
    }
    this.#truncated('truncated group');
  }
}
