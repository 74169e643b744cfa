import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { constants, createDeflate } from 'node:zlib';
import { seededIds } from '../ids.ts';
import { SpdyConnection, type SpdyOptions } from './connection.ts';
import { DICTIONARY } from './dictionary.ts';
import { FrameReader } from './frame-reader.ts';
import {
  dataHead,
  goAwayFrame,
  pingFrame,
  readControl,
  readHead,
  resetFrame,
  settingsFrame,
  synReplyFrame,
  synStreamFrame,
  windowUpdateFrame,
} from './frames.ts';
import { decodeHeaders, encodeHeaders, HeaderPacker, HeaderUnpacker } from './header-block.ts';
import type { SpdyStream } from './stream.ts';
import { SendWindows } from './windows.ts';

const block = Buffer.from('block');
for (const c of [
  { frame: synStreamFrame(5, true, block), is: { kind: 'syn-stream', streamId: 5, fin: true, unidirectional: false, block } },
  { frame: synReplyFrame(5, block), is: { kind: 'syn-reply', streamId: 5, fin: false, block } },
  { frame: resetFrame(7, 5), is: { kind: 'rst-stream', streamId: 7, status: 5 } },
  {
    frame: settingsFrame([
      { id: 7, value: 9 },
      { id: 4, value: 100 },
    ]),
    is: {
      kind: 'settings',
      entries: [
        { id: 7, value: 9 },
        { id: 4, value: 100 },
      ],
    },
  },
  { frame: pingFrame(3), is: { kind: 'ping', id: 3 } },
  { frame: goAwayFrame(9, 0), is: { kind: 'go-away', lastStreamId: 9, status: 0 } },
  { frame: windowUpdateFrame(3, 4096), is: { kind: 'window-update', streamId: 3, delta: 4096 } },
]) {
  test(`readControl reads what was written: ${c.is.kind}`, () => {
    const head = readHead(c.frame);
    assert.ok(head.kind === 'control');
    assert.equal(head.length, c.frame.length - 8);
    assert.deepEqual(readControl(head, c.frame.subarray(8)), c.is);
    for (let length = 0; length < 4; length++)
      assert.throws(() => readControl(head, c.frame.subarray(8, 8 + length)), { name: 'SpdyError' });
  });
}

test('readHead refuses another version of the protocol', () => {
  assert.throws(() => readHead(Buffer.from('8002000600000004', 'hex')), /version 2/);
});

test('a frame is the bytes of the specification', () => {
  assert.equal(pingFrame(1).toString('hex'), '800300060000000400000001');
  assert.equal(dataHead(3, 5, true).toString('hex'), '0000000301000005');
});

test('FrameReader gives the same frames however the bytes are cut', () => {
  const ids = seededIds(7);
  const bytes = Buffer.concat([
    pingFrame(1),
    dataHead(1, 5, true),
    Buffer.from('hello'),
    resetFrame(1, 5),
    dataHead(3, 0, true),
    pingFrame(2),
  ]);
  for (let round = 0; round < 200; round++) {
    const reader = new FrameReader();
    let seen = '';
    for (let at = 0; at < bytes.length;) {
      const length = 1 + Math.floor(ids.fraction() * 12);
      for (const part of reader.read(bytes.subarray(at, at + length))) {
        seen += part.kind === 'data' ? `${part.payload.toString()}${part.fin ? '|' : ''}` : `<${part.kind}>`;
      }
      at += length;
    }
    assert.equal(seen, '<ping>hello|<rst-stream>|<ping>');
  }
});

test('FrameReader refuses a control frame larger than any that makes sense', () => {
  assert.throws(() => [...new FrameReader().read(Buffer.from('80030001000fffff', 'hex'))], { name: 'SpdyError' });
});

test('FrameReader survives noise with frames or SpdyError only', () => {
  const ids = seededIds(11);
  for (let round = 0; round < 2000; round++) {
    const noise = Buffer.from(ids.bytes(64));
    if (round % 2 === 0) noise.writeUInt16BE(0x8003, 0);
    try {
      for (const part of new FrameReader().read(noise)) assert.ok(part.kind.length > 0);
    } catch (error) {
      assert.equal((error as Error).name, 'SpdyError');
    }
  }
});

test('decodeHeaders refuses what ends too early', () => {
  const whole = encodeHeaders({ streamtype: 'stdin', port: '80' });
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => decodeHeaders(whole.subarray(0, length)), { name: 'SpdyError' });
});

test('HeaderUnpacker reads what HeaderPacker writes, block after block', async () => {
  const [packer, unpacker] = [new HeaderPacker(), new HeaderUnpacker()];
  for (const headers of [{ streamtype: 'error' }, {}, { streamtype: 'stdin', long: 'x'.repeat(40_000) }, { a: 'ü' }]) {
    const read = await unpacker.unpack(packer.pack(headers));
    assert.deepEqual({ ...read }, headers);
  }
});

test('HeaderUnpacker reads what zlib compresses with the dictionary', async () => {
  const deflate = createDeflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH });
  const unpacker = new HeaderUnpacker();
  for (const headers of [{ streamtype: 'error' }, { streamtype: 'error', port: '80' }]) {
    deflate.write(encodeHeaders(headers));
    const [packed] = (await once(deflate, 'data')) as [Buffer];
    const read = await unpacker.unpack(packed);
    assert.deepEqual({ ...read }, headers);
  }
});

test('HeaderUnpacker refuses a block that unpacks to too much', async () => {
  const deflate = createDeflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH });
  const chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((written) => deflate.write(Buffer.alloc(1 << 20), written));
  const packed = Buffer.concat(chunks);
  const unpacker = new HeaderUnpacker();
  await assert.rejects(unpacker.unpack(packed), /more than/);
  await assert.rejects(unpacker.unpack(packed), { name: 'SpdyError' });
});

test('SendWindows grants no more than stream and connection allow', () => {
  const windows = new SendWindows();
  const grants: [number, number][] = [];
  const take = (stream: number, most: number): void => windows.take(stream, most, (bytes) => grants.push([stream, bytes]));
  take(1, 60_000);
  take(3, 60_000); // the connection has 5,536 left
  take(3, 1000); // waits
  windows.give(3, 1000); // its stream has room, the connection has none
  assert.deepEqual(grants, [
    [1, 60_000],
    [3, 5536],
  ]);
  windows.give(0, 700);
  assert.deepEqual(grants.at(-1), [3, 700]);
});

/** Both ends of a real connection. */
async function pair(
  t: TestContext,
  options: Partial<SpdyOptions> = {},
): Promise<{ client: SpdyConnection; server: SpdyConnection; streams: SpdyStream[]; sockets: Socket[] }> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const near = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(listener, 'connection')) as [Socket];
  const streams: SpdyStream[] = [];
  const { onStream = (stream: SpdyStream): void => void streams.push(stream), ...rest } = options;
  const client = new SpdyConnection({ ...rest, role: 'client', socket: near });
  const server = new SpdyConnection({ ...rest, role: 'server', socket: far, onStream });
  t.after(() => {
    for (const each of [client, server]) each.destroy();
    listener.close();
  });
  return { client, server, streams, sockets: [near, far] };
}

const echo = (stream: SpdyStream): void => void stream.pipe(stream);

for (const flowControl of ['none', 'windows'] as const) {
  test(`a stream carries a megabyte there and back, and both ends of it (${flowControl})`, async (t) => {
    const { client } = await pair(t, { onStream: echo, flowControl });
    const sent = Buffer.from(seededIds(3).bytes(1 << 20)).toString('hex');
    const streams = [1, 2, 3].map((n) => client.createStream({ n: String(n) }));
    const answers = streams.map((stream) => text(stream));
    for (const stream of streams) stream.end(sent);
    for (const answer of answers) assert.equal((await answer) === sent, true);
    for (const stream of streams) if (!stream.closed) await once(stream, 'close');
    assert.equal(client.openStreams, 0);
  });

  test(`a reader that does not read holds the writer back (${flowControl})`, async (t) => {
    const { promise: opened, resolve: onStream } = Promise.withResolvers<SpdyStream>();
    const { client } = await pair(t, { flowControl, onStream });
    const stream = client.createStream({ kind: 'stalled' });
    let left = 64;
    const chunk = Buffer.alloc(1 << 20);
    const writeOn = (): void => {
      for (let room = true; room && left > 0; left--) room = stream.write(chunk);
    };
    stream.on('drain', writeOn);
    writeOn();
    const accepted = await opened;
    await once(accepted, 'readable');
    assert.ok(left > 0);
    assert.ok(accepted.readableLength <= 128 << 10);
    let size = 0;
    accepted.on('data', (data: Buffer) => (size += data.length));
    while (left > 0) await once(stream, 'drain');
    assert.ok(size > 0);
  });
}

test('headers arrive in lower case, in the order in which streams are opened', async (t) => {
  const { client, streams } = await pair(t);
  for (const kind of ['error', 'stdin', 'stdout']) client.createStream({ streamType: kind });
  await client.ping();
  assert.deepEqual(
    streams.map(({ id, headers }) => [id, headers['streamtype']]),
    [
      [1, 'error'],
      [3, 'stdin'],
      [5, 'stdout'],
    ],
  );
});

test('a destroyed stream ends on the other side, after what was sent', async (t) => {
  const { client, streams } = await pair(t);
  const stream = client.createStream({});
  await new Promise((sent) => stream.write('last words', sent));
  await client.ping();
  const [accepted] = streams as [SpdyStream];
  stream.destroy();
  assert.equal(await text(accepted), 'last words');
  await (accepted.closed ? undefined : once(accepted, 'close'));
});

test('a stream too many is refused', async (t) => {
  const { client } = await pair(t, { mostStreams: 1 });
  client.createStream({});
  const [error] = (await once(client.createStream({}), 'error')) as [Error];
  assert.equal((error as Error & { status: number }).status, 3);
});

test('a connection that ends fails its streams', async (t) => {
  const { client, server, streams } = await pair(t);
  const stream = client.createStream({});
  const failed = once(stream, 'error');
  await client.ping();
  streams[0]?.resume();
  server.destroy();
  const [error] = (await failed) as [Error];
  assert.match(error.message, /closed|ECONNRESET|Premature/);
  await client.closed;
  assert.throws(() => client.createStream({}), { name: 'SpdyError' });
  await assert.rejects(client.ping(), { name: 'SpdyError' });
});

test('a peer that breaks the protocol is cut off', async (t) => {
  const { server, sockets } = await pair(t);
  sockets[0]?.write(synStreamFrame(2, false, Buffer.alloc(0)));
  const why = await server.closed;
  assert.equal(why?.name, 'SpdyError');
  assert.ok(sockets[1] instanceof Duplex && sockets[1].destroyed);
});
