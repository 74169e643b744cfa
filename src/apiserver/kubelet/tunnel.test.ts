import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { tunnel } from './tunnel.ts';

async function listening(t: TestContext): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

/** Both ends of a connection: the client's own, and the one that its upgrade came in on. */
async function clientOf(t: TestContext): Promise<readonly [own: Socket, upgraded: Socket]> {
  const { server, port } = await listening(t);
  const own = connect(port, '127.0.0.1').on('error', () => {});
  const [upgraded] = (await once(server, 'connection')) as [Socket];
  return [own, upgraded];
}

async function backend(t: TestContext): Promise<{ readonly port: number; readonly connected: Promise<Socket> }> {
  const { server, port } = await listening(t);
  return { port, connected: once(server, 'connection').then(([socket]) => (socket as Socket).on('error', () => {}).resume()) };
}

const through = (socket: Socket, port: number): Promise<void> =>
  tunnel(
    { request: { method: 'GET', rawHeaders: [] } as unknown as IncomingMessage, socket, head: Buffer.alloc(0) },
    { scheme: 'http', host: '127.0.0.1', port, path: '/', tls: {} },
    systemClock,
    '127.0.0.1',
  );

test('a tunnel ends both sides when either ends', async (t) => {
  for (const ends of ['client', 'backend'] as const) {
    const [own, upgraded] = await clientOf(t);
    const { port, connected } = await backend(t);
    const joined = through(upgraded, port);
    const other = await connected;
    const closed = Promise.all([once(own, 'close'), once(other, 'close')]);
    (ends === 'client' ? own : other).destroy();
    await Promise.all([joined, closed]);
    assert.ok(upgraded.destroyed);
  }
});

test('a client that is gone before the other side was reached leaves no connection to it', async (t) => {
  const [own, upgraded] = await clientOf(t);
  const { port, connected } = await backend(t);
  own.destroy();
  upgraded.destroy();
  await once(upgraded, 'close');
  const joined = through(upgraded, port);
  const other = await connected;
  if (!other.closed) await once(other, 'close');
  await joined;
});
