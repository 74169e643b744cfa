// Finds where JSON objects end in a byte stream, by their brackets alone.

/** The stream is not a sequence of JSON objects, or one of them is larger than allowed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Each byte is looked at once and copied at most once, however the chunks fall. Only brackets and strings are followed;
 * whether a frame is valid JSON is for the parser to say.
 */
export class BracketScanner {
  readonly #maxBytes: number;
  /** Earlier chunks of the frame under way. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** No object is under way. */
  get atBoundary(): boolean {
    return this.#depth === 0;
  }

  /** The bytes of the object under way. */
  get held(): Buffer {
    return Buffer.concat(this.#held);
  }

  /** The frames that `chunk` completes. @throws FrameError */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE && depth > 0) {
        inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth === 0) start = at;
        depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth--;
        if (depth < 0) throw new FrameError('unbalanced brackets in a stream of JSON objects');
        if (depth === 0) {
          frames.push(this.#complete(chunk.subarray(start, at + 1)));
          start = at + 1;
        }
      } else if (depth === 0 && !isSpace(byte)) {
        throw new FrameError(`unexpected byte 0x${byte.toString(16)} between JSON objects`);
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    if (depth > 0) this.#hold(chunk.subarray(start));
    return frames;
  }

  #complete(last: Buffer): Buffer {
    this.#limit(this.#heldBytes + last.length);
    if (this.#heldBytes === 0) return last;
    const frame = Buffer.concat([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    return frame;
  }

  #hold(part: Buffer): void {
    this.#limit(this.#heldBytes + part.length);
    this.#held.push(part);
    this.#heldBytes += part.length;
  }

  #limit(bytes: number): void {
    if (bytes > this.#maxBytes) throw new FrameError(`a JSON object in the stream is larger than ${this.#maxBytes} bytes`);
  }
}
