// What somebody who means harm sends to a whole API server: frames, heads and bodies made to exhaust, confuse or end it. It
// answers others all the while, never with a failure of its own, and holds no more memory after it than before.
import { startAttacked } from './hostile/attacked.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { configmaps } from '#api/resources.ts';
import { beginning, getHead, literal, postHead } from './hostile/h2-frames.ts';
import { END_HEADERS, END_STREAM, frame, TYPE } from '../harness/http2-frame.ts';

const owner = { after };
const { server, address, tls, client } = await startAttacked(owner);

/** What the attacks may leave resident, bytes. */
const GROWTH = 160 << 20;
const MIB = 1 << 20;

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.child.pid}/status`, 'utf8'))?.[1]) * 1024;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Over a connection of its own. */
function send(
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: object; body?: Uint8Array | string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const call = request({ ...address, ...tls, path, method, headers: { ...headers }, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      answer.on('close', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve({ status: 0, text: '' });
      else reject(error);
    });
    call.end(body);
  });
}

/** Opens a connection, lets `attack` have it, and resolves when the server ended it or `attack` is done. */
async function attackOver(alpn: 'h2' | 'http/1.1', attack: (socket: TLSSocket) => Promise<void> | void): Promise<void> {
  const socket = connect({ ...address, ...tls, ALPNProtocols: [alpn] });
  socket.on('error', () => {}); // the server may end it at any time
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'secureConnect');
  socket.resume();
  await Promise.race([closed, attack(socket)]);
  socket.destroy();
  await closed;
}

/** Writes as fast as the other side takes it; never resolves where the other side has ended the connection. */
async function pour(socket: TLSSocket, chunks: Iterable<Buffer>): Promise<void> {
  for (const chunk of chunks) if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
}

const times = function* (count: number, make: (i: number) => Buffer): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield make(i);
};

/** All that the server answered on one HTTP/1.1 connection until it ended it, or went silent behind `until`. */
function raw(text: string | Buffer, until?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, ...tls, ALPNProtocols: ['http/1.1'] });
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk;
      if (until?.test(answer) === true) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.once('secureConnect', () => socket.write(text));
  });
}

const FRAMES: readonly (readonly [name: string, alpn: 'h2', chunks: () => Iterable<Buffer>])[] = [
  [
    'streams that are reset as soon as they begin',
    'h2',
    function* () {
      yield beginning();
      yield* times(50_000, (i) =>
        Buffer.concat([
          frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * i + 1, getHead('/api/v1/pods')),
          frame(TYPE.resetStream, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
        ]),
      );
    },
  ],
  [
    'a head that never ends',
    'h2',
    function* () {
      yield beginning();
      yield frame(TYPE.headers, END_STREAM, 1, getHead('/version'));
      yield* times(20_000, (i) => frame(TYPE.continuation, 0, 1, literal(`x-${i}`, 'y'.repeat(100))));
    },
  ],
  [
    'an empty head that never ends',
    'h2',
    function* () {
      yield beginning();
      yield frame(TYPE.headers, END_STREAM, 1, getHead('/version'));
      yield* times(200_000, () => frame(TYPE.continuation, 0, 1));
    },
  ],
  [
    'questions whether it is there',
    'h2',
    function* () {
      yield beginning();
      yield* times(100_000, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
    },
  ],
  [
    'settings, again and again',
    'h2',
    function* () {
      yield beginning();
      yield* times(100_000, () => frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255])));
    },
  ],
  [
    'priorities of streams that never are',
    'h2',
    function* () {
      yield beginning();
      yield* times(100_000, (i) => frame(TYPE.priority, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 16])));
    },
  ],
  [
    'data without bytes',
    'h2',
    function* () {
      yield beginning();
      yield frame(TYPE.headers, END_HEADERS, 1, postHead('/api/v1/namespaces'));
      yield* times(200_000, () => frame(TYPE.data, 0, 1));
    },
  ],
  [
    'windows that run over',
    'h2',
    function* () {
      yield beginning();
      yield* times(1_000, () => frame(TYPE.windowUpdate, 0, 0, Buffer.from([0x7f, 255, 255, 255])));
    },
  ],
  [
    'a table of headers as large as it gets',
    'h2',
    function* () {
      yield beginning({ 1: 0xffffffff });
      // Kept in the table, and then named by number again and again.
      const kept = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('a'), Buffer.from([0x7f, 0x81, 0x1e]), Buffer.alloc(4_000, 'b')]);
      yield frame(TYPE.headers, END_HEADERS | END_STREAM, 1, Buffer.concat([getHead('/version'), kept]));
      yield* times(200, (i) =>
        frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * i + 3, Buffer.concat([getHead('/version'), Buffer.alloc(15_000, 0xbe)])),
      );
    },
  ],
  [
    'more streams than it may have',
    'h2',
    function* () {
      yield beginning();
      yield* times(5_000, (i) => frame(TYPE.headers, END_HEADERS, 2 * i + 1, postHead('/api/v1/namespaces')));
    },
  ],
  [
    'lists whose answers it does not take',
    'h2',
    function* () {
      yield beginning({ 4: 0 });
      yield* times(900, (i) => frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * i + 1, getHead('/api/v1/configmaps')));
    },
  ],
  [
    'frames of no known kind',
    'h2',
    function* () {
      yield beginning();
      yield* times(100_000, (i) => frame(64 + (i % 100), 255, i % 7, Buffer.alloc(16)));
    },
  ],
];

for (const [name, alpn, chunks] of FRAMES) {
  test(`a client of HTTP/2 that sends ${name} is borne`, async () => {
    await Promise.all(Array.from({ length: 4 }, () => attackOver(alpn, (socket) => pour(socket, chunks()))));
    await isWell();
  });
}

async function isWell(): Promise<void> {
  assert.equal(server.process.child.exitCode, null);
  assert.deepEqual(await send('/readyz'), { status: 200, text: 'ok' });
}

const HEAD = `Host: a\r\nContent-Type: application/json\r\n`;
const SMUGGLED = 'GET /version HTTP/1.1\r\nHost: a\r\n\r\n';

/** Heads that two servers could read in two ways: refused, and the connection ended, so that nothing behind them is read. */
const SMUGGLING: readonly (readonly [name: string, text: string])[] = [
  ['length and chunks', `POST /api HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ['two lengths', `POST /api HTTP/1.1\r\n${HEAD}Content-Length: 0\r\nContent-Length: 5\r\n\r\n${SMUGGLED}`],
  ['a signed length', `POST /api HTTP/1.1\r\n${HEAD}Content-Length: +5\r\n\r\n${SMUGGLED}`],
  ['a negative length', `POST /api HTTP/1.1\r\n${HEAD}Content-Length: -1\r\n\r\n${SMUGGLED}`],
  ['a length beyond all numbers', `POST /api HTTP/1.1\r\n${HEAD}Content-Length: 99999999999999999999999\r\n\r\n${SMUGGLED}`],
  ['chunks by another name', `POST /api HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
  ['a space before the colon', `POST /api HTTP/1.1\r\n${HEAD}Content-Length : 5\r\n\r\n${SMUGGLED}`],
  ['a folded line', `GET /api HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
  ['a chunk with a negative length', `POST /api HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n${SMUGGLED}`],
  ['a chunk beyond all numbers', `POST /api HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${SMUGGLED}`],
  ['a NUL in a header', `GET /api HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n${SMUGGLED}`],
  ['a bare line feed in the first line', `GET /api\nHTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`],
];

for (const [name, text] of SMUGGLING) {
  test(`a request with ${name} is refused, and nothing behind it is taken for another`, async () => {
    const answer = await raw(text);
    assert.match(answer, /^HTTP\/1\.1 (400|501) /, JSON.stringify(answer.slice(0, 200)));
    assert.equal(answer.includes('gitVersion'), false);
    await isWell();
  });
}

test('heads beyond a mebibyte, heads that trickle and connections that say nothing keep nobody waiting', async () => {
  assert.match(await raw(`GET /version HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(MIB + 1_000)}\r\n\r\n`), /^(HTTP\/1\.1 431 |$)/);
  assert.match(await raw(`GET /version HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(200_000)}\r\n`), /^(HTTP\/1\.1 431 |$)/);
  const silent = Array.from({ length: 500 }, () => connectPlain(address).on('error', () => {}));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  for (const socket of silent.slice(0, 250)) socket.write(Buffer.from([22, 3, 1, 2, 0])); // half a handshake
  await isWell();
  for (const socket of silent) socket.destroy();
});

const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
const YAML = 'application/yaml';
const JSON_TYPE = 'application/json';
const billion = `a: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `b${i}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(',')}]`).join('\n')}\n`;
const map = (data: string): string => `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default"},"data":${data}}`;

/** Bodies of a create; statuses that may answer them. */
const BODIES: readonly (readonly [name: string, type: string, body: string | Buffer, statuses: readonly number[]])[] = [
  ['more than three mebibytes', JSON_TYPE, map(`{"a":"${'x'.repeat(3 * MIB)}"}`), [413]],
  ['JSON of lists within lists', JSON_TYPE, map(deep('[', ']', MIB)), [400]],
  ['JSON of maps within maps', JSON_TYPE, map(`${'{"a":'.repeat(MIB / 4)}1${'}'.repeat(MIB / 4)}`), [400]],
  ['JSON that never closes', JSON_TYPE, '['.repeat(3 * MIB), [400]],
  ['YAML of lists within lists', YAML, deep('[', ']', MIB), [400]],
  ['YAML of maps within maps, by indentation', YAML, Array.from({ length: 1_500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), [400]],
  ['YAML of sequences on one line', YAML, '- '.repeat(MIB), [400]],
  ['YAML of questions', YAML, '? '.repeat(MIB), [400]],
  ['YAML aliases that make a billion', YAML, billion, [400]],
  ['YAML merges that make a billion', YAML, billion.replaceAll('[*', '{<<: [*').replaceAll(']\nb', ']}\nb'), [400]],
  ['YAML of anchors', YAML, Array.from({ length: 100_000 }, (_, i) => `a${i}: &a${i} x`).join('\n'), [422]],
  ['YAML tags', YAML, '!!js/function "function(){}"', [400]],
  [
    'YAML binary',
    YAML,
    `kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {a: !!binary "${'A'.repeat(MIB)}"}`,
    [500], // upstream's own: etcdserver: request is too large
  ],
  ['numbers beyond all numbers', JSON_TYPE, map(`{"a":${'9'.repeat(MIB)}}`), [400]],
  ['numbers with great exponents', JSON_TYPE, map('{"a":1e999999999}'), [400]],
  ['a NUL in a name', JSON_TYPE, map('{"a\\u0000b":"c"}'), [422]],
  ['a lone surrogate', JSON_TYPE, map('{"a":"\\ud800"}'), [201, 409]],
  [
    'bytes that are no UTF-8',
    JSON_TYPE,
    Buffer.concat([
      Buffer.from('{"kind":"ConfigMap","metadata":{"name":"utf"},"data":{"a":"'),
      Buffer.from([0xff, 0xc0, 0x80]),
      Buffer.from('"}}'),
    ]),
    [201, 400, 409],
  ],
  ['a member a hundred thousand times', JSON_TYPE, map(`{${'"a":"b",'.repeat(100_000)}"c":"d"}`), [201, 409]],
  [
    'a hundred thousand labels',
    JSON_TYPE,
    map('{}').replace('"name"', `"labels":{${Array.from({ length: 100_000 }, (_, i) => `"l${i}":"v"`).join(',')}},"name"`),
    [201, 409, 422, 500],
  ],
  [
    'ten thousand owners',
    JSON_TYPE,
    map('{}').replace(
      '"name"',
      `"ownerReferences":[${Array.from({ length: 10_000 }, (_, i) => `{"kind":"A","apiVersion":"v1","name":"n${i}","uid":"u${i}"}`).join(',')}],"name"`,
    ),
    [201, 409, 422],
  ],
  [
    'thousands of owners that all control',
    JSON_TYPE,
    map('{}').replace(
      '"name"',
      `"ownerReferences":[${Array.from({ length: 20_000 }, (_, i) => `{"kind":"A","apiVersion":"v1","name":"n${i}","uid":"u${i}","controller":true}`).join(',')}],"name"`,
    ),
    [422],
  ],
  ['a bomb of gzip', JSON_TYPE, gzipSync(Buffer.alloc(100 * MIB, 32)), [400]],
  [
    'protobuf that is none',
    'application/vnd.kubernetes.protobuf',
    Buffer.from('k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', 'latin1'),
    [400],
  ],
  ['protobuf of bytes that look like messages within messages', 'application/vnd.kubernetes.protobuf', nested(), [422]],
  [
    'protobuf that promises gigabytes',
    'application/vnd.kubernetes.protobuf',
    Buffer.from('6b3873000a0c0a02763112065365637265741280808080081a', 'hex'),
    [400],
  ],
];

/** A ConfigMap whose metadata holds a field within a field, two thousand deep: its name, to those who know. */
function nested(): Buffer {
  let inner = Buffer.alloc(0);
  for (let i = 0; i < 2_000; i++) inner = Buffer.concat([Buffer.from([0x0a, ...varint(inner.length)]), inner]);
  const type = Buffer.from('0a0276311209436f6e6669674d6170', 'hex');
  return Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, type.length]), type, Buffer.from([0x12, ...varint(inner.length)]), inner]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

for (const [name, type, body, statuses] of BODIES) {
  test(`a body of ${name} is answered in good time, and nothing else waits for it`, async (t) => {
    const headers = { 'content-type': type, ...(name.includes('gzip') ? { 'content-encoding': 'gzip' } : {}) };
    const { status, text } = await send('/api/v1/namespaces/default/configmaps', { method: 'POST', headers, body });
    t.diagnostic(`${status} ${text.slice(0, 200)}`);
    assert.ok(statuses.includes(status) || (status === 0 && statuses.includes(413)), `${status} ${text.slice(0, 300)}`);
    await isWell();
  });
}

test('patches and queries made to grow are refused', async (t) => {
  const place = '/api/v1/namespaces/default/configmaps/grown';
  await client.create(configmaps, { metadata: { name: 'grown', namespace: 'default' }, data: { a: 'x'.repeat(1_000) } });
  const patch = (type: string, body: string): Promise<Answer> =>
    send(place, { method: 'PATCH', headers: { 'content-type': `application/${type}+json` }, body });
  const doubling = Array.from({ length: 60 }, (_, i) => `{"op":"copy","from":"/data","path":"/data/d${i}"}`).join(',');
  const tooMany = Array.from({ length: 10_001 }, () => '{"op":"test","path":"/data/a","value":"b"}').join(',');
  const queries = [
    `/api/v1/pods?${'a=b&'.repeat(100_000)}`,
    `/api/v1/pods?labelSelector=${encodeURIComponent(`a in (${Array.from({ length: 60_000 }, (_, i) => `v${i}`).join(',')})`)}`,
    `/api/v1/pods?labelSelector=${Array.from({ length: 60_000 }, (_, i) => `a${i}`).join(',')}`,
    `/api/v1/pods?fieldSelector=${Array.from({ length: 20_000 }, () => 'metadata.name=a').join(',')}`,
    `/api/v1/${'namespaces/'.repeat(50_000)}`,
    `/api/v1/namespaces/default/${'%2e%2e/'.repeat(100_000)}`,
    `/api/v1/pods?continue=${'A'.repeat(900_000)}`,
  ];
  for (const [what, answer] of [
    ['copy', await patch('json-patch', `[${doubling}]`)],
    ['many', await patch('json-patch', `[${tooMany}]`)],
    ['merge', await patch('merge-patch', `{"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`)],
    ['strategic', await patch('strategic-merge-patch', `{"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`)],
    ...(await Promise.all(queries.map(async (query) => [query.slice(0, 40), await send(query)] as const))),
  ] as const) {
    t.diagnostic(`${what}: ${answer.status} ${answer.text.slice(0, 160)}`);
    assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  await isWell();
});

test('what was attacked holds no more memory than before', async (t) => {
  const sweep = async (): Promise<number> => {
    for (const [, alpn, chunks] of FRAMES) await attackOver(alpn, (socket) => pour(socket, chunks()));
    for (const [, type, body] of BODIES)
      await send('/api/v1/namespaces/default/configmaps', { method: 'POST', headers: { 'content-type': type }, body });
    await isWell();
    return residentBytes();
  };
  const sizes = [await sweep(), await sweep()];
  t.diagnostic(sizes.map((bytes) => `${Math.round(bytes / MIB)} MiB`).join(', '));
  assert.ok((sizes.at(-1) as number) - (sizes[0] as number) < GROWTH, sizes.join(', '));
});
