import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { SpdyConnection } from '#base/spdy/connection.ts';
import type { SpdyStream } from '#base/spdy/stream.ts';
import { CHANNELS } from './channels.ts';
import { translateCommand } from './remote-command.ts';

type ServeRuntime = (connection: SpdyConnection, streams: ReadonlyMap<string, SpdyStream>) => Promise<void>;

/** A WebSocket of a command whose runtime is `serve`, called once the streams `wanted` are open. */
async function session(t: TestContext, wanted: readonly string[], serve: ServeRuntime): Promise<WebSocket> {
  const streams = new Map<string, SpdyStream>();
  const served = Promise.withResolvers<void>();
  const runtime = createServer().on('upgrade', (_request, socket: Duplex, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    const onStream = (stream: SpdyStream): void => {
      streams.set(String(stream.headers['streamtype']), stream);
      if (wanted.every((type) => streams.has(type))) serve(connection, streams).then(served.resolve, served.reject);
    };
    const connection = new SpdyConnection({ role: 'server', socket, head, onStream });
    t.after(() => connection.destroy());
  });
  const options = { stdin: wanted.includes('stdin'), stdout: wanted.includes('stdout'), stderr: false, tty: false };
  const kubelet = createServer().on('upgrade', (request, socket: Duplex, head) => {
    translateCommand({ request, socket, head }, `http://127.0.0.1:${port(runtime)}/`, options).catch(served.reject);
  });
  for (const server of [runtime, kubelet]) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
  }
  const client = new WebSocket(`ws://127.0.0.1:${port(kubelet)}/`, 'v5.channel.k8s.io');
  t.after(async () => {
    client.terminate();
    await served.promise;
  });
  return client;
}

const port = (server: ReturnType<typeof createServer>): number => (server.address() as AddressInfo).port;

test('translateCommand says nothing to a runtime about streams that ended: it may have closed already', async (t) => {
  const received: string[] = [];
  const heard = Promise.withResolvers<void>();
  const client = await session(t, ['error', 'stdout'], async (connection, streams) => {
    const [stdout, failure] = [streams.get('stdout'), streams.get('error')];
    assert.ok(stdout && failure);
    stdout.end('all there is');
    await heard.promise;
    for (let turn = 0; turn < 3; turn++) await connection.ping(); // whatever was said before the answer has arrived with it
    assert.equal(connection.openStreams, 2);
    failure.end(JSON.stringify({ status: 'Success' }));
  });
  client.on('message', (data: Buffer) => {
    received.push(`${data[0]} ${data.subarray(1).toString()}`);
    if (data.length > 1) heard.resolve();
  });
  await once(client, 'close');
  assert.deepEqual(received, [
    `${CHANNELS.stdout} `,
    `${CHANNELS.stdout} all there is`,
    `${CHANNELS.error} ${JSON.stringify({ status: 'Success' })}`,
  ]);
});
