// Bytes that are kept for as long as an object is, in the heap: a character of a string for each.
import { isAscii } from 'node:buffer';

/**
 * Immutable. A Buffer would be memory outside of the heap: a third of a kilobyte more for each, and V8 collects the whole heap
 * whenever 64 MiB of such memory have been added, however much there is. A string is marked by a bit, for it points to nothing.
 */
export class HeapBytes {
  /** Each byte as the character of its number. */
  readonly #bytes: string;
  readonly #ascii: boolean;

  private constructor(bytes: string, ascii: boolean) {
    this.#bytes = bytes;
    this.#ascii = ascii;
  }

  /** UTF-8. */
  static of(text: string): HeapBytes {
    if (Buffer.byteLength(text) === text.length) return new HeapBytes(text, true);
    return new HeapBytes(Buffer.from(text).toString('latin1'), false);
  }

  /** A copy. */
  static from({ buffer, byteOffset, byteLength }: Uint8Array): HeapBytes {
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    return new HeapBytes(bytes.toString('latin1'), isAscii(bytes));
  }

  /** In bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** The text that the bytes are, in UTF-8. */
  toString(): string {
    return this.#ascii ? this.#bytes : this.toBuffer().toString();
  }

  /** A copy. */
  toBuffer(): Buffer {
    return Buffer.from(this.#bytes, 'latin1');
  }

  equals(other: HeapBytes): boolean {
    return this.#bytes === other.#bytes;
  }

  startsWith(other: HeapBytes): boolean {
    return this.#bytes.startsWith(other.#bytes);
  }

  /** The byte at `index`; NaN where there is none. */
  at(index: number): number {
    return this.#bytes.charCodeAt(index);
  }

  /** Where the next match of a sticky pattern that begins at `start` ends; `start` itself where there is none. ASCII patterns only. */
  skip(pattern: RegExp, start: number): number {
    pattern.lastIndex = start;
    return pattern.test(this.#bytes) ? pattern.lastIndex : start;
  }

  /** Where ASCII `text` begins last before `end`; -1 where it does not. */
  lastIndexOf(text: string, end: number): number {
    return this.#bytes.lastIndexOf(text, end - text.length);
  }

  /** Writes the bytes from `start` to `end` at `offset` of a target with room for them; returns where they end. */
  copy(target: Buffer, offset: number, start = 0, end = this.#bytes.length): number {
    return offset + target.write(this.#bytes.slice(start, end), offset, 'latin1');
  }
}
