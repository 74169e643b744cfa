// Clients that connect and then stall: others are served all the same.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { startTestServer } from '../testing.ts';
import { http1 } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';

const CONNECTIONS = 1_000;
const AT_ONCE = 50;

/** What a client sends before it stalls: half a head, half a body, nothing of an HTTP/2 connection but its preface. */
const BEGINNINGS = [
  { alpn: 'http/1.1', sent: 'GET /version HTTP/1.1\r\nHost: ' },
  {
    alpn: 'http/1.1',
    sent: 'POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  },
  { alpn: 'h2', sent: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
] as const;

test('a thousand stalled connections keep nobody from being served', async (t) => {
  const server = await startTestServer({ store: new MemoryStore(systemClock) });
  const sockets: TLSSocket[] = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  });
  const { hostname: host, port } = new URL(server.url);
  const open = async (i: number): Promise<void> => {
    const { alpn, sent } = BEGINNINGS[i % BEGINNINGS.length] as (typeof BEGINNINGS)[number];
    const socket = connect({ host, port: Number(port), ca: server.authority.certificate, ALPNProtocols: [alpn] });
    sockets.push(socket);
    socket.on('error', () => {}); // the server ends at last
    await once(socket, 'secureConnect');
    socket.write(sent);
  };
  for (let i = 0; i < CONNECTIONS; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => open(i + k)));
  assert.equal((await http1(server, '/version')).status, 200);
  assert.equal((await http1(server, '/api/v1/namespaces')).status, 200);
});
