// One stream of a SPDY connection, as a Duplex whose sides end separately.
import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './header-block.ts';
import { RESET_STATUS } from './frames.ts';

/** What a stream does through its connection. */
export interface StreamLink {
  /** Calls back when the bytes have left; may wait for the other side's window. */
  sendData(stream: SpdyStream, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  /** The reader took this many bytes. */
  consumed(stream: SpdyStream, bytes: number): void;
  reset(stream: SpdyStream, status: number): void;
  forget(stream: SpdyStream): void;
}

/** The other side reset the stream. */
export class StreamReset extends Error {
  override readonly name = 'StreamReset';
  readonly status: number;

  constructor(streamId: number, status: number) {
    super(`stream ${streamId} was reset with status ${status}`);
    this.status = status;
  }
}

export class SpdyStream extends Duplex {
  readonly id: number;
  /** What it was opened with. */
  readonly headers: SpdyHeaders;
  readonly #link: StreamLink;
  #remoteEnded = false;
  #localEnded = false;
  /** Nothing can be sent any more; what is written is dropped. */
  #reset = false;
  #failure: Error | undefined;
  #delivered = 0;
  #wantsMore: (() => void) | undefined;

  constructor(id: number, headers: SpdyHeaders, link: StreamLink) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#link = link;
  }

  /** Bytes of the other side; resolves when the reader can take more. For the connection only. */
  deliver(data: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.#remoteEnded || data.length === 0) return undefined;
    this.#delivered += data.length;
    if (this.push(data)) return undefined;
    return new Promise((resolve) => {
      this.#wantsMore = resolve;
    });
  }

  /** Bytes given to this stream that its reader has not asked beyond. */
  get unread(): number {
    return this.#delivered;
  }

  /** The other side writes no more. For the connection only. */
  endRemote(): void {
    if (this.#remoteEnded) return;
    this.#remoteEnded = true;
    if (!this.destroyed) this.push(null);
  }

  /**
   * What broke the stream off after bytes that its reader still has to take: those are given first, and then the end.
   * Undefined for a stream whose end is the other side's.
   */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The other side takes no more, and sends no more: bytes already here are still read. For the connection only. */
  cancel(): void {
    this.#reset = true;
    this.endRemote();
    if (!this.writableEnded) this.end();
    this.#link.forget(this);
  }

  /** The other side gave the stream up with an error, or the connection broke. For the connection only. */
  abandon(error: Error): void {
    if (this.readableLength === 0 && !this.#remoteEnded) {
      this.#reset = true;
      this.destroy(error);
      return;
    }
    if (!this.#remoteEnded) this.#failure = error;
    this.cancel();
  }

  override _read(): void {
    const taken = this.#delivered;
    this.#delivered = 0;
    if (taken > 0) this.#link.consumed(this, taken);
    const more = this.#wantsMore;
    this.#wantsMore = undefined;
    more?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#reset) done();
    else this.#link.sendData(this, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#reset) return done();
    this.#link.sendData(this, Buffer.alloc(0), true, (error) => {
      this.#localEnded = true;
      done(error);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const more = this.#wantsMore;
    this.#wantsMore = undefined;
    more?.();
    if (!this.#reset && !(this.#localEnded && this.#remoteEnded)) this.#link.reset(this, RESET_STATUS.cancel);
    this.#link.forget(this);
    done(error);
  }
}
