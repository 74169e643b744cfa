// An Exchange over HTTP/1.1.
import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { ownText } from '#base/own-text.ts';
import type { Upgrade } from '#base/websocket.ts';
import { readBody } from './body.ts';
import { ClientGoneError, unlessFailed, type Exchange, type ResponseHeaders, type ResponseStream } from './exchange.ts';
import { drained } from './exchange-h2.ts';

const EMPTY = new Uint8Array();
/** Source: net/http maxPostHandlerReadBytes. */
const MAX_UNREAD_BYTES = 256 << 10;

export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly httpVersion = '1.1';
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  readonly clientCertificate: X509Certificate | undefined;
  readonly upgrade: Upgrade | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #responded = false;
  #answer: Http1ResponseStream | undefined;
  #sentBytes = 0;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    peer: { readonly remoteAddress: string; readonly clientCertificate: X509Certificate | undefined },
    upgrade?: Upgrade,
  ) {
    this.#request = request;
    this.#response = response;
    this.headers = request.headers;
    this.rawHeaders = request.rawHeaders;
    this.method = request.method ?? 'GET';
    const target = originForm(request.url ?? '/');
    const mark = target.indexOf('?');
    this.rawPath = mark === -1 ? target : ownText(target.slice(0, mark));
    this.rawQuery = mark === -1 ? '' : target.slice(mark + 1);
    this.remoteAddress = peer.remoteAddress;
    this.clientCertificate = peer.clientCertificate;
    this.upgrade = upgrade;
    request.on('error', ignoreStreamError);
    response.on('error', ignoreStreamError);
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#response.closed || this.#request.socket.destroyed;
  }

  get responded(): boolean {
    return this.#responded;
  }

  get sentBytes(): number {
    return this.#answer?.sentBytes ?? this.#sentBytes;
  }

  get bodyStream(): NodeJS.ReadableStream {
    return this.#request;
  }

  onClose(handler: () => void): void {
    if (this.closed) queueMicrotask(handler);
    else this.#response.once('close', handler);
  }

  readBody(limit: number): Promise<Buffer> {
    if (this.#request.complete && this.#request.readableLength === 0 && this.#request.readableEnded)
      return Promise.resolve(Buffer.alloc(0));
    if (this.closed) return Promise.reject(new ClientGoneError('client closed the request'));
    return readBody(this.#request, this.header('content-length'), limit, this.#response);
  }

  respond(status: number, headers: ResponseHeaders, body: Uint8Array = EMPTY): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#sentBytes = body.length;
    if (this.closed) return;
    const length = status === 204 || status === 304 ? {} : { 'content-length': body.length };
    this.#response.writeHead(status, { ...(headers as OutgoingHttpHeaders), ...length, ...this.#unreadBody() });
    this.#response.end(this.method === 'HEAD' ? undefined : body);
  }

  stream(status: number, headers: ResponseHeaders): ResponseStream | undefined {
    if (this.#responded) return undefined;
    this.#responded = true;
    if (this.closed) return undefined;
    this.#response.writeHead(status, { ...(headers as OutgoingHttpHeaders), ...this.#unreadBody() });
    this.#response.flushHeaders();
    return (this.#answer = new Http1ResponseStream(this.#response));
  }

  abort(): void {
    this.#response.destroy();
  }

  /**
   * Of a body that nobody read a little more is taken, where it said how much: refused clients need not make another connection.
   * Else the connection ends with this answer. Source: net/http chunkWriter.writeHeader.
   */
  #unreadBody(): OutgoingHttpHeaders {
    const { complete, readableFlowing, headers } = this.#request;
    const isLittle = readableFlowing === null && Number(headers['content-length'] ?? Infinity) <= MAX_UNREAD_BYTES;
    return complete || isLittle ? {} : { connection: 'close' };
  }
}

class Http1ResponseStream implements ResponseStream {
  sentBytes = 0;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get buffered(): number {
    return this.#response.writableLength;
  }

  write(chunk: Uint8Array, sent?: () => void): boolean {
    this.sentBytes += chunk.length;
    if (this.#response.destroyed || this.#response.writableEnded) return false;
    return sent === undefined ? this.#response.write(chunk) : this.#response.write(chunk, unlessFailed(sent));
  }

  drained(): Promise<void> {
    return drained(this.#response);
  }

  end(): void {
    this.#response.end();
  }

  abort(): void {
    this.#response.destroy();
  }
}

/** `https://host/path` as some proxies send it, without the host. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const scheme = target.indexOf('://');
  const slash = scheme === -1 ? -1 : target.indexOf('/', scheme + 3);
  return slash === -1 ? '/' : target.slice(slash);
}

function ignoreStreamError(): void {}
