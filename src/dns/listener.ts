// The sockets of the DNS server: UDP and TCP on each address, bounded in clients and in what each may hold.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket, isIPv6 } from 'node:net';
import type { Logger } from '#base/log.ts';
import { lengthPrefix } from './forwarder.ts';
import { encodeRefusal, encodeResponse, parseQuery, type Query, type Response, TCP_BYTES } from './message.ts';

/** TCP clients at a time. */
const MAX_CONNECTIONS = 512;
/** Questions one TCP client may have under way. */
const MAX_PIPELINED = 64;
/** A TCP client that says nothing is let go. Milliseconds. RFC 7766, 6.2.3. */
const TCP_IDLE_MS = 10_000;

export type Answerer = (query: Query) => Response | Promise<Response>;

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

export class Listener {
  readonly #answer: Answerer;
  readonly #logger: Logger;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;

  constructor(answer: Answerer, logger: Logger) {
    this.#answer = answer;
    this.#logger = logger;
  }

  /** Binds both; port 0 takes a free one for both. @throws Error (EADDRINUSE, EADDRNOTAVAIL) and leaves nothing bound */
  async start({ address, port }: ListenAddress): Promise<ListenAddress> {
    try {
      this.#tcp = createServer({ noDelay: true }, (socket) => this.#serve(socket));
      this.#tcp.maxConnections = MAX_CONNECTIONS;
      await listening(this.#tcp, () => this.#tcp?.listen({ host: address, port }));
      const bound = (this.#tcp.address() as { readonly port: number }).port;
      this.#udp = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' }, (bytes, from) => this.#receive(bytes, from));
      await listening(this.#udp, () => this.#udp?.bind({ address, port: bound }));
      for (const socket of [this.#tcp, this.#udp]) socket.on('error', (error) => this.#logger.warn('DNS socket error', { error }));
      return { address, port: bound };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    if (udp !== undefined) await new Promise<void>((resolve) => udp.close(() => resolve()));
    if (tcp?.listening === true) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    if (from.port === 0) return; // no answer can go there
    this.#process(
      bytes,
      (query) => query.udpBytes,
      (answer) => this.#udp?.send(answer, from.port, from.address),
    );
  }

  #process(bytes: Uint8Array, room: (query: Query) => number, send: (answer: Buffer) => void): void {
    const parsed = parseQuery(bytes);
    if (parsed.kind === 'drop') return;
    if (parsed.kind === 'refuse') return send(encodeRefusal(parsed.id, parsed.rcode));
    const { query } = parsed;
    const finish = (response: Response): void => send(encodeResponse(query, response, room(query)));
    try {
      const response = this.#answer(query);
      if (response instanceof Promise) response.then(finish).catch((error: unknown) => this.#broken(query, error, send));
      else finish(response);
    } catch (error) {
      this.#broken(query, error, send);
    }
  }

  #broken(query: Query, error: unknown, send: (answer: Buffer) => void): void {
    this.#logger.error('a DNS question could not be answered', { name: query.question.name, type: query.question.type, error });
    send(encodeRefusal(query.id, 'SERVFAIL'));
  }

  #serve(socket: TcpSocket): void {
    let received: Buffer = Buffer.alloc(0);
    let underWay = 0;
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy()); // the client is gone: there is nobody to tell
    const answer = (bytes: Buffer): void => {
      underWay--;
      if (!socket.destroyed) socket.write(Buffer.concat([lengthPrefix(bytes.length), bytes]));
      if (underWay < MAX_PIPELINED) socket.resume();
    };
    const drain = (): void => {
      while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        const end = received.readUInt16BE(0) + 2;
        const message = received.subarray(2, end);
        received = received.subarray(end);
        if (parseQuery(message).kind === 'drop') return void socket.destroy();
        underWay++;
        this.#process(message, () => TCP_BYTES, answer);
      }
      if (underWay >= MAX_PIPELINED) socket.pause();
    };
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      drain();
    });
  }
}

function listening(socket: UdpSocket | Server, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      socket.off('error', reject);
      resolve();
    });
    bind();
  });
}
