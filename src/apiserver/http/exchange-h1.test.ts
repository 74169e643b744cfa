import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { http1 } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer({ store: new MemoryStore(systemClock) });
});
after(() => server.stop());

async function connected({ url, authority, admin } = server): Promise<TLSSocket> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), ca: authority.certificate, cert: admin.certificate, key: admin.key });
  await once(socket.setEncoding('latin1'), 'secureConnect');
  return socket;
}

/** What comes until there are so many answers, or no more. */
async function answers(socket: TLSSocket, count: number): Promise<readonly string[]> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk as string;
    if (text.split('HTTP/1.1 ').length > count && /(\}\n?|ok)$/.test(text)) break;
  }
  return text.split('HTTP/1.1 ').slice(1);
}

const head = (method: string, path: string, ...headers: readonly string[]): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
const isClosed = (answer: string | undefined): boolean => /^connection: close$/im.test(answer ?? '');

test('a client that was refused before its body came goes on with the connection, body and all', async () => {
  const socket = await connected();
  const body = 'x'.repeat(200_000);
  socket.write(head('POST', '/api/v1/nothing', `Content-Length: ${body.length}`));
  const [refused] = await answers(socket, 1);
  assert.match(refused ?? '', /^404 /);
  assert.equal(isClosed(refused), false);
  socket.write(body + head('GET', '/readyz'));
  const [ready] = await answers(socket, 1);
  assert.match(ready ?? '', /^200 /);
  socket.destroy();
});

for (const [what, ...headers] of [
  ['more than is worth reading', `Content-Length: ${300 << 10}`],
  ['of unknown length', 'Transfer-Encoding: chunked'],
] as const) {
  test(`with a body ${what}, the connection ends with the refusal`, async () => {
    const socket = await connected();
    socket.write(head('POST', '/api/v1/nothing', ...headers));
    const [refused] = await answers(socket, 1);
    assert.match(refused ?? '', /^404 /);
    assert.equal(isClosed(refused), true);
    socket.destroy();
  });
}

test('nothing of a body that was refused is taken for a request', async () => {
  const socket = await connected();
  const smuggled = head('GET', '/version');
  socket.write(head('POST', '/api/v1/nothing', `Content-Length: ${smuggled.length}`) + smuggled + head('GET', '/readyz'));
  const [refused, ready] = await answers(socket, 2);
  assert.match(refused ?? '', /^404 /);
  assert.match(ready ?? '', /^200 [^]*ok$/);
  socket.destroy();
});

test('an upgrade that is sent behind other requests is answered behind them', async () => {
  const socket = await connected();
  const upgrade = head('GET', '/api/v1/namespaces/default/pods/a/exec?command=sh', 'Connection: Upgrade', 'Upgrade: SPDY/3.1');
  socket.write(head('GET', '/api/v1/pods') + head('GET', '/readyz') + upgrade);
  const [pods, ready, refused, ...more] = await answers(socket, 3);
  assert.match(pods ?? '', /^200 /);
  assert.match(ready ?? '', /^200 [^]*ok$/);
  assert.match(refused ?? '', /^404 [^]*pods \\"a\\" not found/);
  assert.deepEqual(more, []);
  socket.destroy();
});

test('a write that asks for an upgrade, which there is not, is written as whoever has the certificate', async () => {
  const socket = await connected();
  const body = JSON.stringify({ metadata: { name: 'upgraded' } });
  const type = 'Content-Type: application/json';
  const lines = ['Connection: Upgrade', 'Upgrade: websocket', type, `Content-Length: ${body.length}`];
  socket.write(head('GET', '/readyz') + head('POST', '/api/v1/namespaces/default/configmaps', ...lines) + body);
  const [ready, made] = await answers(socket, 2);
  assert.match(ready ?? '', /^200 [^]*ok$/);
  assert.match(made ?? '', /^201 [^]*"name":"upgraded"/);
  socket.destroy();
});

const BODIES = {
  'of some length': ['Content-Length: 100\r\n', '{'],
  'in chunks': ['Transfer-Encoding: chunked\r\n', '5\r\n{'],
} as const;
for (const [how, [header, part]] of Object.entries(BODIES)) {
  for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n']) {
    test(`a request gives its seat back when its client leaves in the middle of a body ${how}${upgrade === '' ? '' : ', and before an upgrade'}`, async () => {
      const own = await startTestServer({ store: new MemoryStore(systemClock) });
      const request = `POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${upgrade}${header}\r\n${part}`;
      const isReading = async (): Promise<boolean> =>
        (await http1(own, '/metrics')).body.includes('apiserver_current_inflight_requests{request_kind="mutating"} 1');
      const socket = await connected(own);
      socket.write(request);
      while (!(await isReading()));
      socket.end();
      while (await isReading());
      await own.stop();
    });
  }
}
