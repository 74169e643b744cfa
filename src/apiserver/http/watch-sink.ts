// Where the frames of a watch go: into the body of an answer, or over a WebSocket as a message each. Source: WatchServer.
import type { WebSocket } from 'ws';
import { acceptWebSocket, send } from '#base/websocket.ts';
import type { Encoding } from '../negotiation/output.ts';
import { ClientGoneError, type Exchange, type ResponseHeaders, type ResponseStream } from './exchange.ts';

/** Bytes handed to the connection at a time, and how much may wait there before the watcher has to catch up. */
const BATCH = 64 * 1024;
const MAX_BUFFERED = 1024 * 1024;

/** Bytes before a protobuf frame that tell its length; a message has a length of its own. */
const LENGTH_PREFIX = 4;

/** A frame given is sent in any case; false asks to wait for `drained` before more. */
export interface FrameSink {
  write(frame: Buffer): boolean;
  /** Sends what `write` has gathered. */
  flush(): boolean;
  /** Rejects with ClientGoneError when the client leaves instead. */
  drained(): Promise<void>;
  end(): void;
  /** Ends it with what waits to be sent unsent. */
  abort(): void;
  onClose(handler: () => void): void;
}

/** Begins the answer. Undefined when there is nobody to answer any more, or an answer was begun before. */
export async function openSink(exchange: Exchange, headers: ResponseHeaders, encoding: Encoding): Promise<FrameSink | undefined> {
  const { upgrade } = exchange;
  if (upgrade?.request.headers.upgrade?.toLowerCase() === 'websocket') {
    const [offered = ''] = (upgrade.request.headers['sec-websocket-protocol'] ?? '').split(',');
    const socket = await acceptWebSocket(upgrade, offered.trim());
    return socket === undefined ? undefined : messages(socket, encoding);
  }
  const stream = exchange.stream(200, headers);
  return stream === undefined ? undefined : new BodySink(exchange, stream);
}

class BodySink implements FrameSink {
  readonly #exchange: Exchange;
  readonly #stream: ResponseStream;
  #gathered: Buffer[] = [];
  #size = 0;

  constructor(exchange: Exchange, stream: ResponseStream) {
    this.#exchange = exchange;
    this.#stream = stream;
  }

  write(frame: Buffer): boolean {
    this.#gathered.push(frame);
    this.#size += frame.length;
    return this.#size < BATCH || this.flush();
  }

  flush(): boolean {
    if (this.#size === 0) return true;
    const room = this.#stream.write(
      this.#gathered.length === 1 ? (this.#gathered[0] as Buffer) : Buffer.concat(this.#gathered, this.#size),
    );
    this.#gathered = [];
    this.#size = 0;
    // A watcher is idle most of the time: the connection may take some more than its usual mark.
    return room || this.#stream.buffered < MAX_BUFFERED;
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  end(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#stream.abort();
  }

  onClose(handler: () => void): void {
    this.#exchange.onClose(handler);
  }
}

/** What the client sends is dropped. Source: HandleWS. */
function messages(socket: WebSocket, encoding: Encoding): FrameSink {
  let last = Promise.resolve();
  return {
    write(frame) {
      last = send(socket, encoding === 'protobuf' ? frame.subarray(LENGTH_PREFIX) : frame.toString());
      last.catch(() => {}); // `close` follows, and says so
      return socket.bufferedAmount < MAX_BUFFERED;
    },
    flush: () => true,
    drained: () =>
      last.catch((error: unknown) => {
        throw new ClientGoneError('client closed the watch', { cause: error });
      }),
    end: () => socket.close(),
    abort: () => socket.terminate(),
    onClose: (handler) => void socket.once('close', handler),
  };
}
