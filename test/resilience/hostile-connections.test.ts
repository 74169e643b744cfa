// Connections by the thousand, and bodies cut into single bytes, against a whole API server: it serves others all the while, spends no
// more memory than what was sent weighs, and keeps nothing of it.
import { startAttacked } from './hostile/attacked.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { after, test } from 'node:test';
import { configmaps } from '#api/resources.ts';
import { succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { END_HEADERS, END_STREAM, frame, TYPE } from '../harness/http2-frame.ts';
import { beginning, literal, postHead } from './hostile/h2-frames.ts';

const owner = { after };
const { server, address, tls, client } = await startAttacked(owner);
const { pid } = server.process;
const MAP = { metadata: { name: 'a', namespace: 'default' } };
await client.create(configmaps, MAP);

const MIB = 1 << 20;
const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length;

/** Most bytes resident since this was asked last. */
function peakBytes(): number {
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return peak;
}

/** It answers a new connection, and writes. */
async function isWell(): Promise<void> {
  const [answer] = (await once(get({ ...address, ...tls, path: '/readyz', agent: false }), 'response')) as [
    Socket & { statusCode: number },
  ];
  answer.resume();
  assert.equal(answer.statusCode, 200);
  await client.patch(configmaps, MAP.metadata, { type: 'merge', body: { data: { at: String(descriptors()) } } });
}

async function opened(alpn: 'h2' | 'http/1.1'): Promise<TLSSocket> {
  const socket = connect({ ...address, ...tls, ALPNProtocols: [alpn] });
  await once(socket, 'secureConnect');
  return socket;
}

/** Opens TCP connections, and resolves when all stand. */
async function dialled(count: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => connectPlain(address).on('error', () => {}));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

/** Of settings. Source: RFC 9113, 6.5. */
const ACKNOWLEDGED = 0x1;
const BODY = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'A' }, data: { a: 'x'.repeat(1_000_000) } });
const inSingleBytes: Readonly<Record<'h2' | 'http/1.1', () => Buffer>> = {
  'http/1.1': () =>
    Buffer.from(
      `POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${[...BODY].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
    ),
  h2: () => {
    const head = Buffer.concat([postHead('/api/v1/namespaces/default/configmaps'), literal('content-type', 'application/json')]);
    const one = frame(TYPE.data, 0, 1, Buffer.from('x'));
    const bytes = Buffer.alloc(one.length * BODY.length);
    for (let i = 0; i < BODY.length; i++) {
      one.copy(bytes, i * one.length);
      bytes[i * one.length + 9] = BODY.charCodeAt(i);
    }
    return Buffer.concat([
      frame(TYPE.settings, ACKNOWLEDGED, 0),
      frame(TYPE.headers, END_HEADERS, 1, head),
      bytes,
      frame(TYPE.data, END_STREAM, 1),
    ]);
  },
};

for (const alpn of ['http/1.1', 'h2'] as const)
  test(`bodies cut into single bytes over ${alpn} cost what they weigh`, async (t) => {
    const bytes = inSingleBytes[alpn]();
    peakBytes();
    const before = peakBytes();
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const socket = await opened(alpn);
        let answer = '';
        const answered = new Promise<void>((resolve) => {
          socket.setEncoding('latin1').on('data', (chunk: string) => {
            answer += chunk;
            if (answer.includes('Invalid value')) resolve();
          });
        });
        if (alpn === 'h2') {
          socket.write(beginning());
          await once(socket, 'data'); // its settings, with the window that the body fits into
        }
        for (let at = 0; at < bytes.length; at += MIB) if (!socket.write(bytes.subarray(at, at + MIB))) await once(socket, 'drain');
        await answered;
        socket.destroy();
      }),
    );
    const grown = peakBytes() - before;
    t.diagnostic(`${Math.round(grown / MIB)} MiB at most`);
    assert.ok(grown < 400 * MIB, `${grown}`);
    await isWell();
  });

test('ten thousand connections that say nothing, and thousands that stop in their handshake, leave others served and nothing behind', async (t) => {
  const before = descriptors();
  peakBytes();
  const memory = peakBytes();
  const silent = [...(await dialled(6_000)), ...(await dialled(4_000))];
  for (const socket of silent.slice(0, 3_000)) socket.write(Buffer.from([22, 3, 1, 2, 0])); // half a handshake
  await isWell();
  assert.ok(descriptors() > 10_000);
  for (const socket of silent) socket.destroy();
  await eventually(async () => assert.ok(descriptors() <= before + 5, `${descriptors()} descriptors, ${before} before`));
  const grown = peakBytes() - memory;
  t.diagnostic(`${Math.round(grown / MIB)} MiB at most`);
  assert.ok(grown < 1_000 * MIB, `${grown}`);
  await isWell();
});

test('a server without descriptors to spare goes on for those who are connected, and takes others when it has some', async () => {
  const before = descriptors();
  await succeed('prlimit', ['--pid', String(pid), `--nofile=${before + 8}:`]);
  const sockets = await dialled(200);
  for (let i = 0; i < 20; i++) await client.patch(configmaps, MAP.metadata, { type: 'merge', body: { data: { n: String(i) } } });
  for (const socket of sockets) socket.destroy();
  await eventually(async () => assert.ok(descriptors() <= before + 2));
  await isWell();
});
