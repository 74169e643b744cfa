// One HTTP/2 connection: made over TLS, watched by pings, closed when its last stream has ended.
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { isIP } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import type { CancelTimer, Clock } from '#base/clock.ts';
import { ConnectionError } from '../contract.ts';
import type { ClientCertificate } from './credentials.ts';

/** What a connection is made with; another material needs another connection. */
export interface TlsMaterial {
  /** PEM bundle; undefined for the system's. */
  readonly ca: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The name the server's certificate must have; the host by default. */
  readonly serverName: string | undefined;
  /** `none` trusts any server: for experiments only. */
  readonly verify: 'full' | 'none';
}

/** Source: client-go rest/config.go dialer Timeout; net/http TLSHandshakeTimeout. */
const CONNECT_TIMEOUT_MS = 30_000;
/** A connection silent for so long is pinged, and given up without an answer. Source: HTTP2_READ_IDLE_TIMEOUT_SECONDS, HTTP2_PING_TIMEOUT_SECONDS. */
const PING_EVERY_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;
/** Bytes of answers in flight for the whole connection, and for one stream. */
const CONNECTION_WINDOW = 16 << 20;
const STREAM_WINDOW = 4 << 20;
/** Megabytes. At Node's default of 10 one stalled watch would end all others. */
const SESSION_MEMORY = 1024;
/** Until the server says. Source: net/http2 initialMaxConcurrentStreams. */
const ASSUMED_MAX_STREAMS = 100;

export class Session {
  readonly material: TlsMaterial;
  readonly #http2: ClientHttp2Session;
  readonly #clock: Clock;
  /** Streams open or about to be. */
  #open = 0;
  #retired = false;
  #lastProcessed = Number.POSITIVE_INFINITY;
  #cancelPing: CancelTimer = () => {};
  #onEnd: () => void = () => {};
  #failure: ConnectionError | undefined;

  private constructor(http2: ClientHttp2Session, material: TlsMaterial, clock: Clock) {
    this.material = material;
    this.#http2 = http2;
    this.#clock = clock;
    http2.on('goaway', (_code, lastStreamId) => {
      this.#lastProcessed = lastStreamId;
    });
    http2.on('error', (error) => {
      this.#failure ??= new ConnectionError(error.message, { cause: error });
    });
    http2.on('close', () => {
      this.#retired = true;
      this.#cancelPing();
      this.#onEnd();
    });
    this.#schedulePing();
  }

  /** @throws ConnectionError, or the signal's reason */
  static async connect(endpoint: Endpoint, material: TlsMaterial, clock: Clock, signal: AbortSignal): Promise<Session> {
    const socket = await openSocket(endpoint, material, clock, signal);
    const authority = `https://${isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
    const http2 = connectHttp2(authority, {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    await new Promise<void>((resolve, reject) => {
      http2.once('connect', () => resolve());
      http2.once('error', (error) => reject(new ConnectionError(error.message, { cause: error })));
      http2.once('close', () => reject(new ConnectionError('the connection was closed before it was set up')));
    });
    http2.setLocalWindowSize(CONNECTION_WINDOW);
    return new Session(http2, material, clock);
  }

  /** Called once, when no stream can be opened any more and all have ended. */
  set onEnd(callback: () => void) {
    this.#onEnd = callback;
  }

  get usable(): boolean {
    return !this.#retired && !this.#http2.closed && !this.#http2.destroyed;
  }

  get hasRoom(): boolean {
    return this.usable && this.#open < (this.#http2.remoteSettings?.maxConcurrentStreams ?? ASSUMED_MAX_STREAMS);
  }

  /** Keeps a place for the next `open`; without one it is given back by `release`. */
  reserve(): void {
    this.#open++;
  }

  release(): void {
    this.#open--;
  }

  /** In the place reserved. @throws ConnectionError when no stream can be opened; nothing was sent then */
  open(headers: OutgoingHttpHeaders, body: 'none' | 'follows'): ClientHttp2Stream {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#http2.request(headers, { endStream: body === 'none' });
    } catch (error) {
      this.release();
      this.retire();
      throw new ConnectionError((error as Error).message, { cause: error });
    }
    stream.once('close', () => this.release());
    return stream;
  }

  /** Whether the server certainly did nothing for a stream that failed. */
  neverProcessed(stream: ClientHttp2Stream): boolean {
    return stream.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.id > this.#lastProcessed;
  }

  /** Why the connection broke, if it did. */
  get failure(): ConnectionError | undefined {
    return this.#failure;
  }

  /** No new streams; closes when those under way have ended. */
  retire(): void {
    this.#retired = true;
    if (!this.#http2.closed) this.#http2.close();
  }

  /** Ends all streams at once. */
  destroy(reason: ConnectionError): void {
    this.#retired = true;
    this.#failure ??= reason;
    this.#http2.destroy(reason);
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(PING_EVERY_MS, () => this.#ping());
  }

  #ping(): void {
    if (this.#http2.destroyed) return;
    const giveUp = this.#clock.after(PING_TIMEOUT_MS, () =>
      this.destroy(new ConnectionError('the connection is lost: the server does not answer pings')),
    );
    this.#cancelPing = giveUp;
    this.#http2.ping((error) => {
      giveUp();
      if (error === null && !this.#http2.destroyed) this.#schedulePing();
    });
  }
}

function openSocket(
  { host, port, serverName, verify }: Endpoint,
  { ca, certificate }: TlsMaterial,
  clock: Clock,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = serverName ?? host;
    const socket = connectTls({
      host,
      port,
      // An address has no place in SNI, but the certificate must still be for it.
      ...(isIP(name) === 0 ? { servername: name } : { servername: '' }),
      checkServerIdentity: (_host, cert) => checkServerIdentity(name, cert),
      ...(ca === undefined ? {} : { ca }),
      allowPartialTrustChain: true, // as in Go: an intermediate authority is enough
      ...certificate,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: verify === 'full',
      minVersion: 'TLSv1.2',
    });
    const fail = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(new ConnectionError(error.message, { cause: error }));
    const onAbort = (): void => fail(signal.reason as Error);
    const onClose = (): void => fail(new ConnectionError('the connection was closed during the TLS handshake'));
    const cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () =>
      fail(new ConnectionError(`no connection to ${host}:${port} within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    );
    const settle = (): void => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
      // What still comes after this is somebody else's, or of no interest any more.
      socket.on('error', () => {});
    };
    socket.once('error', onError);
    socket.once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== 'h2') return fail(new ConnectionError(`${host}:${port} does not speak HTTP/2`));
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
