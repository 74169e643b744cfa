import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { before, test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { ManualClock, systemClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { isStatusError, tooManyRequests } from '#apimachinery/errors.ts';
import type { ApiRequest, Transport } from '../contract.ts';
import { ConnectionError } from '../contract.ts';
import { pods } from '#api/resources.ts';
import { bearer, fixedCredentials, type ClientCertificate, type CredentialSource } from './credentials.ts';
import {
  freezableProxy,
  readAll,
  respond,
  serve,
  testAuthority,
  type StreamHandler,
  type TestAuthority,
  type TestServer,
} from '../testing/https-server.ts';
import { serveReset } from '../testing/raw-http2-server.ts';
import { httpsTransport, type HttpsOptions, sharedTransports } from './transport.ts';

let authority: TestAuthority;
let serverCertificate: ClientCertificate;
before(async () => {
  authority = await testAuthority(systemClock.now());
  serverCertificate = await authority.server();
});

const GET: ApiRequest = { verb: 'get', resource: pods, namespace: 'ns', name: 'a' };
const CREATE: ApiRequest = { verb: 'create', resource: pods, namespace: 'ns', body: { metadata: { name: 'a' } } };
const WATCH: ApiRequest = { verb: 'watch', resource: pods };
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function setUp(
  t: TestContext,
  onStream: StreamHandler,
  options: Partial<HttpsOptions> = {},
  server: Parameters<typeof serve>[3] = {},
) {
  const running: TestServer = await serve(authority, serverCertificate, onStream, server);
  const transport: Transport = httpsTransport({
    server: running.url,
    ca: { pem: authority.ca },
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  t.after(async () => {
    await transport.close();
    await running.close();
  });
  return { server: running, transport };
}

/** Advances `clock` whenever something waits on it, until `promise` settles. */
async function driven<T>(clock: ManualClock, stepMs: number, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => undefined);
  while (!settled) {
    await turn();
    if (!settled) clock.advance(stepMs);
  }
  return watched;
}

test('httpsTransport sends method, path, body and headers', async (t) => {
  const seen: unknown[] = [];
  const { transport } = await setUp(
    t,
    async (stream, headers) => {
      seen.push([
        headers[':method'],
        headers[':path'],
        headers['content-type'],
        headers.authorization,
        headers['user-agent'],
        headers['impersonate-group'],
        headers['impersonate-extra-scopes%2fa'],
        await readAll(stream),
      ]);
      respond(stream, 201, { kind: 'Pod' });
    },
    {
      credentials: fixedCredentials({ authorization: bearer('secret') }),
      impersonate: { user: 'jane', groups: ['dev', 'ops'], extra: { 'scopes/A': ['x'] } },
    },
  );
  assert.deepEqual(await transport.request(CREATE), { kind: 'Pod' });
  const [[method, path, type, authorization, agent, groups, extra, body]] = seen as [unknown[]];
  assert.deepEqual(
    [method, path, type, authorization, groups, extra, body],
    ['POST', '/api/v1/namespaces/ns/pods', 'application/json', 'Bearer secret', 'dev, ops', 'x', '{"metadata":{"name":"a"}}'],
  );
  assert.match(agent as string, /^proa\/v1\.36\.0 \(linux\/(amd64|arm64)\) kubernetes\/v1\.36\.0$/);
});

test('httpsTransport puts the path of the server URL first', async (t) => {
  const { server } = await setUp(t, () => {});
  const other = await serve(authority, serverCertificate, (stream, headers) => respond(stream, 200, { path: headers[':path'] }));
  const transport = httpsTransport({
    server: `${other.url}/clusters/a/`,
    ca: { pem: authority.ca },
    clock: systemClock,
    logger: silentLogger,
  });
  assert.deepEqual(await transport.getPath('/version', { a: 'b' }), { path: '/clusters/a/version?a=b' });
  assert.equal(server.accepted, 0);
  await transport.close();
  await other.close();
});

test('sharedTransports carries many users over one connection, and outlives each of them', async (t) => {
  const server = await serve(authority, serverCertificate, (stream, headers) =>
    respond(stream, 200, { user: headers['impersonate-user'] }),
  );
  t.after(() => server.close());
  const shared = sharedTransports({ server: server.url, ca: { pem: authority.ca }, clock: systemClock, logger: silentLogger });
  const [first, second] = [shared.as({ user: 'system:node:a' }), shared.as({ user: 'system:node:b' })];
  assert.deepEqual(await first.request(GET), { user: 'system:node:a' });
  await first.close();
  assert.deepEqual(await second.request(GET), { user: 'system:node:b' });
  assert.equal(server.accepted, 1);
  await shared.close();
  await assert.rejects(second.request(GET), ConnectionError);
});

test('httpsTransport uses one connection for concurrent requests', async (t) => {
  const { server, transport } = await setUp(t, (stream) => respond(stream, 200, {}));
  await Promise.all(Array.from({ length: 50 }, async () => transport.request(GET)));
  assert.equal(server.accepted, 1);
});

test('httpsTransport opens another connection when one has no room', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => void held.push(stream), {}, { maxConcurrentStreams: 2 });
  // The first answer brings the server's settings.
  const first = transport.request(GET);
  while (held.length < 1) await turn();
  respond(held.shift() as ServerHttp2Stream, 200, {});
  await first;
  const all = Promise.all(Array.from({ length: 5 }, async () => transport.request(GET)));
  while (held.length < 5) await turn();
  assert.equal(server.accepted, 3);
  for (const stream of held) respond(stream, 200, {});
  await all;
});

test('httpsTransport presents its certificate and makes new connections when it changes', async (t) => {
  const [old, next] = [await authority.client('old'), await authority.client('new')];
  let certificate = old;
  const credentials: CredentialSource = { current: async () => ({ certificate }), refused: async () => false };
  const { server, transport } = await setUp(
    t,
    (stream) =>
      respond(stream, 200, { user: ((stream.session as ServerHttp2Session).socket as TLSSocket).getPeerCertificate().subject.CN }),
    { credentials },
  );
  assert.deepEqual(await transport.request(GET), { user: 'old' });
  certificate = next;
  assert.deepEqual(await transport.request(GET), { user: 'new' });
  while (server.sessions.size > 1) await turn();
  assert.equal(server.accepted, 2);
});

test('httpsTransport gets new credentials after a 401 and asks once more', async (t) => {
  let token = 'old';
  const credentials: CredentialSource = {
    current: async () => ({ authorization: bearer(token) }),
    refused: async () => {
      token = 'new';
      return true;
    },
  };
  const { transport } = await setUp(
    t,
    (stream, headers) =>
      headers.authorization === 'Bearer new'
        ? respond(stream, 200, {})
        : respond(stream, 401, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Unauthorized', code: 401 }),
    { credentials },
  );
  assert.deepEqual(await transport.request(GET), {});
});

test('httpsTransport refuses a server that another authority vouches for, and one of another name', async (t) => {
  const stranger = await testAuthority(systemClock.now());
  const { server } = await setUp(t, (stream) => respond(stream, 200, {}));
  const distrusting = httpsTransport({ server: server.url, ca: { pem: stranger.ca }, clock: systemClock, logger: silentLogger });
  await assert.rejects(
    distrusting.request(GET),
    (error) => error instanceof ConnectionError && error.message.startsWith(`GET ${server.url}/api/v1/namespaces/ns/pods/a: `),
  );
  const misnamed = httpsTransport({
    server: server.url,
    ca: { pem: authority.ca },
    serverName: 'other.example',
    clock: systemClock,
    logger: silentLogger,
  });
  await assert.rejects(misnamed.request(GET), ConnectionError);
  const careless = httpsTransport({ server: server.url, verify: 'none', clock: systemClock, logger: silentLogger });
  assert.deepEqual(await careless.request(GET), {});
  for (const transport of [distrusting, misnamed, careless]) await transport.close();
});

test('httpsTransport trusts a server by the name it is told', async () => {
  const server = await serve(authority, await authority.server('kubernetes.default'), (stream) => respond(stream, 200, {}));
  const transport = httpsTransport({
    server: server.url,
    ca: { pem: authority.ca },
    serverName: 'kubernetes.default',
    clock: systemClock,
    logger: silentLogger,
  });
  assert.deepEqual(await transport.request(GET), {});
  await transport.close();
  await server.close();
});

test('httpsTransport tells where nothing listens', async () => {
  const gone = await serve(authority, serverCertificate, () => {});
  await gone.close();
  const transport = httpsTransport({ server: gone.url, ca: { pem: authority.ca }, clock: systemClock, logger: silentLogger });
  await assert.rejects(transport.request(CREATE), (error) => error instanceof ConnectionError && error.message.includes('ECONNREFUSED'));
  await transport.close();
});

test('httpsTransport tells of credentials and authorities that cannot be had', async (t) => {
  const { server } = await setUp(t, (stream) => respond(stream, 200, {}));
  const credentials: CredentialSource = { current: () => Promise.reject(new Error('the plugin is missing')), refused: async () => false };
  const nobody = httpsTransport({ server: server.url, ca: { pem: authority.ca }, credentials, clock: systemClock, logger: silentLogger });
  await assert.rejects(
    nobody.request(GET),
    (error) => error instanceof ConnectionError && error.message.endsWith('no credentials: the plugin is missing'),
  );
  const blind = httpsTransport({ server: server.url, ca: { file: '/nonexistent/ca.crt' }, clock: systemClock, logger: silentLogger });
  await assert.rejects(
    blind.request(GET),
    (error) => error instanceof ConnectionError && error.message.includes('cannot read the certificate authority: ENOENT'),
  );
  for (const transport of [nobody, blind]) await transport.close();
});

test('httpsTransport refuses a server without TLS', () => {
  assert.throws(
    () => httpsTransport({ server: 'http://127.0.0.1:8080', clock: systemClock, logger: silentLogger }),
    /must be an https URL/,
  );
});

test('httpsTransport waits as Retry-After says and then asks again', async (t) => {
  const clock = new ManualClock();
  let asked = 0;
  const { transport } = await setUp(
    t,
    (stream) => {
      if (++asked <= 2) respond(stream, 429, tooManyRequests('slow down', 3).toStatus(), { 'retry-after': '3' });
      else respond(stream, 200, {});
    },
    { clock },
  );
  const began = clock.now();
  assert.deepEqual(await driven(clock, 50, transport.request(CREATE)), {});
  assert.equal(asked, 3);
  assert.ok(clock.now() - began >= 6000);
});

test('httpsTransport gives a 429 back after ten retries', async (t) => {
  const clock = new ManualClock();
  let asked = 0;
  const { transport } = await setUp(
    t,
    (stream) => {
      asked++;
      respond(stream, 429, tooManyRequests('slow down', 1).toStatus(), { 'retry-after': '1' });
    },
    { clock, timeoutMs: 1e9 },
  );
  await assert.rejects(driven(clock, 50, transport.request(CREATE)), (error) => isStatusError(error, 'TooManyRequests'));
  assert.equal(asked, 11);
});

test('httpsTransport repeats a write that GOAWAY shut out, on a new connection', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => {
    held.push(stream);
    // The second stream comes too late: only the first was looked at.
    if (held.length === 2) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, held[0]?.id ?? 0);
    if (held.length === 3) respond(stream, 201, { repeated: true });
  });
  const first = transport.request(GET);
  while (held.length < 1) await turn();
  assert.deepEqual(await transport.request(CREATE), { repeated: true });
  respond(held[0] as ServerHttp2Stream, 200, { under: 'way' });
  assert.deepEqual([await first, server.accepted], [{ under: 'way' }, 2]);
});

test('httpsTransport lets requests under way finish after GOAWAY and uses a new connection for others', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => void held.push(stream));
  const first = transport.request(GET);
  while (held.length < 1) await turn();
  held[0]?.session?.close();
  await new Promise((resolve) => held[0]?.session?.ping(resolve));
  const second = transport.request(GET);
  while (held.length < 2) await turn();
  for (const [i, stream] of held.entries()) respond(stream, 200, { i });
  assert.deepEqual([await first, await second, server.accepted], [{ i: 0 }, { i: 1 }, 2]);
});

test('httpsTransport does not repeat a write whose connection broke, but does repeat a read', async (t) => {
  const clock = new ManualClock();
  const asked: string[] = [];
  const { transport } = await setUp(
    t,
    (stream, headers) => {
      asked.push(headers[':method'] as string);
      if (asked.length <= 2) stream.session?.destroy();
      else respond(stream, 200, {});
    },
    { clock },
  );
  await assert.rejects(transport.request(CREATE), ConnectionError);
  assert.deepEqual(await driven(clock, 100, transport.request(GET)), {});
  assert.deepEqual(asked, ['POST', 'GET', 'GET']);
});

test('httpsTransport never takes a reset answer for a whole one', async (t) => {
  const { transport } = await setUp(t, (stream) => {
    stream.respond({ ':status': 201, 'content-type': 'application/json' });
    stream.write('{"kind":"Pod"}', () => stream.destroy(new Error('handler gave up')));
  });
  await assert.rejects(transport.request(CREATE), ConnectionError);
});

test('httpsTransport never takes an answer for whole that was cancelled without an error', async (t) => {
  const server = await serveReset(serverCertificate, '{"type":"ADDED","object":{}}\n', constants.NGHTTP2_CANCEL);
  t.after(async () => server.close());
  const connect = (): Transport =>
    httpsTransport({ server: server.url, ca: { pem: authority.ca }, clock: systemClock, logger: silentLogger });
  const [asking, watching] = [connect(), connect()];
  await assert.rejects(asking.request(CREATE), ConnectionError);
  const stream = watching.watch(WATCH);
  assert.equal((await stream.next()).done, false);
  await assert.rejects(stream.next(), ConnectionError);
  for (const transport of [asking, watching]) await transport.close();
});

test('httpsTransport repeats only what GOAWAY with an error shut out', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => {
    held.push(stream);
    if (held.length === 2) stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, held[0]?.id ?? 0);
    if (held.length === 3) respond(stream, 201, { repeated: true });
  });
  const first = assert.rejects(transport.request(CREATE), ConnectionError);
  while (held.length < 1) await turn();
  assert.deepEqual(await transport.request(CREATE), { repeated: true });
  await first;
  assert.deepEqual([held.length, server.accepted], [3, 2]);
});

test('httpsTransport gives up at its deadline and when it is told to', async (t) => {
  const clock = new ManualClock();
  const held: ServerHttp2Stream[] = [];
  const { transport } = await setUp(t, (stream) => void held.push(stream), { clock, timeoutMs: 5000 });
  const late = transport.request(GET);
  late.catch(() => undefined);
  while (held.length < 1) await turn();
  clock.advance(5000);
  await assert.rejects(late, (error) => error instanceof ConnectionError && error.message.endsWith('no answer within 5 s'));
  const stop = new AbortController();
  const stopped = transport.request({ ...GET, signal: stop.signal });
  stopped.catch(() => undefined);
  while (held.length < 2) await turn();
  const reset = once(held[1] as ServerHttp2Stream, 'close');
  stop.abort(new Error('enough'));
  await assert.rejects(stopped, /enough/);
  await reset;
  assert.equal(held[1]?.rstCode, constants.NGHTTP2_CANCEL);
});

test('httpsTransport gives a silent connection up after an unanswered ping', async (t) => {
  const clock = new ManualClock();
  const held: ServerHttp2Stream[] = [];
  const { server } = await setUp(t, (stream) => void held.push(stream));
  const network = await freezableProxy(server);
  const transport = httpsTransport({ server: network.url, ca: { pem: authority.ca }, clock, logger: silentLogger, timeoutMs: 1e9 });
  const waiting = transport.request(CREATE);
  waiting.catch(() => undefined);
  while (held.length < 1) await turn();
  network.freeze();
  clock.advance(30_000);
  clock.advance(15_000);
  await assert.rejects(waiting, (error) => error instanceof ConnectionError && error.message.includes('does not answer pings'));
  await transport.close();
  await network.close();
});

test('httpsTransport keeps a quiet connection whose pings are answered', async (t) => {
  const clock = new ManualClock();
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => void held.push(stream), { clock, timeoutMs: 1e9 });
  const waiting = transport.request(CREATE);
  while (held.length < 1) await turn();
  let pings = 0;
  for (const session of server.sessions) session.on('ping', () => pings++);
  for (let i = 1; i <= 3; i++) {
    clock.advance(30_000);
    while (pings < i) await turn();
    // The answer has come when the next ping is due, not the end.
    await new Promise((resolve) => held[0]?.session?.ping(resolve));
  }
  respond(held[0] as ServerHttp2Stream, 201, {});
  assert.deepEqual([await waiting, server.accepted], [{}, 1]);
});

test('httpsTransport keeps to its rate', async (t) => {
  const clock = new ManualClock();
  let asked = 0;
  const { transport } = await setUp(
    t,
    (stream) => {
      asked++;
      respond(stream, 200, {});
    },
    { clock, rateLimit: { perSecond: 10, burst: 2 } },
  );
  const all = Promise.all(Array.from({ length: 4 }, async () => transport.request(GET)));
  while (asked < 2) await turn();
  clock.advance(99);
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(asked, 2);
  clock.advance(1);
  while (asked < 3) await turn();
  clock.advance(100);
  await all;
});

test('httpsTransport counts a request that gave up waiting as none', async (t) => {
  const clock = new ManualClock();
  let asked = 0;
  const { transport } = await setUp(
    t,
    (stream) => {
      asked++;
      respond(stream, 200, {});
    },
    { clock, rateLimit: { perSecond: 1, burst: 1 } },
  );
  await transport.request(GET);
  const stop = new AbortController();
  const waiting = assert.rejects(transport.request({ ...GET, signal: stop.signal }), /enough/);
  stop.abort(new Error('enough'));
  await waiting;
  const next = transport.request(GET);
  clock.advance(1000);
  await next;
  assert.equal(asked, 2);
});

test('httpsTransport logs each warning once', async (t) => {
  const lines: string[] = [];
  const logger = createLogger((level, message) => lines.push(`${level} ${message}`));
  const { transport } = await setUp(
    t,
    (stream) => respond(stream, 200, {}, { warning: '299 - "v1 Endpoints is \\"deprecated\\"", 299 - "another"' }),
    { logger },
  );
  await transport.request(GET);
  await transport.request(GET);
  assert.deepEqual(lines, ['warn v1 Endpoints is "deprecated"', 'warn another']);
});

test('httpsTransport close ends requests, watches and connections', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => void held.push(stream));
  const waiting = transport.request(CREATE);
  waiting.catch(() => undefined);
  const watching = transport.watch(WATCH).next();
  watching.catch(() => undefined);
  while (held.length < 2) await turn();
  await transport.close();
  await assert.rejects(waiting, ConnectionError);
  await assert.rejects(watching, ConnectionError);
  await assert.rejects(transport.request(GET), ConnectionError);
  while (server.sessions.size > 0) await turn();
});
