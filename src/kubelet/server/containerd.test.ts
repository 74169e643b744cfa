import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type RequestOptions } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Duplex } from 'node:stream';
import { after, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { SpdyConnection } from '#base/spdy/connection.ts';
import { connectCri } from '#cri/client.ts';
import { importImage, type ImportTarget } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { buildHostImage } from '#cri/testing/host-image.ts';
import { startContainerd } from '#test/harness/containerd.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { createKubeletServer } from './server.ts';
import { testAuthority } from './testing/certificates.ts';
import { fakeHost, openAccess, testPod } from './testing/fake-host.ts';

const IMAGE = 'example.test/programs:1';
const owner = { after };
const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target: ImportTarget = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
const programs = ['sh', 'sleep', 'cat', 'echo', 'head', 'seq', 'stty', 'kill', 'node'];
await importImage(await buildHostImage({ name: IMAGE, folder: join(temporaryFolder(owner), 'image'), programs }), target);

const authority = await testAuthority();
const serving = await authority.issue('node');
const client = await authority.issue('apiserver', ['system:masters']);

const logDirectory = temporaryFolder(owner);
const sandboxConfig = {
  metadata: { name: 'web', namespace: 'default', uid: 'uid-of-web' },
  logDirectory,
  dnsConfig: { servers: ['127.0.0.1'] },
  linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } } },
} as const;
const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });

async function startContainer(
  name: string,
  command: readonly string[],
  more: { readonly tty?: boolean; readonly stdin?: boolean } = {},
): Promise<string> {
  const config = { metadata: { name }, image: { image: IMAGE }, command, logPath: `${name}.log`, ...more };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
  await cri.runtime.startContainer({ containerId });
  return containerId;
}

const containerId = await startContainer('app', ['sleep', '1000']);
defer(owner, async () => {
  await cri.runtime.stopPodSandbox({ podSandboxId });
  await cri.runtime.removePodSandbox({ podSandboxId });
  cri.close();
});

/** Port of a server for the container. */
async function serve(t: TestContext, id = containerId, { tty = false } = {}): Promise<number> {
  const server = createKubeletServer({
    host: fakeHost({
      pod: testPod('web'),
      cri,
      containerId: id,
      sandboxId: podSandboxId,
      tty,
      log: () => Promise.resolve({ containerId: id, path: join(logDirectory, 'writer.log'), running: true }),
    }),
    tls: () => ({ ...serving, clientCa: authority.certificate }),
    access: openAccess,
    address: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    logger: silentLogger,
  });
  const port = await server.start();
  t.after(() => server.stop());
  return port;
}

const asClient = (port: number, path: string): RequestOptions => ({
  host: '127.0.0.1',
  port,
  path,
  ca: authority.certificate,
  cert: client.certificate,
  key: client.key,
  agent: false,
});

const execPath = (command: readonly string[], flags = 'output=1&error=1'): string =>
  `/exec/default/web/app?${flags}&${command.map((word) => `command=${encodeURIComponent(word)}`).join('&')}`;

/** As kubectl's older way: SPDY all the way. */
async function spdy(t: TestContext, port: number, path: string, protocols: readonly string[]): Promise<SpdyConnection> {
  const asked = request({
    ...asClient(port, path),
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': [...protocols] },
  });
  asked.end();
  const [answer, socket, head] = (await once(asked, 'upgrade')) as [{ headers: Record<string, string> }, Duplex, Buffer];
  assert.equal(answer.headers['x-stream-protocol-version'], protocols[0]);
  const connection = new SpdyConnection({ role: 'client', socket, head });
  t.after(() => connection.destroy());
  return connection;
}

interface Told {
  readonly channels: string[];
  readonly status: Record<string, unknown> | undefined;
}

/** Text of each channel until the server closes. */
function webSocket(port: number, path: string, protocol: string, talk: (socket: WebSocket) => void = () => {}): Promise<Told> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, [protocol], {
    ca: authority.certificate,
    cert: client.certificate,
    key: client.key,
  });
  const channels = ['', '', '', '', ''];
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      assert.equal(socket.protocol, protocol);
      talk(socket);
    });
    socket.on('message', (data: Buffer) => {
      channels[data[0] as number] += data.subarray(1).toString();
    });
    socket.on('close', () =>
      resolve({ channels, status: channels[3] === '' ? undefined : (JSON.parse(channels[3] as string) as Record<string, unknown>) }),
    );
    socket.on('error', reject);
  });
}

const onChannel = (channel: number, content: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(content)]);

const exitedWith = (code: number) => ({
  metadata: {},
  status: 'Failure',
  message: `command terminated with non-zero exit code: error executing command [sh -c echo out; echo err >&2; exit ${code}], exit code ${code}`,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});
const FAILING = ['sh', '-c', 'echo out; echo err >&2; exit 7'];

for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
  test(`exec over WebSocket gives both outputs and the exit code (${protocol})`, async (t) => {
    const { channels, status } = await webSocket(await serve(t), execPath(FAILING), protocol);
    assert.deepEqual(channels.slice(0, 3), ['', 'out\n', 'err\n']);
    assert.deepEqual({ ...status, message: '' }, { ...exitedWith(7), message: '' });
  });
}

test('exec over WebSocket v5 ends standard input when the client says so', async (t) => {
  const { channels, status } = await webSocket(
    await serve(t),
    execPath(['cat'], 'input=1&output=1&error=1'),
    'v5.channel.k8s.io',
    (socket) => {
      socket.send(onChannel(0, 'hello '));
      socket.send(onChannel(0, 'world'));
      socket.send(Buffer.from([255, 0]));
    },
  );
  assert.deepEqual([channels[1], status?.['status']], ['hello world', 'Success']);
});

test('exec over WebSocket v5 carries megabytes both ways', async (t) => {
  const sent = 'x'.repeat(1 << 20);
  const { channels } = await webSocket(await serve(t), execPath(['cat'], 'input=1&output=1'), 'v5.channel.k8s.io', (socket) => {
    for (let at = 0; at < 4; at++) socket.send(onChannel(0, sent));
    socket.send(Buffer.from([255, 0]));
  });
  assert.equal(channels[1]?.length, 4 << 20);
});

test('exec over WebSocket v5 hears a command to its end that never reads its input', async (t) => {
  const port = await serve(t);
  for (let round = 0; round < 5; round++) {
    const command = ['sh', '-c', 'echo short; exit 3'];
    const { channels, status } = await webSocket(port, execPath(command, 'input=1&output=1'), 'v5.channel.k8s.io', (socket) => {
      for (let at = 0; at < 32; at++) socket.send(onChannel(0, 'y'.repeat(1 << 10)));
      socket.send(Buffer.from([255, 0]));
    });
    assert.deepEqual([channels[1], status?.['reason']], ['short\n', 'NonZeroExitCode']);
  }
});

test('exec over WebSocket v5 tells the size of the terminal', async (t) => {
  const command = ['sh', '-c', 'while [ "$(stty size)" != "40 100" ]; do :; done; stty size'];
  const { channels } = await webSocket(await serve(t), execPath(command, 'input=1&output=1&tty=1'), 'v5.channel.k8s.io', (socket) =>
    socket.send(onChannel(4, '{"Width":100,"Height":40}')),
  );
  assert.equal(channels[1], '40 100\r\n');
});

test('exec over SPDY gives both outputs and the exit code', async (t) => {
  const connection = await spdy(t, await serve(t), execPath(FAILING), ['v4.channel.k8s.io', 'v3.channel.k8s.io']);
  const [error, stdout, stderr] = ['error', 'stdout', 'stderr'].map((streamtype) => text(connection.createStream({ streamtype })));
  assert.deepEqual([await stdout, await stderr], ['out\n', 'err\n']);
  assert.deepEqual({ ...JSON.parse(await (error as Promise<string>)), message: '' }, { ...exitedWith(7), message: '' });
});

test('exec over SPDY ends standard input by the end of its stream', async (t) => {
  const connection = await spdy(t, await serve(t), execPath(['cat'], 'input=1&output=1'), ['v4.channel.k8s.io']);
  const error = text(connection.createStream({ streamtype: 'error' }));
  const stdin = connection.createStream({ streamtype: 'stdin' });
  const stdout = text(connection.createStream({ streamtype: 'stdout' }));
  stdin.end('x'.repeat(3 << 20));
  assert.equal((await stdout).length, 3 << 20);
  assert.equal((JSON.parse(await error) as { status: string }).status, 'Success');
});

test('exec of a program that is not there fails with the words of the runtime', async (t) => {
  const { status } = await webSocket(await serve(t), execPath(['nothing']), 'v5.channel.k8s.io');
  assert.equal(status?.['reason'], 'InternalError');
  assert.match(String(status?.['message']), /executable file not found/);
});

test('log following gives lines as they are written, and ends with the container', async (t) => {
  const id = await startContainer('writer', ['sh', '-c', 'echo one; echo two >&2; read go; echo three'], { stdin: true });
  const port = await serve(t, id);
  const asked = request(asClient(port, '/containerLogs/default/web/app?follow=true'));
  asked.end();
  const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  let seen = '';
  answer.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  while (!seen.includes('one\n') || !seen.includes('two\n')) await once(answer, 'data');
  const typed = await webSocketAttach(port);
  await once(answer, 'end');
  typed.terminate();
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(seen.split('\n').slice(0, 2).toSorted(), ['one', 'two']);
  assert.equal(seen.split('\n')[2], 'three');
});

/** Types a line into the container. */
async function webSocketAttach(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/attach/default/web/app?input=1&output=1`, ['v5.channel.k8s.io'], {
    ca: authority.certificate,
    cert: client.certificate,
    key: client.key,
  });
  await once(socket, 'open');
  socket.send(onChannel(0, 'go\n'));
  return socket;
}

test('port-forward over the older WebSocket protocol carries each port on two channels', async (t) => {
  const echo = createServer((socket) => socket.pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  t.after(() => echo.close());
  const { port: forwarded } = echo.address() as AddressInfo;
  const socket = new WebSocket(`wss://127.0.0.1:${await serve(t)}/portForward/default/web?port=${forwarded}`, ['v4.channel.k8s.io'], {
    ca: authority.certificate,
    cert: client.certificate,
    key: client.key,
  });
  t.after(() => socket.terminate());
  const data: Buffer[] = [];
  const { promise: echoed, resolve } = Promise.withResolvers<void>();
  socket.on('message', (message: Buffer) => {
    if (message[0] === 0) data.push(message.subarray(1));
    if (Buffer.concat(data).length === 2 + 5) resolve();
  });
  await once(socket, 'open');
  socket.send(onChannel(0, 'hello'));
  await echoed;
  const all = Buffer.concat(data);
  assert.deepEqual([all.readUInt16LE(0), all.subarray(2).toString()], [forwarded, 'hello']);
});

test('run gives what a command wrote', async (t) => {
  const asked = request({ ...asClient(await serve(t), '/run/default/web/app?cmd=echo+a+b'), method: 'POST' });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  assert.equal(await text(answer), 'a b\n');
});

test('a client that leaves ends its session, and its command sees the end of its input', async (t) => {
  const port = await serve(t);
  const socket = new WebSocket(
    `wss://127.0.0.1:${port}${execPath(['sh', '-c', 'echo $$; cat; echo gone > /tmp/gone'], 'input=1&output=1')}`,
    ['v5.channel.k8s.io'],
    {
      ca: authority.certificate,
      cert: client.certificate,
      key: client.key,
    },
  );
  await once(socket, 'message');
  socket.terminate();
  const look = ['sh', '-c', 'while [ ! -e /tmp/gone ]; do :; done; cat /tmp/gone'];
  const { stdout } = await cri.runtime.execSync({ containerId, cmd: look, timeout: 10 });
  assert.equal(Buffer.from(stdout).toString(), 'gone\n');
});
