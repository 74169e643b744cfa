// An HTTPS server for tests that call out: webhooks, aggregated servers. HTTP/1.1 and HTTP/2.
import type { IncomingMessage, IncomingHttpHeaders } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { TestAuthority } from './certificates.ts';

export interface ReceivedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Common name of the client's certificate; empty without one. */
  readonly clientName: string;
}

export interface AnswerWith {
  json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
  text(status: number, body: string, headers?: Readonly<Record<string, string>>): void;
  /** Sends this much of a body and closes the connection. */
  cut(body: string): void;
  /** Sends the head and this much of a body, and no more. */
  begin(body: string): void;
  /** Switches to a protocol that nobody asked for. */
  switch(protocol: string): void;
  /** Resolves when the caller has it all, or has given up. */
  readonly over: Promise<void>;
}

export interface HttpsServer {
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** Its own, PEM. */
  readonly certificate: string;
  readonly requests: readonly ReceivedRequest[];
  /** Made so far. */
  readonly connections: number;
  /** Closes them; resolves when they are. */
  dropConnections(): Promise<void>;
  stop(): Promise<void>;
}

export interface HttpsServerOptions {
  readonly dns?: readonly string[];
  /** Asked for, and not checked: PEM of its issuer. */
  readonly clientCa?: string;
  /** Default: any that is free. */
  readonly port?: number;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex) => void;
}

/** @param handle may leave a request without an answer */
export async function startHttpsServer(
  authority: TestAuthority,
  handle: (request: ReceivedRequest, answer: AnswerWith) => void,
  { dns = [], clientCa, port: wanted = 0, upgrade }: HttpsServerOptions = {},
): Promise<HttpsServer> {
  const { certificate, key } = await authority.serving({ dns: ['localhost', ...dns], ip: ['127.0.0.1'] });
  const requests: ReceivedRequest[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const tls = {
    allowHTTP1: true,
    cert: certificate,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  };
  const server = createSecureServer(tls, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const peer = (request.socket as unknown as TLSSocket).getPeerCertificate() as { readonly subject?: { readonly CN?: string } };
      const received = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith(':'))),
        body: Buffer.concat(chunks).toString(),
        clientName: peer.subject?.CN ?? '',
      };
      requests.push(received);
      const over = new Promise<void>((resolve) => response.once('close', resolve));
      const send = (status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): void => {
        response.writeHead(status, { 'content-type': type, ...headers }).end(body);
      };
      handle(received, {
        json: (status, body, headers) => send(status, 'application/json', JSON.stringify(body), headers),
        text: (status, body, headers) => send(status, 'text/plain', body, headers),
        cut: (body) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length + 10) });
          response.write(body, () => request.socket.destroy());
        },
        begin: (body) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write(body);
        },
        switch: (protocol) => {
          request.socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
        },
        over,
      });
    });
  });
  server.on('connection', (socket: Socket) => {
    connections++;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  if (upgrade !== undefined) server.on('upgrade', upgrade);
  await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dropConnections = async (): Promise<void> => {
    const closed = [...open].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of open) socket.destroy();
    await Promise.all(closed);
  };
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    certificate,
    requests,
    get connections() {
      return connections;
    },
    dropConnections,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await dropConnections();
      await closed;
    },
  };
}
