// The TLS port: HTTP/2 and HTTP/1.1 by ALPN, bounded in every direction. What a request means is decided in `handle`.
import { constants } from 'node:crypto';
import { ServerResponse, type IncomingMessage } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { Logger } from '#base/log.ts';
import { Answering } from './answering.ts';
import type { Exchange } from './exchange.ts';
import { Http1Exchange } from './exchange-h1.ts';
import { Http2Exchange } from './exchange-h2.ts';
import { peerOf } from './peer.ts';

/** PEM texts. */
export interface ServingCertificate {
  /** Leaf first, then intermediates. */
  readonly certificate: string;
  readonly key: string;
}

export interface TlsMaterial {
  readonly serving: ServingCertificate;
  /** Further certificates by server name (exact, or `*.domain`). */
  readonly byName?: Readonly<Record<string, ServingCertificate>>;
  /** Issuers of client certificates, PEM, one or more; absent: no client certificate is accepted. */
  readonly clientCa?: string;
}

export interface ListenOptions {
  /** Default `0.0.0.0`. */
  readonly host?: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** Most bytes of all headers of one request. Source: net/http DefaultMaxHeaderBytes. */
const MAX_HEADER_BYTES = 1 << 20;
/**
 * A TLS handshake, and the head of an HTTP/1.1 request, must arrive within this many milliseconds.
 * Source: ReadHeaderTimeout in secure_serving.go, which net/http takes for both.
 */
const HANDSHAKE_TIMEOUT_MS = 32_000;
const HEADERS_TIMEOUT_MS = 32_000;
/** An HTTP/1.1 request, body included; the request deadline is shorter. */
const REQUEST_TIMEOUT_MS = 90_000;
/** A connection without any request is closed after this many milliseconds. Source: http.Server IdleTimeout 90 s. */
const IDLE_TIMEOUT_MS = 90_000;
/**
 * After so many silent milliseconds the kernel asks whether the client's machine is still there: one that lost its power says
 * nothing of it, and a watch over HTTP/1.1 without events never would. Source: defaultKeepAlivePeriod in secure_serving.go.
 */
const KEEP_ALIVE_MS = 180_000;
/** From telling an idle client of HTTP/2 to go elsewhere to closing the connection, ms. Source: http2 goAwayTimeout. */
const GO_AWAY_MS = 1_000;
/** Requests under way on one HTTP/2 connection. */
const MAX_CONCURRENT_STREAMS = 1_000;
/** What a client may send ahead on one stream and on the whole connection, bytes. */
const STREAM_WINDOW = 1 << 20;
const SESSION_WINDOW = 16 << 20;
/** Bytes one connection may hold in Node, MB. Watch queues are bounded on their own, far below. */
const SESSION_MEMORY_MB = 512;
const MAX_CONNECTIONS = 20_000;
/**
 * Connections that the kernel sets up while the server is busy; it holds as many as net.core.somaxconn allows. One that finds no
 * room is tried again by its client after 1, 3, 7, 15 s. Source: net maxListenerBacklog; Node's default is 511.
 */
const BACKLOG = 65_535;

export class Listener {
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #handle: (exchange: Exchange) => void;
  readonly #logger: Logger;
  #contexts: ReadonlyMap<string, SecureContext> = new Map();
  #draining = false;

  constructor({
    tls,
    handle,
    logger,
    handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS,
    idleTimeoutMs = IDLE_TIMEOUT_MS,
  }: {
    readonly tls: TlsMaterial;
    readonly handle: (exchange: Exchange) => void;
    readonly logger: Logger;
    readonly handshakeTimeoutMs?: number;
    readonly idleTimeoutMs?: number;
  }) {
    this.#handle = handle;
    this.#logger = logger;
    this.#server = createSecureServer({
      allowHTTP1: true,
      requestCert: true,
      // An unknown certificate is no reason to refuse the connection: a token may follow.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: handshakeTimeoutMs,
      maxHeaderListPairs: 256,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: {
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
      SNICallback: (name, done) => done(null, this.#contextFor(name)),
      // Node passes these on to its HTTP/1.1 side and to the sockets; its types know them for node:http only.
      ...{
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: idleTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      },
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.reload(tls);
    // With a request listener Node would also serve every HTTP/2 stream through its compatibility layer.
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.removeAllListeners('stream');
    this.#server.on('stream', (stream, headers, _flags, rawHeaders) => this.#onStream(stream as ServerHttp2Stream, headers, rawHeaders));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#onUpgrade(request, socket, head));
    this.#server.on('session', (session) => this.#onSession(session, idleTimeoutMs));
    this.#server.on('secureConnection', (socket) => this.#onSocket(socket));
    this.#server.on('sessionError', (error) => this.#logger.debug('HTTP/2 connection failed', { error }));
    this.#server.on('tlsClientError', (error) => this.#logger.debug('TLS handshake failed', { error }));
    this.#server.on('clientError', (error, socket) => refuse(error, socket));
  }

  /** Resolves with the address in use. @throws Error when the port is taken or may not be used */
  listen({ host, port }: ListenOptions): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: host ?? '0.0.0.0', port, backlog: BACKLOG }, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (error) => this.#logger.error('listener failed', { error }));
        const address = this.#server.address() as AddressInfo;
        resolve({ host: address.address, port: address.port });
      });
    });
  }

  /** New certificates for connections from now on; those open stay as they are. @throws Error for bad PEM */
  reload(tls: TlsMaterial): void {
    const options = (serving: ServingCertificate): SecureContextOptions => ({
      // Every connection shows its certificate anew, so that none outlives what trusted it.
      secureOptions: constants.SSL_OP_NO_TICKET,
      cert: serving.certificate,
      key: serving.key,
      ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }),
      allowPartialTrustChain: true, // as in Go: an intermediate authority is enough
    });
    const contexts = new Map<string, SecureContext>();
    contexts.set('', createSecureContext(options(tls.serving)));
    for (const [name, serving] of Object.entries(tls.byName ?? {})) contexts.set(name.toLowerCase(), createSecureContext(options(serving)));
    this.#server.setSecureContext(options(tls.serving));
    this.#contexts = contexts;
  }

  /** Accepts no new connection and tells open ones to go elsewhere; requests under way continue. */
  drain(): void {
    this.#draining = true;
    this.#server.close();
    for (const session of this.#sessions) session.close();
  }

  /** Ends every connection at once. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  get connections(): number {
    return this.#sockets.size;
  }

  #contextFor(name: string): SecureContext | undefined {
    const exact = this.#contexts.get(name.toLowerCase());
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return (dot === -1 ? undefined : this.#contexts.get(`*${name.slice(dot).toLowerCase()}`)) ?? this.#contexts.get('');
  }

  #onSocket(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #onSession(session: ServerHttp2Session, idleTimeoutMs: number): void {
    this.#sessions.add(session);
    session.once('close', () => {
      this.#sessions.delete(session);
      clearTimer(session);
    });
    session.setLocalWindowSize(SESSION_WINDOW);
    // Counts as idle while no frame passes either way; pings of a client with an open watch keep it alive.
    let isTold = false;
    session.setTimeout(idleTimeoutMs);
    session.on('timeout', () => {
      if ((openStreams.get(session) ?? 0) > 0) return;
      // A request on its way is told that nobody looked at it. `close` would wait for the client to end its half, which one that means
      // harm never does.
      if (isTold) session.destroy();
      else session.goaway();
      isTold = true;
      session.setTimeout(GO_AWAY_MS);
    });
    if (this.#draining) session.close();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return; // closed before we got to it
    openStreams.set(session, (openStreams.get(session) ?? 0) + 1);
    stream.once('close', () => openStreams.set(session, (openStreams.get(session) ?? 1) - 1));
    this.#handle(new Http2Exchange(stream, headers, rawHeaders, peerOf(session.socket as TLSSocket, session)));
  }

  #onRequest(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
    const [req, res] = [request as IncomingMessage, response as ServerResponse];
    if (this.#draining) res.setHeader('connection', 'close');
    answering.begin(req.socket, res);
    this.#handle(new Http1Exchange(req, res, peerOf(req.socket as TLSSocket)));
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => this.#logger.debug('upgraded connection failed', { error }));
    // A client may send it before it has the answers to what it sent before, which Node.js would not wait for.
    answering.after(request.socket, () => this.#answerUpgrade(request, socket, head));
  }

  #answerUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Of one with a body `socket` is what follows the body, and no connection.
    const connection = request.socket as TLSSocket;
    connection.setTimeout(0); // of one that is kept for further requests
    // An upgrade can still be refused in plain HTTP.
    const response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
    response.shouldKeepAlive = false;
    response.on('finish', () => {
      if (!socket.destroyed) socket.end();
    });
    this.#handle(new Http1Exchange(request, response, peerOf(connection), { request, socket, head }));
  }
}

const answering = new Answering();

/** Node.js would keep a session that has ended, certificates and all, until its timer is due: it clears none of one that is destroyed. */
function clearTimer(session: ServerHttp2Session): void {
  (Object.create(session, { destroyed: { value: false } }) as ServerHttp2Session).setTimeout(0);
}

const openStreams = new WeakMap<ServerHttp2Session, number>();

/** Answers to what is not HTTP/1.1, or does not come in time. Source: _http_server.js socketOnError. */
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Only a client that speaks HTTP/1.1 gets an answer. The others failed within TLS: a handshake that was given up may still
 * end and an HTTP/2 session begin on that connection, and a byte of ours in its way ends the whole process.
 */
function refuse(error: Error & { readonly code?: string }, socket: Duplex): void {
  const { code = '' } = error;
  const status = REFUSALS[code] ?? (code.startsWith('HPE_') ? '400 Bad Request' : undefined);
  if (status === undefined || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`);
}
