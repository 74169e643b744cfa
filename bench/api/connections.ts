// Plain HTTP/2 to an API server over a few connections, as client-go has them, without anything that would cost the load
// generator more than the server: no retries, no limits, no decoding.
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { HttpsOptions } from '#client/https/transport.ts';
import { readFileSync } from 'node:fs';

const WINDOW = 16 << 20;

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  /** Default: none. The first part of it names the manager of fields. */
  readonly userAgent?: string;
  /** Default: the answer is not compressed. */
  readonly acceptEncoding?: 'gzip';
}

export class Connections {
  readonly #sessions: readonly ClientHttp2Session[];
  readonly #authorization: string | undefined;
  #next = 0;

  private constructor(sessions: readonly ClientHttp2Session[], authorization: string | undefined) {
    this.#sessions = sessions;
    this.#authorization = authorization;
  }

  /** `count` connections with the certificate or token of a kubeconfig. */
  static async open(https: HttpsOptions, count: number): Promise<Connections> {
    const identity = await https.credentials?.current();
    const { ca, verify, serverName } = https;
    const options = {
      ...(ca === undefined ? {} : { ca: 'pem' in ca ? ca.pem : readFileSync(ca.file) }),
      ...(identity?.certificate ?? {}),
      ...(serverName === undefined ? {} : { servername: serverName }),
      rejectUnauthorized: verify !== 'none',
      maxSessionMemory: 1024,
      settings: { initialWindowSize: WINDOW, enablePush: false },
    };
    const open = (): Promise<ClientHttp2Session> =>
      new Promise((resolve, reject) => {
        const session = connect(https.server, options);
        session.once('error', reject);
        session.once('connect', () => {
          session.setLocalWindowSize(WINDOW);
          session.off('error', reject);
          session.on('error', () => {}); // every stream of it fails with it, and says so
          resolve(session);
        });
      });
    return new Connections(await Promise.all(Array.from({ length: count }, open)), identity?.authorization);
  }

  /** The answer's head, then its body as it comes. */
  stream({ method, path, accept, contentType, body, userAgent, acceptEncoding }: Asked): ClientHttp2Stream {
    const session = this.#sessions[this.#next++ % this.#sessions.length] as ClientHttp2Session;
    const headers: OutgoingHttpHeaders = { ':method': method, ':path': path, accept };
    if (contentType !== undefined) headers['content-type'] = contentType;
    if (userAgent !== undefined) headers['user-agent'] = userAgent;
    if (acceptEncoding !== undefined) headers['accept-encoding'] = acceptEncoding;
    if (this.#authorization !== undefined) headers['authorization'] = this.#authorization;
    const stream = session.request(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return stream;
  }

  ask(asked: Asked): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = this.stream(asked);
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers) => (status = Number(headers[':status'])));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => resolve({ status, body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }));
      stream.on('error', reject);
    });
  }

  /** @throws Error with the server's words for any answer that is no success */
  async succeed(asked: Asked): Promise<Buffer> {
    const { status, body } = await this.ask(asked);
    if (status < 200 || status > 299) throw new Error(`${asked.method} ${asked.path}: ${status} ${body.toString()}`);
    return body;
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}
