import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type handleServerStreamingCall, type handleUnaryCall, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { ManualClock } from '#base/clock.ts';
import { StreamOverflow } from '#base/result-stream.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { connectCri } from './client.ts';
import { dialTarget } from './connection.ts';
import type { CriClient } from './contract.ts';
import { deadlineOf } from './deadlines.ts';
import { codeName, CriError, isNotFound } from './errors.ts';
import { criCodec } from './schema.ts';

type Unary = handleUnaryCall<Buffer, Buffer>;
type Streaming = handleServerStreamingCall<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;

/** A gRPC server on a unix socket that answers some of the runtime's methods with bytes. */
class TestServer {
  readonly socket: string;
  /** Where gRPC really listens: `socket` passes everything on, and can be cut off as a crash does. */
  readonly #inner: string;
  readonly #open = new Set<Socket>();
  #front: NetServer | undefined;
  readonly #methods: { readonly name: string; readonly handler: Unary | Streaming; readonly streams: boolean }[] = [];
  #server = new Server();

  constructor(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'proa-cri-'));
    this.socket = join(folder, 'cri.sock');
    this.#inner = join(folder, 'inner.sock');
    t.after(() => {
      this.crash();
      rmSync(folder, { recursive: true });
    });
  }

  unary(name: string, handler: Unary): this {
    this.#methods.push({ name, handler, streams: false });
    return this;
  }

  stream(name: string, handler: Streaming): this {
    this.#methods.push({ name, handler, streams: true });
    return this;
  }

  async start(): Promise<void> {
    this.#server = new Server();
    const described = this.#methods.map(({ name, streams }) => [
      name,
      {
        path: `/runtime.v1.RuntimeService/${name}`,
        requestStream: false,
        responseStream: streams,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]);
    if (described.length > 0)
      this.#server.addService(Object.fromEntries(described), Object.fromEntries(this.#methods.map(({ name, handler }) => [name, handler])));
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix://${this.#inner}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#front = createServer((socket) => {
      const inner = connect(this.#inner);
      for (const end of [socket, inner]) {
        this.#open.add(end);
        end.on('error', () => end.destroy());
      }
      socket.pipe(inner).pipe(socket);
    });
    await once(this.#front.listen(this.socket), 'listening');
  }

  crash(): void {
    for (const socket of this.#open) socket.destroy();
    this.#open.clear();
    this.#front?.close();
    this.#server.forceShutdown();
  }
}

function message(type: string, value: unknown): Buffer {
  return criCodec.message(`runtime.v1.${type}`).encode(value) as Buffer;
}

const VERSION: Unary = (_call, answer) => answer(null, message('VersionResponse', { runtimeName: 'test' }));

async function connected(t: TestContext, server: TestServer, clock = new ManualClock()): Promise<CriClient> {
  await server.start();
  const cri = connectCri({ endpoint: `unix://${server.socket}`, clock, logger: silentLogger });
  t.after(() => cri.close());
  await cri.ready();
  return cri;
}

test('a call sends its request and fills the answer', async (t) => {
  let received: unknown;
  const server = new TestServer(t).unary('ListContainers', (call, answer) => {
    received = criCodec.message('runtime.v1.ListContainersRequest').decode(call.request);
    answer(null, message('ListContainersResponse', { containers: [{ id: 'a', createdAt: 1795249793031865070n }] }));
  });
  const cri = await connected(t, server);
  const { containers } = await cri.runtime.listContainers({ filter: { state: { state: 'CONTAINER_EXITED' } } });
  assert.deepEqual(received, { filter: { id: '', podSandboxId: '', labelSelector: {}, state: { state: 'CONTAINER_EXITED' } } });
  assert.deepEqual(containers, [
    {
      id: 'a',
      podSandboxId: '',
      imageRef: '',
      state: 'CONTAINER_CREATED',
      createdAt: 1795249793031865070n,
      labels: {},
      annotations: {},
      imageId: '',
    },
  ]);
});

test('a refusal becomes a CriError in the words Kubernetes shows', async (t) => {
  const server = new TestServer(t).unary('RemoveContainer', (_call, answer) =>
    answer({ code: status.NOT_FOUND, details: 'no such container' }),
  );
  const cri = await connected(t, server);
  await assert.rejects(cri.runtime.removeContainer({ containerId: 'x' }), (error) => {
    assert.ok(isNotFound(error));
    assert.equal(error.message, 'rpc error: code = NotFound desc = no such container');
    assert.deepEqual([error.code, error.details, error.method], ['NotFound', 'no such container', 'RemoveContainer']);
    return true;
  });
});

test('CriError shows the details alone where an image pull fails for an unknown reason', () => {
  const failure = { details: 'manifest unknown', method: 'PullImage' };
  assert.equal(new CriError({ ...failure, code: 'Unknown' }).message, 'manifest unknown');
  assert.equal(new CriError({ ...failure, code: 'NotFound' }).message, 'rpc error: code = NotFound desc = manifest unknown');
});

test('codeName knows all codes of gRPC and takes others for Unknown', () => {
  assert.deepEqual([0, 1, 4, 5, 12, 14, 16, 17, -1].map(codeName), [
    'OK',
    'Canceled',
    'DeadlineExceeded',
    'NotFound',
    'Unimplemented',
    'Unavailable',
    'Unauthenticated',
    'Unknown',
    'Unknown',
  ]);
});

test('a call ends at its deadline, at the runtime too', async (t) => {
  const clock = new ManualClock();
  const cancelled = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const server = new TestServer(t).unary('StopContainer', (call) => {
    call.on('cancelled', () => cancelled.resolve());
    arrived.resolve();
  });
  const cri = await connected(t, server, clock);
  const call = cri.runtime.stopContainer({ containerId: 'x', timeout: 30 });
  await arrived.promise;
  clock.advance(149_999);
  clock.advance(1);
  await assert.rejects(call, { code: 'DeadlineExceeded', message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded' });
  await cancelled.promise;
  assert.equal(clock.pending, 0);
});

test('a call that is answered leaves no timer', async (t) => {
  const clock = new ManualClock();
  const cri = await connected(t, new TestServer(t).unary('Version', VERSION), clock);
  await cri.runtime.version({});
  assert.equal(clock.pending, 0);
});

test('a call ends with the reason of its signal, at the runtime too', async (t) => {
  const cancelled = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const server = new TestServer(t).unary('ExecSync', (call) => {
    call.on('cancelled', () => cancelled.resolve());
    arrived.resolve();
  });
  const cri = await connected(t, server);
  const stop = new AbortController();
  const call = cri.runtime.execSync({ containerId: 'x', cmd: ['wait'] }, { signal: stop.signal });
  await arrived.promise;
  const reason = new Error('the pod is gone');
  stop.abort(reason);
  await assert.rejects(call, reason);
  await cancelled.promise;
  await assert.rejects(cri.runtime.version({}, { signal: stop.signal }), reason);
});

test('a malformed answer is an Internal CriError', async (t) => {
  const server = new TestServer(t).unary('Version', (_call, answer) => answer(null, Buffer.from([0x0a, 0x7f])));
  const cri = await connected(t, server);
  await assert.rejects(cri.runtime.version({}), {
    code: 'Internal',
    details: 'Version answered with a malformed message: length 127 runs past the end at byte 2',
  });
});

test('a request that does not fit its message is refused before it is sent', async (t) => {
  const cri = await connected(t, new TestServer(t));
  await assert.rejects(cri.runtime.stopContainer({ containerId: 'x', timeout: 1.5 }), { name: 'ProtobufEncodeError' });
});

test('an answer of more than 16 MiB is refused', async (t) => {
  const server = new TestServer(t).unary('Version', (_call, answer) =>
    answer(null, message('VersionResponse', { version: 'x'.repeat((16 << 20) + 1) })),
  );
  const cri = await connected(t, server);
  await assert.rejects(cri.runtime.version({}), { code: 'ResourceExhausted' });
});

function event(containerId: string): Buffer {
  return message('ContainerEventResponse', { containerId, containerEventType: 'CONTAINER_STOPPED_EVENT' });
}

test('getContainerEvents delivers what happens from the call on, and ends at the runtime when left', async (t) => {
  const cancelled = Promise.withResolvers<void>();
  const server = new TestServer(t).stream('GetContainerEvents', (call) => {
    call.on('cancelled', () => cancelled.resolve());
    for (const id of ['a', 'b', 'c']) call.write(event(id));
  });
  const cri = await connected(t, server);
  const seen: string[] = [];
  for await (const { containerId, containerEventType } of cri.runtime.getContainerEvents({})) {
    seen.push(`${containerId} ${containerEventType}`);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, ['a CONTAINER_STOPPED_EVENT', 'b CONTAINER_STOPPED_EVENT']);
  await cancelled.promise;
});

test('getContainerEvents ends as the runtime ends it', async (t) => {
  const server = new TestServer(t).stream('GetContainerEvents', (call) => {
    call.write(event('a'));
    call.end();
  });
  const cri = await connected(t, server);
  const seen: string[] = [];
  for await (const { containerId } of cri.runtime.getContainerEvents({})) seen.push(containerId);
  assert.deepEqual(seen, ['a']);
});

test('getContainerEvents throws when the runtime does not serve them, its message is bad, or the signal ends it', async (t) => {
  const server = new TestServer(t).stream('GetContainerEvents', (call) => call.write(Buffer.from([0xff])));
  const cri = await connected(t, server);
  await assert.rejects(cri.runtime.getContainerEvents({}).next(), { code: 'Internal' });
  await assert.rejects(cri.runtime.streamContainers({}).next(), { code: 'Unimplemented' });
  const stop = new AbortController();
  const stream = cri.runtime.getContainerEvents({}, { signal: stop.signal });
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(stream.next(), reason);
});

test('a reader of events that falls too far behind is cut off', async (t) => {
  const sent = Promise.withResolvers<void>();
  const server = new TestServer(t).stream('GetContainerEvents', (call) => {
    call.on('cancelled', () => sent.resolve());
    for (let i = 0; i < 10_100; i++) call.write(event(String(i)));
  });
  const cri = await connected(t, server);
  const stream = cri.runtime.getContainerEvents({});
  await sent.promise; // the client gave up, without a reader
  let read = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) read++;
  }, StreamOverflow);
  assert.equal(read, 10_000);
});

test('a runtime that goes away ends its streams; the client comes back with it', async (t) => {
  const server = new TestServer(t).unary('Version', VERSION).stream('GetContainerEvents', (call) => call.write(event('a')));
  const cri = await connected(t, server);
  const stream = cri.runtime.getContainerEvents({});
  assert.equal((await stream.next()).value?.containerId, 'a');
  server.crash();
  await assert.rejects(stream.next(), { code: 'Unavailable' });
  await server.start();
  await cri.ready();
  assert.equal((await cri.runtime.version({})).runtimeName, 'test');
});

test('a client without a runtime says so at once, again and again, and connects when there is one', async (t) => {
  const server = new TestServer(t).unary('Version', VERSION);
  const lines: string[] = [];
  const logger = createLogger((_level, line) => lines.push(line));
  const cri = connectCri({ endpoint: server.socket, clock: new ManualClock(), logger });
  t.after(() => cri.close());
  await new Promise<void>((resolve) => {
    cri.onStateChange((state) => {
      if (state === 'unavailable') resolve();
    });
  });
  await assert.rejects(cri.runtime.version({}), { code: 'Unavailable', message: /ENOENT/ });
  await server.start();
  await cri.ready();
  await cri.runtime.version({});
  assert.equal(lines.at(-1), 'container runtime ready');
});

test('ready ends with the reason of its signal', async (t) => {
  const cri = connectCri({ endpoint: '/no/such/socket', clock: new ManualClock(), logger: silentLogger });
  t.after(() => cri.close());
  const stop = new AbortController();
  const ready = cri.ready(stop.signal);
  const reason = new Error('shutting down');
  stop.abort(reason);
  await assert.rejects(ready, reason);
  await assert.rejects(cri.ready(stop.signal), reason);
});

test('close ends running calls and refuses later ones', async (t) => {
  const arrived = Promise.withResolvers<void>();
  const server = new TestServer(t).unary('Version', () => arrived.resolve());
  const cri = await connected(t, server);
  const running = cri.runtime.version({});
  await arrived.promise;
  cri.close();
  await assert.rejects(running, { name: 'CriError', code: 'Canceled' });
  await assert.rejects(cri.runtime.version({}), { code: 'Unavailable' });
  assert.throws(() => cri.runtime.getContainerEvents({}), { code: 'Unavailable' });
  assert.equal(cri.state, 'closed');
});

for (const [method, request, ms] of [
  ['Version', {}, 120_000],
  ['RunPodSandbox', {}, 240_000],
  ['StopContainer', { timeout: 30 }, 150_000],
  ['StopContainer', { timeout: 0 }, 120_000],
  ['ExecSync', { timeout: 5 }, 125_000],
  ['ExecSync', { timeout: 0 }, Infinity],
  ['CheckpointContainer', { timeout: 300 }, 300_000],
  ['CheckpointContainer', {}, 120_000],
  ['PullImage', {}, Infinity],
  ['GetContainerEvents', {}, Infinity],
] as const) {
  test(`deadlineOf gives ${method} ${JSON.stringify(request)} ${ms} milliseconds`, () => assert.equal(deadlineOf(method, request), ms));
}

test('dialTarget takes unix sockets and refuses the rest', () => {
  assert.equal(dialTarget('unix:///run/a.sock'), 'unix:///run/a.sock');
  assert.equal(dialTarget('/run/a.sock'), 'unix:///run/a.sock');
  for (const endpoint of ['', 'tcp://127.0.0.1:1', 'run/a.sock', 'unix://a.sock']) assert.throws(() => dialTarget(endpoint), RangeError);
});
