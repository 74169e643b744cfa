// Either side of a SPDY/3.1 connection over a byte stream that was upgraded to it.
import type { Duplex } from 'node:stream';
import {
  dataHead,
  goAwayFrame,
  pingFrame,
  RESET_STATUS,
  resetFrame,
  SETTING_INITIAL_WINDOW,
  SpdyError,
  synReplyFrame,
  synStreamFrame,
  windowUpdateFrame,
  type ControlFrame,
} from './frames.ts';
import { FrameReader } from './frame-reader.ts';
import { HeaderPacker, HeaderUnpacker, type SpdyHeaders } from './header-block.ts';
import { SpdyStream, StreamReset } from './stream.ts';
import { ReceiveWindow, SendWindows } from './windows.ts';

export interface SpdyOptions {
  /** The client opens streams with odd ids, the server with even ones. */
  readonly role: 'client' | 'server';
  /** Of the connection; it belongs to the SpdyConnection from now on. */
  readonly socket: Duplex;
  /** Bytes that were read beyond the upgrade. */
  readonly head?: Buffer;
  /**
   * `windows`: as the protocol says. `none`: for peers that never send WINDOW_UPDATE; a stream whose reader is slow then
   * holds back the whole connection.
   */
  readonly flowControl?: 'windows' | 'none';
  /** Streams the other side may have open at once; more are refused. */
  readonly mostStreams?: number;
  /** The other side opened a stream; it was accepted already. */
  readonly onStream?: (stream: SpdyStream) => void;
}

const MOST_STREAMS = 1000;
/** So many bytes a data frame: others get their turn between them. */
const MOST_DATA = 32 << 10;
const MOST_PINGS = 100;

export class SpdyConnection {
  /** Resolves when the connection has ended, however it did; with why, if it was not in order. */
  readonly closed: Promise<Error | undefined>;
  readonly #options: SpdyOptions;
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #packer = new HeaderPacker();
  readonly #unpacker = new HeaderUnpacker();
  readonly #sending: SendWindows | undefined;
  readonly #receiving = new Map<number, ReceiveWindow>();
  readonly #pings = new Map<number, PromiseWithResolvers<void>>();
  #corked = false;
  #nextStream: number;
  #nextPing: number;
  #lastAccepted = 0;
  #goingAway = false;

  constructor(options: SpdyOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#nextStream = options.role === 'client' ? 1 : 2;
    this.#nextPing = this.#nextStream;
    this.#sending = options.flowControl === 'windows' ? new SendWindows() : undefined;
    this.#socket.on('error', () => this.#socket.destroy()); // reading ends with the same error
    this.closed = this.#readAll().then(
      () => this.#end(undefined),
      (error: unknown) => this.#end(error as Error),
    );
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Opens a stream; it can be written to at once. @throws SpdyError when the connection is closed or the other side goes away */
  createStream(headers: SpdyHeaders, { fin = false }: { readonly fin?: boolean } = {}): SpdyStream {
    if (this.#socket.destroyed || this.#goingAway) throw new SpdyError('the connection is closed');
    const stream = this.#add(this.#nextStream, headers);
    this.#nextStream += 2;
    this.#write(synStreamFrame(stream.id, fin, this.#packer.pack(headers)));
    if (fin) stream.end();
    return stream;
  }

  /**
   * Resolves when the other side answered, and so has read all that was written before.
   * @throws SpdyError when too many are unanswered, or the connection is closed
   */
  ping(): Promise<void> {
    if (this.#socket.destroyed) return Promise.reject(new SpdyError('the connection is closed'));
    if (this.#pings.size >= MOST_PINGS) return Promise.reject(new SpdyError(`${MOST_PINGS} pings are unanswered`));
    const id = this.#nextPing;
    this.#nextPing += 2;
    const answer = Promise.withResolvers<void>();
    this.#pings.set(id, answer);
    this.#write(pingFrame(id));
    return answer.promise;
  }

  /** Tells the other side, sends what was written, and ends. */
  close(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.end(goAwayFrame(this.#lastAccepted, 0));
  }

  /** Ends at once. */
  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }

  #add(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(id, headers, {
      sendData: (each, data, fin, done) => this.#sendData(each, data, fin, done),
      consumed: (each, bytes) => this.#consumed(each, bytes),
      reset: (each, status) => this.#write(resetFrame(each.id, status)),
      forget: (each) => this.#forget(each),
    });
    stream.on('error', () => {}); // whoever reads or writes it sees the error there; nobody may have begun to
    this.#streams.set(id, stream);
    if (this.#sending !== undefined) this.#receiving.set(id, new ReceiveWindow());
    return stream;
  }

  #forget({ id }: SpdyStream): void {
    this.#streams.delete(id);
    this.#receiving.delete(id);
    this.#sending?.forget(id);
  }

  #write(frame: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#gather();
    this.#socket.write(frame);
  }

  /**
   * Frames of one turn leave in one write: it costs less, and a connection that the other side has closed cannot fail the
   * second half of what is said at once before the first half's answer was read.
   */
  #gather(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #sendData(stream: SpdyStream, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return done(new SpdyError('the connection is closed'));
    if (this.#sending === undefined || data.length === 0) return this.#sendPieces(stream.id, data, fin, done);
    this.#sending.take(stream.id, Math.min(data.length, MOST_DATA), (granted) => {
      if (granted === 0) return done(); // the stream was given up meanwhile
      const rest = data.subarray(granted);
      const next =
        rest.length === 0 ? done : (error?: Error | null): void => (error ? done(error) : this.#sendData(stream, rest, fin, done));
      this.#sendPieces(stream.id, data.subarray(0, granted), fin && rest.length === 0, next);
    });
  }

  #sendPieces(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return done(new SpdyError('the connection is closed'));
    this.#gather();
    for (let at = 0; at === 0 || at < data.length; at += MOST_DATA) {
      const piece = data.subarray(at, at + MOST_DATA);
      const last = at + MOST_DATA >= data.length;
      const head = dataHead(id, piece.length, fin && last);
      if (piece.length > 0) socket.write(head);
      socket.write(piece.length > 0 ? piece : head, last ? done : undefined);
    }
  }

  #consumed({ id }: SpdyStream, bytes: number): void {
    const grant = this.#receiving.get(id)?.consumed(bytes) ?? 0;
    if (grant > 0) this.#write(windowUpdateFrame(id, grant));
  }

  async #readAll(): Promise<void> {
    const reader = new FrameReader();
    const { head } = this.#options;
    if (head !== undefined && head.length > 0) await this.#readChunk(reader, head);
    for await (const chunk of this.#socket as AsyncIterable<Buffer>) await this.#readChunk(reader, chunk);
  }

  async #readChunk(reader: FrameReader, chunk: Buffer): Promise<void> {
    for (const part of reader.read(chunk)) {
      if (part.kind !== 'data') {
        await this.#onControl(part);
        continue;
      }
      const stream = this.#streams.get(part.streamId);
      if (stream === undefined) {
        // A stream given up a moment ago, or never opened: the other side is told once a frame.
        if (part.last) this.#write(resetFrame(part.streamId, RESET_STATUS.invalidStream));
        continue;
      }
      await this.#onData(stream, part.payload);
      if (part.fin) stream.endRemote();
    }
  }

  #onData(stream: SpdyStream, payload: Buffer): Promise<void> | undefined {
    const window = this.#receiving.get(stream.id);
    if (window === undefined) return stream.deliver(payload);
    if (window.received(payload.length) === 'exceeded') {
      this.#write(resetFrame(stream.id, RESET_STATUS.flowControlError));
      stream.abandon(new SpdyError(`stream ${stream.id} got more than its window`));
      return undefined;
    }
    // What is unread is bounded by the streams' windows: the connection's own is given back at once.
    if (payload.length > 0) this.#write(windowUpdateFrame(0, payload.length));
    void stream.deliver(payload);
    return undefined;
  }

  async #onControl(frame: ControlFrame): Promise<void> {
    switch (frame.kind) {
      case 'syn-stream':
        return this.#onOpened(frame.streamId, await this.#unpacker.unpack(frame.block), frame.fin);
      case 'syn-reply':
      case 'headers':
        // Unpacked even when nobody reads them: all blocks share one zlib stream.
        await this.#unpacker.unpack(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.endRemote();
        return;
      case 'rst-stream':
        return this.#onReset(frame.streamId, frame.status);
      case 'settings':
        for (const { id, value } of frame.entries) if (id === SETTING_INITIAL_WINDOW) this.#sending?.setInitial(value);
        return;
      case 'ping':
        return this.#onPing(frame.id);
      case 'go-away':
        this.#goingAway = true;
        return;
      case 'window-update':
        return this.#sending?.give(frame.streamId, frame.delta);
      case 'other':
        return;
    }
  }

  #onOpened(id: number, headers: SpdyHeaders, fin: boolean): void {
    const { role, mostStreams = MOST_STREAMS, onStream } = this.#options;
    if (id === 0 || id % 2 !== (role === 'client' ? 0 : 1) || id <= this.#lastAccepted)
      throw new SpdyError(`stream id ${id} cannot be opened by the other side`);
    this.#lastAccepted = id;
    if (onStream === undefined || this.#streams.size >= mostStreams) return this.#write(resetFrame(id, RESET_STATUS.refusedStream));
    const stream = this.#add(id, headers);
    this.#write(synReplyFrame(id, this.#packer.pack({})));
    if (fin) stream.endRemote();
    onStream(stream);
  }

  /** Peers cancel their streams when they are done with them: to a reader that is the end. */
  #onReset(id: number, status: number): void {
    const stream = this.#streams.get(id);
    if (status === RESET_STATUS.cancel) stream?.cancel();
    else stream?.abandon(new StreamReset(id, status));
  }

  #onPing(id: number): void {
    if (id % 2 !== this.#nextPing % 2) return this.#write(pingFrame(id));
    this.#pings.get(id)?.resolve();
    this.#pings.delete(id);
  }

  #end(error: Error | undefined): Error | undefined {
    this.#socket.destroy();
    this.#unpacker.close();
    for (const ping of this.#pings.values()) ping.reject(new SpdyError('the connection is closed'));
    this.#pings.clear();
    for (const stream of [...this.#streams.values()]) {
      stream.abandon(error ?? new SpdyError('the connection was closed'));
    }
    return error;
  }
}
