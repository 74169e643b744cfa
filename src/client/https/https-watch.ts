// A watch over HTTPS: chunks are read and parsed when events are asked for, so a slow reader slows the server down by
// HTTP/2's flow control and nothing piles up here beyond one stream window.
import { constants } from 'node:http2';
import { ConnectionError, type WatchEvent, type WatchStream } from '../contract.ts';
import type { OpenExchange } from './exchange.ts';
import { FrameError } from './bracket-scanner.ts';
import { JsonObjects } from './json-objects.ts';
import { watchEvent } from './watch-frame.ts';

/** Largest event taken, bytes: far above any object a server stores. */
const MAX_EVENT_BYTES = 64 << 20;

type Result = IteratorResult<WatchEvent<unknown>>;

const DONE: Result = { value: undefined, done: true };

export class HttpsWatch implements WatchStream<unknown> {
  readonly #stopped = new AbortController();
  readonly #outer: readonly AbortSignal[];
  readonly #opened: Promise<OpenExchange>;
  readonly #objects = new JsonObjects(MAX_EVENT_BYTES);
  /** Of the last chunk; the first at `#head`. */
  #ready: readonly unknown[] = [];
  #head = 0;
  #chunks: AsyncIterator<Buffer> | undefined;
  #ended = false;

  /** Opens at once; `outer`: whichever is aborted first ends it with its reason. */
  constructor(open: (signal: AbortSignal) => Promise<OpenExchange>, outer: readonly AbortSignal[]) {
    this.#outer = outer;
    for (const signal of outer) {
      if (signal.aborted) this.#stopped.abort(signal.reason);
      else signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    this.#opened = open(this.#stopped.signal);
    // It is reported by the next call of next(), which may never come.
    this.#opened.catch(() => undefined);
  }

  readonly #onAbort = (): void => {
    this.#stopped.abort(this.#outer.find(({ aborted }) => aborted)?.reason);
  };

  async next(): Promise<Result> {
    if (this.#ended) return DONE;
    try {
      const frame = await this.#nextFrame();
      if (frame !== undefined) return { value: watchEvent(frame), done: false };
      await this.#end();
      return DONE;
    } catch (error) {
      // Left by return(): what that broke is no error.
      if (this.#ended) return DONE;
      const reason: unknown = this.#stopped.signal.aborted ? this.#stopped.signal.reason : error;
      await this.#end();
      throw reason instanceof FrameError ? new ConnectionError(reason.message, { cause: reason }) : reason;
    }
  }

  async return(): Promise<Result> {
    await this.#end();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  /** Undefined at the end of the stream. @throws ConnectionError when it did not end by the server's will */
  async #nextFrame(): Promise<unknown> {
    for (;;) {
      if (this.#head < this.#ready.length) return this.#ready[this.#head++];
      const { stream } = await this.#opened;
      this.#chunks ??= stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const chunk = await this.#nextChunk(this.#chunks);
      if (chunk !== undefined) {
        this.#ready = this.#objects.push(chunk);
        this.#head = 0;
        continue;
      }
      const reset = stream.aborted || (stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR;
      if (reset || !this.#objects.atBoundary) throw new ConnectionError('the connection broke while watching');
      return undefined;
    }
  }

  async #nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    try {
      const { value, done } = await chunks.next();
      return done === true ? undefined : (value as Buffer);
    } catch (error) {
      throw new ConnectionError(`the connection broke while watching: ${(error as Error).message}`, { cause: error });
    }
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#ready = [];
    for (const signal of this.#outer) signal.removeEventListener('abort', this.#onAbort);
    // Ends the stream too, or the attempt to open it.
    this.#stopped.abort(new ConnectionError('the watch was left'));
  }
}
