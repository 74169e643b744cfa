// A TLS server that says whatever bytes a test wants: what is no HTTP, what never ends, what contradicts itself.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { TestAuthority } from './certificates.ts';

export interface LyingServer {
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** Open now. */
  readonly connections: number;
  /** Resolves once no connection is open. */
  left(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param lie what is said to whoever has sent the head of a request for `path`; the connection stays open behind it. A server that
 *   says nothing to TLS either is `net.createServer()`.
 */
export async function startLyingServer(authority: TestAuthority, lie: (path: string, socket: TLSSocket) => void): Promise<LyingServer> {
  const { certificate, key } = await authority.serving({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const open = new Set<Socket>();
  const waiting = new Set<() => void>();
  const server = createServer({ cert: certificate, key, ALPNProtocols: ['http/1.1'] }, (socket) => {
    let head = '';
    socket.on('error', () => {}); // a caller may leave at any time
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      if (head.includes('\r\n\r\n')) return;
      head += chunk;
      if (head.includes('\r\n\r\n')) lie(head.split(' ')[1] ?? '', socket);
    });
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      if (open.size === 0) for (const tell of waiting) tell();
    });
  });
  server.on('tlsClientError', () => {}); // as above
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    get connections() {
      return open.size;
    },
    left: () =>
      new Promise((resolve) => {
        if (open.size === 0) resolve();
        else waiting.add(resolve);
      }),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Writes `chunk` again and again, as fast as it is taken, until the connection ends. */
export function pourWithoutEnd(socket: Socket, chunk: string): void {
  const pour = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}
