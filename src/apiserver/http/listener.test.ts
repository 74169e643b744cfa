import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2, performServerHandshake } from 'node:http2';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { queryObjects } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { systemClock, wait } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { frame, TYPE } from '#test/harness/http2-frame.ts';
import { createTestAuthority } from '../testing/certificates.ts';
import { Listener } from './listener.ts';

const HANDSHAKE_TIMEOUT_MS = 100;
const CLIENTS = 10;

/** Makes HTTP/2 connections on a thread of its own, so that they go on while the server's thread is busy. */
const clients = `
  const { parentPort, workerData: { port, count } } = require('node:worker_threads');
  const { connect } = require('node:http2');
  const ended = Array.from({ length: count }, () => new Promise((resolve) => {
    const session = connect('https://127.0.0.1:' + port, { rejectUnauthorized: false });
    session.on('error', () => {});
    session.once('close', () => resolve('closed'));
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => {});
    stream.once('response', () => { resolve('answered'); session.destroy(); });
  }));
  Promise.all(ended).then((all) => parentPort.postMessage(all));
`;

async function startListener(t: TestContext, options: Partial<ConstructorParameters<typeof Listener>[0]> = {}) {
  const authority = await createTestAuthority(systemClock.now());
  const serving = await authority.serving({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const listener = new Listener({ tls: { serving }, handle: () => {}, logger: silentLogger, ...options });
  t.after(() => {
    listener.drain();
    listener.destroy();
  });
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
  return { listener, ca: authority.certificate, port };
}

test('a handshake that ends after its time, since the server was busy, ends the connection and not the server', async (t) => {
  const { port } = await startListener(t, { handle: (exchange) => exchange.respond(200, {}), handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS });
  const worker = new Worker(clients, { eval: true, workerData: { port, count: CLIENTS } });
  t.after(() => worker.terminate());
  let waiting = true;
  const beBusy = (): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * HANDSHAKE_TIMEOUT_MS);
    if (waiting) systemClock.after(1, beBusy);
  };
  systemClock.after(1, beBusy);
  const [outcomes] = (await once(worker, 'message')) as [string[]];
  waiting = false;
  assert.equal(outcomes.length, CLIENTS);
});

test('an idle client of HTTP/2 is told to go elsewhere and loses its connection, whether it ends its half or not', async (t) => {
  const { listener, ca, port } = await startListener(t, { idleTimeoutMs: 100 });
  const halfOpen = { host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'], allowHalfOpen: true };
  const client = connectTls(halfOpen);
  t.after(() => client.destroy());
  let said = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => (said = Buffer.concat([said, chunk])));
  client.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(TYPE.settings, 0, 0)]));
  await once(client, 'end');
  assert.ok(said.includes(Buffer.from([0, 0, 8, TYPE.goAway])), said.toString('hex'));
  while (listener.connections > 0) await wait(systemClock, 10);
});

test('nothing is kept of a connection of HTTP/2 that has ended', async (t) => {
  const { listener, ca, port } = await startListener(t);
  const some = performServerHandshake(new PassThrough());
  some.destroy();
  const ServerSession = some.constructor;
  const sessions = (): number => {
    collectGarbage();
    return queryObjects(ServerSession, { format: 'count' });
  };
  const before = sessions();
  for (let i = 0; i < 20; i++) {
    const client = connectHttp2(`https://127.0.0.1:${port}`, { ca });
    await once(client, 'remoteSettings');
    client.destroy();
  }
  while (listener.connections > 0) await wait(systemClock, 10);
  const held = sessions() - before;
  assert.ok(held < 5, `${held} sessions`);
});

test('the kernel asks silent clients whether they are there', async (t) => {
  const { ca, port } = await startListener(t);
  const client = connectTls({ host: '127.0.0.1', port, ca });
  t.after(() => client.destroy());
  await once(client, 'secureConnect');
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const timers = rows.filter(([, own, other = '']) => own === local && !other.endsWith(':0000')).map((row) => row[5]?.slice(0, 2));
  assert.deepEqual(timers, ['02'], 'a timer of the connection itself runs: it keeps it alive');
});

/** More than Node lets wait by itself, 511. */
const MANY_CLIENTS = 1_000;

/** Opens TCP connections, and ends when the kernel has set all of them up. */
const dialled = `
  const { connect } = require('node:net');
  const [port, count] = process.argv.slice(1).map(Number);
  let left = count;
  for (let i = 0; i < count; i++) connect(port, '127.0.0.1').once('connect', () => { if (--left === 0) process.exit(); });
`;
/** For all of them; it takes a fraction of that, or for ever. Milliseconds. */
const DIALLING_MS = 60_000;

test('connections that come while the server is busy wait for it, however many: the kernel turns none away', async (t) => {
  const { port } = await startListener(t, { handle: (exchange) => exchange.respond(200, {}) });
  // Nothing is accepted while this thread waits for the other process.
  const { status, stderr } = spawnSync(process.execPath, ['-e', dialled, String(port), String(MANY_CLIENTS)], { timeout: DIALLING_MS });
  assert.equal(status, 0, `not all were set up: ${stderr.toString()}`);
});
