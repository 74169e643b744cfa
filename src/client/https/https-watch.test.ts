import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { before, test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { isStatusError, resourceExpired, StatusError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import { ConnectionError, type ApiRequest } from '../contract.ts';
import type { ClientCertificate } from './credentials.ts';
import { respond, serve, testAuthority, type StreamHandler, type TestAuthority } from '../testing/https-server.ts';
import { httpsTransport } from './transport.ts';

let authority: TestAuthority;
let serverCertificate: ClientCertificate;
before(async () => {
  authority = await testAuthority(systemClock.now());
  serverCertificate = await authority.server();
});

const WATCH: ApiRequest = { verb: 'watch', resource: pods, query: { resourceVersion: '1' } };
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function setUp(t: TestContext, onStream: StreamHandler) {
  const server = await serve(authority, serverCertificate, onStream);
  const transport = httpsTransport({ server: server.url, ca: { pem: authority.ca }, clock: systemClock, logger: silentLogger });
  t.after(async () => {
    await transport.close();
    await server.close();
  });
  return { server, transport };
}

const begin = (stream: ServerHttp2Stream): void => stream.respond({ ':status': 200, 'content-type': 'application/json' });
const event = (i: number, size = 0): string => `${JSON.stringify({ type: 'ADDED', object: { i, pad: 'x'.repeat(size) } })}\n`;

test('HttpsWatch gives events as they come and ends when the server closes it', async (t) => {
  const { transport } = await setUp(t, (stream, headers) => {
    assert.equal(headers[':path'], '/api/v1/pods?resourceVersion=1&watch=true');
    begin(stream);
    stream.write(event(1) + event(2).slice(0, 10));
    setImmediate(() => stream.end(event(2).slice(10) + event(3)));
  });
  const seen: unknown[] = [];
  for await (const each of transport.watch(WATCH)) seen.push(each.type === 'ADDED' ? (each.object as { readonly i: number }).i : each.type);
  assert.deepEqual(seen, [1, 2, 3]);
});

test('HttpsWatch throws the refusal of the server, and an ERROR event', async (t) => {
  const gone = resourceExpired('too old resource version: 1 (5)').toStatus();
  let asked = 0;
  const { transport } = await setUp(t, (stream) => {
    if (++asked === 1) return respond(stream, 403, new StatusError('Forbidden', 'no watching').toStatus());
    begin(stream);
    stream.end(event(1) + JSON.stringify({ type: 'ERROR', object: gone }));
  });
  await assert.rejects(transport.watch(WATCH).next(), (error) => isStatusError(error, 'Forbidden') && error.message === 'no watching');
  const second = transport.watch(WATCH);
  assert.equal((await second.next()).done, false);
  await assert.rejects(second.next(), (error) => isStatusError(error, 'Expired'));
  assert.equal((await second.next()).done, true);
});

test('HttpsWatch throws ConnectionError when the connection breaks, the stream is reset or ends within an event', async (t) => {
  let asked = 0;
  const { transport } = await setUp(t, (stream) => {
    begin(stream);
    asked++;
    stream.write(event(1), () => {
      if (asked === 1) stream.session?.destroy();
      else if (asked === 2) stream.destroy(new Error('handler gave up'));
      else stream.end('{"type":"ADD');
    });
  });
  for (let i = 0; i < 3; i++) {
    const watch = transport.watch(WATCH);
    await assert.rejects(async () => {
      for await (const each of watch) assert.equal(each.type, 'ADDED');
    }, ConnectionError);
  }
});

test('HttpsWatch leaving the loop ends the stream', async (t) => {
  const closed = Promise.withResolvers<number | undefined>();
  const { transport } = await setUp(t, (stream) => {
    begin(stream);
    stream.write(event(1) + event(2));
    stream.once('close', () => closed.resolve(stream.rstCode));
  });
  for await (const each of transport.watch(WATCH)) {
    assert.equal(each.type, 'ADDED');
    break;
  }
  assert.equal(await closed.promise, constants.NGHTTP2_CANCEL);
});

test('HttpsWatch return ends a next that waits, and the signal rejects it with its reason', async (t) => {
  const { transport } = await setUp(t, begin);
  const left = transport.watch(WATCH);
  const waiting = left.next();
  await turn();
  await left.return?.();
  assert.equal((await waiting).done, true);
  const stop = new AbortController();
  const aborted = transport.watch({ ...WATCH, signal: stop.signal }).next();
  await turn();
  stop.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
});

test('HttpsWatch holds the server back while its reader is slow, and other requests go on', async (t) => {
  const EVENTS = 64;
  const SIZE = 1 << 20;
  let written = 0;
  const { transport } = await setUp(t, (stream, headers) => {
    if (!(headers[':path'] as string).includes('watch=true')) return respond(stream, 200, { written });
    begin(stream);
    const more = (): void => {
      while (written < EVENTS && !stream.destroyed) if (!stream.write(event(++written, SIZE))) return void stream.once('drain', more);
      stream.end();
    };
    more();
  });
  const watch = transport.watch(WATCH);
  assert.equal((await watch.next()).done, false);
  // Until the server has stood still for a while.
  let last = -1;
  for (let still = 0; still < 200; still = written === last ? still + 1 : 0) {
    last = written;
    await turn();
  }
  assert.ok(written < EVENTS / 2, `the server wrote ${written} MiB to a reader that took one`);
  assert.deepEqual(await transport.getPath('/version', {}), { written });
  let read = 1;
  for await (const each of watch) if (each.type === 'ADDED') read++;
  assert.equal(read, EVENTS);
});

test('HttpsWatch serves many watches over few connections', async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const { server, transport } = await setUp(t, (stream) => {
    begin(stream);
    streams.push(stream);
  });
  const watches = Array.from({ length: 300 }, () => transport.watch(WATCH));
  const first = watches.map(async (watch) => (await watch.next()).value as unknown);
  while (streams.length < 300) await turn();
  for (const [i, stream] of streams.entries()) stream.write(event(i));
  assert.equal((await Promise.all(first)).length, 300);
  assert.ok(server.accepted <= 4, `${server.accepted} connections`);
});
