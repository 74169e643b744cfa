// An Exchange over an HTTP/2 stream.
import type { X509Certificate } from 'node:crypto';
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ownText } from '#base/own-text.ts';
import type { Upgrade } from '#base/websocket.ts';
import { readBody } from './body.ts';
import { ClientGoneError, unlessFailed, type Exchange, type ResponseHeaders, type ResponseStream } from './exchange.ts';

const EMPTY = new Uint8Array();

export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly httpVersion = '2';
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  readonly clientCertificate: X509Certificate | undefined;
  readonly upgrade: Upgrade | undefined = undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #bodyless: boolean;
  #responded = false;
  #answer: Http2ResponseStream | undefined;
  #sentBytes = 0;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    peer: { readonly remoteAddress: string; readonly clientCertificate: X509Certificate | undefined },
  ) {
    this.#stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.method = headers[':method'] as string;
    const target = (headers[':path'] as string | undefined) ?? '/';
    const mark = target.indexOf('?');
    this.rawPath = mark === -1 ? target : ownText(target.slice(0, mark));
    this.rawQuery = mark === -1 ? '' : target.slice(mark + 1);
    this.remoteAddress = peer.remoteAddress;
    this.clientCertificate = peer.clientCertificate;
    this.#bodyless = stream.readableEnded || stream.endAfterHeaders;
    // A stream that fails has closed too: onClose tells whoever waits. Without a listener the process would end.
    stream.on('error', ignoreStreamError);
  }

  header(name: string): string | undefined {
    const value = name === 'host' ? (this.headers[':authority'] ?? this.headers.host) : this.headers[name];
    return Array.isArray(value) ? value.join(', ') : (value as string | undefined);
  }

  get closed(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  get responded(): boolean {
    return this.#responded;
  }

  get sentBytes(): number {
    return this.#answer?.sentBytes ?? this.#sentBytes;
  }

  get bodyStream(): NodeJS.ReadableStream {
    return this.#stream;
  }

  onClose(handler: () => void): void {
    if (this.#stream.closed) queueMicrotask(handler);
    else this.#stream.once('close', handler);
  }

  readBody(limit: number): Promise<Buffer> {
    if (this.#bodyless) return Promise.resolve(Buffer.alloc(0));
    if (this.closed) return Promise.reject(new ClientGoneError('client closed the request'));
    return readBody(this.#stream, this.header('content-length'), limit);
  }

  respond(status: number, headers: ResponseHeaders, body: Uint8Array = EMPTY): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#sentBytes = body.length;
    if (this.closed) return;
    const out: OutgoingHttpHeaders = { ...(headers as OutgoingHttpHeaders), ':status': status };
    if (body.length === 0 || this.method === 'HEAD') {
      if (status !== 204) out['content-length'] = body.length;
      this.#stream.respond(out, { endStream: true });
    } else {
      out['content-length'] = body.length;
      this.#stream.respond(out);
      this.#stream.end(body);
    }
    this.#discardBody();
  }

  stream(status: number, headers: ResponseHeaders): ResponseStream | undefined {
    if (this.#responded) return undefined;
    this.#responded = true;
    if (this.closed) return undefined;
    this.#stream.respond({ ...(headers as OutgoingHttpHeaders), ':status': status });
    this.#discardBody();
    return (this.#answer = new Http2ResponseStream(this.#stream));
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** What the client still sends is of no interest: end it cleanly rather than let it fill the window. */
  #discardBody(): void {
    if (this.#bodyless || this.#stream.readableEnded) return;
    this.#stream.resume();
  }
}

class Http2ResponseStream implements ResponseStream {
  sentBytes = 0;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get buffered(): number {
    return this.#stream.writableLength;
  }

  write(chunk: Uint8Array, sent?: () => void): boolean {
    this.sentBytes += chunk.length;
    if (this.#stream.destroyed || this.#stream.writableEnded) return false;
    return sent === undefined ? this.#stream.write(chunk) : this.#stream.write(chunk, unlessFailed(sent));
  }

  drained(): Promise<void> {
    return drained(this.#stream);
  }

  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** Resolves when there is room again. Rejects with ClientGoneError when it closes instead. */
export function drained(
  stream: NodeJS.WritableStream & { readonly destroyed?: boolean; readonly writableNeedDrain?: boolean },
): Promise<void> {
  if (stream.destroyed === true) return Promise.reject(new ClientGoneError('client closed the answer'));
  if (stream.writableNeedDrain === false) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.removeListener('drain', onDrain);
      stream.removeListener('close', onClose);
    };
    const onDrain = (): void => {
      settle();
      resolve();
    };
    const onClose = (): void => {
      settle();
      reject(new ClientGoneError('client closed the answer'));
    };
    stream.on('drain', onDrain);
    stream.on('close', onClose);
  });
}

function ignoreStreamError(): void {}
