// An upgraded connection (WebSocket, SPDY), passed on byte by byte: what the client says after its request head, and what
// the other side answers, its status line included, is not looked at.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { CancelTimer, Clock } from '#base/clock.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Upgrade } from '#base/websocket.ts';
import { describe } from '../outbound/failures.ts';
import { passedOn } from './headers.ts';
import { KEEP_ALIVE_MS, type Target } from './target.ts';

/** A connection must be there within this many milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Resolves when either side has closed. `client` is the address the upgrade came from.
 * @throws StatusError when the other side cannot be reached; nothing was said to the client yet
 */
export async function tunnel(upgrade: Upgrade, target: Target, clock: Clock, client: string): Promise<void> {
  const backend = await dial(target, clock);
  const { request, socket, head } = upgrade;
  backend.write(requestHead(request.method ?? 'GET', target, passedOn(request.rawHeaders, target, client)));
  if (head.length > 0) backend.write(head);
  await join(socket, backend);
}

function requestHead(method: string, { path }: Target, headers: readonly (readonly [string, string])[]): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function dial({ scheme, host, port, tls }: Target, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secure = scheme === 'https';
    const socket = secure ? connectTls({ host, port, ...tls, ALPNProtocols: ['http/1.1'] }) : connectPlain({ host, port });
    let cancel: CancelTimer = () => {};
    const fail = (error: Error): void => {
      cancel();
      socket.destroy();
      reject(new StatusError('', `error dialing backend: ${describe(error, { host, port }, tls.servername ?? host)}`));
    };
    cancel = clock.after(CONNECT_TIMEOUT_MS, () => fail(new Error(`dial tcp ${host}:${port}: i/o timeout`)));
    socket.once('error', fail);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      cancel();
      socket.removeListener('error', fail);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
  });
}

/** Both ways until one side ends; the other is then ended too. */
function join(client: Duplex, backend: Socket): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = (other: Duplex) => (): void => {
      other.destroy();
      if (--open === 0) resolve();
    };
    // Errors close the socket, and closing is what counts. Either may have closed while the other was dialled.
    for (const [side, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      side.on('error', () => side.destroy());
      if (side.closed) closed(other)();
      else side.once('close', closed(other));
    }
    client.pipe(backend);
    backend.pipe(client);
  });
}
