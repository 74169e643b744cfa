// Servers that the API server asks and that answer with what no server should: each call ends with a reason, within its time, and
// keeps no connection open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '#base/clock.ts';
import { createTestAuthority, type TestAuthority } from '../testing/certificates.ts';
import { pourWithoutEnd, startLyingServer, type LyingServer } from '../testing/lying-server.ts';
import { HttpsOutbound } from './client.ts';
import { OutboundError, type OutboundCall } from './contract.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
/** Of a call to who never ends. Milliseconds. */
const SHORT_MS = 300;

const SWITCHES = 'switches';

/** What is said, and how the call ends. */
const LIES: Readonly<Record<string, { readonly lie: (socket: TLSSocket) => void; readonly says: RegExp; readonly timeoutMs?: number }>> = {
  'closes at once': { lie: (socket) => void socket.end(), says: /EOF$/ },
  'is no HTTP': { lie: (socket) => void socket.write('220 mail.example.com ESMTP\r\n'), says: /Parse Error/ },
  'asks to go on without end': {
    lie: (socket) => pourWithoutEnd(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)),
    says: /context deadline exceeded$/,
    timeoutMs: SHORT_MS,
  },
  'has a head without end': { lie: (socket) => pourWithoutEnd(socket, `${HEAD}X: ${'y'.repeat(10_000)}`), says: /./ },
  'has headers without end': { lie: (socket) => (socket.write(HEAD), pourWithoutEnd(socket, 'X: y\r\n'.repeat(1_000))), says: /./ },
  'has a body without end': {
    lie: (socket) => (socket.write(`${HEAD}\r\n`), pourWithoutEnd(socket, 'x'.repeat(100_000))),
    says: /the answer is larger than 16777216 bytes$/,
    timeoutMs: 60_000,
  },
  'has chunks without end': {
    lie: (socket) => (socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`), pourWithoutEnd(socket, '1\r\nx\r\n'.repeat(1_000))),
    says: /context deadline exceeded$/,
    timeoutMs: SHORT_MS,
  },
  'has a chunk of bad length': { lie: (socket) => void socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`), says: /./ },
  'has two lengths': { lie: (socket) => void socket.write(`${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`), says: /./ },
  'has a length beyond all numbers': {
    lie: (socket) => void socket.write(`${HEAD}Content-Length: 99999999999999999999\r\n\r\n{}`),
    says: /./,
  },
  'promises more than it sends': { lie: (socket) => void socket.end(`${HEAD}Content-Length: 20\r\n\r\n{}`), says: /unexpected EOF$/ },
  'falls silent in its head': {
    lie: (socket) => void socket.write('HTTP/1.1 20'),
    says: /context deadline exceeded$/,
    timeoutMs: SHORT_MS,
  },
  'falls silent in its body': {
    lie: (socket) => void socket.write(`${HEAD}Content-Length: 20\r\n\r\n{}`),
    says: /context deadline exceeded$/,
    timeoutMs: SHORT_MS,
  },
  'ends its half and is silent': {
    lie: (socket) => void socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`),
    says: /unexpected EOF$/,
  },
};

let authority: TestAuthority;
let server: LyingServer;
const outbound = new HttpsOutbound(systemClock);
before(async () => {
  authority = await createTestAuthority(systemClock.now());
  server = await startLyingServer(authority, (path, socket) => {
    const name = decodeURIComponent(path.slice(1));
    if (name === SWITCHES) socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nx');
    else LIES[name]?.lie(socket);
  });
});
after(async () => {
  outbound.close();
  await server.stop();
});

const callTo = (port: number, path: string, timeoutMs: number): OutboundCall => ({
  method: 'POST',
  address: { host: '127.0.0.1', port },
  url: `https://127.0.0.1:${port}/${encodeURIComponent(path)}`,
  trust: { ca: authority.certificate },
  body: '{}',
  timeoutMs,
  signal: new AbortController().signal,
});

for (const [name, { says, timeoutMs = 10_000 }] of Object.entries(LIES))
  test(`a server that ${name} ends its call, and the connection`, async () => {
    await assert.rejects(outbound.call(callTo(server.port, name, timeoutMs)), (error: unknown) => {
      assert.ok(error instanceof OutboundError, String(error));
      assert.match(error.message, says);
      return true;
    });
    await server.left();
  });

test('a server that takes connections and never says a word of TLS has its calls ended by their time', async (t) => {
  const silent = createServer();
  const sockets = new Set<unknown>();
  silent.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume().once('close', () => sockets.delete(socket));
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const calls = Array.from({ length: 60 }, () => outbound.call(callTo(port, 'x', SHORT_MS)));
  for (const call of await Promise.allSettled(calls))
    assert.match(String((call as PromiseRejectedResult).reason), /context deadline exceeded$/);
  while (sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a server that switches protocols unasked has answered with that status, and loses the connection', async () => {
  const answer = await outbound.call(callTo(server.port, SWITCHES, 10_000));
  assert.deepEqual([answer.status, answer.body.length], [101, 0]);
  await server.left();
});
