// Parses a byte stream of JSON objects, one on a line as API servers write them, or any other way they can follow
// each other.
import { parseExactly } from '#apimachinery/json.ts';
import { BracketScanner, FrameError } from './bracket-scanner.ts';

const NEWLINE = 0x0a;
const CLOSE_BRACE = 0x7d;

/**
 * A line is taken for an object and parsed; finding its end is one native search. Where that fails (objects spread over
 * lines or several on one), and where a chunk without newline might end an object, brackets are counted instead until
 * the next object has ended. Each byte is looked at a fixed number of times at most, however the chunks fall.
 */
export class JsonObjects {
  readonly #maxBytes: number;
  /** Chunks of the line under way. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #scanner: BracketScanner | undefined;

  /** `maxBytes`: of one object. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether the stream may end here. */
  get atBoundary(): boolean {
    return this.#scanner === undefined && this.#heldBytes === 0;
  }

  /** The objects that `chunk` completes. @throws FrameError for what is no JSON object, or too large a one */
  push(chunk: Buffer): unknown[] {
    const found: unknown[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      const newline = this.#scanner === undefined ? rest.indexOf(NEWLINE) : -1;
      if (newline === -1) {
        this.#withoutNewline(rest, found);
        break;
      }
      this.#line(rest.subarray(0, newline), found);
      rest = rest.subarray(newline + 1);
    }
    return found;
  }

  #line(end: Buffer, found: unknown[]): void {
    const line = this.#take(end);
    const text = line.toString('utf8');
    if (text.trim() === '') return;
    try {
      found.push(parseExactly(text) as unknown);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#scan(line, found);
    }
  }

  #withoutNewline(rest: Buffer, found: unknown[]): void {
    if (this.#scanner !== undefined) return this.#scan(rest, found);
    this.#hold(rest);
    if (rest[rest.length - 1] === CLOSE_BRACE) this.#scan(this.#take(), found);
  }

  /** Counts brackets from here until an object has ended; what follows it is a line again. */
  #scan(bytes: Buffer, found: unknown[]): void {
    const scanner = this.#scanner ?? new BracketScanner(this.#maxBytes);
    const frames = scanner.push(bytes);
    for (const frame of frames) found.push(parse(frame));
    if (frames.length === 0 && !scanner.atBoundary) {
      this.#scanner = scanner;
      return;
    }
    this.#scanner = undefined;
    if (!scanner.atBoundary) this.#hold(scanner.held);
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#maxBytes) throw new FrameError(`a JSON object in the stream is larger than ${this.#maxBytes} bytes`);
    this.#held.push(part);
  }

  /** What is held, with `end`; nothing is held after. */
  #take(end?: Buffer): Buffer {
    if (end !== undefined && this.#heldBytes === 0) return end;
    if (end !== undefined) this.#hold(end);
    const whole = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return whole;
  }
}

function parse(frame: Buffer): unknown {
  try {
    return parseExactly(frame.toString('utf8')) as unknown;
  } catch (error) {
    throw new FrameError('the stream holds an object that is no JSON', { cause: error });
  }
}
