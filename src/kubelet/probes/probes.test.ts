import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import type { Probe } from '#api/types.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { container } from '../testing/pods.ts';
import { execProbe } from './exec.ts';
import { grpcProbe } from './grpc.ts';
import { httpGet, httpProbe, type HttpTarget } from './http.ts';
import { httpTarget, PortError, portOf } from './target.ts';
import { tcpProbe } from './tcp.ts';
import { look, NEW_PROBE, record, type ProbedContainer, type ProbeState, type ProbeType } from './worker-plan.ts';

async function listening<
  S extends {
    listen(port: number, host: string): S;
    address(): AddressInfo | string | null;
    once(event: 'listening', on: () => void): unknown;
    close(): unknown;
  },
>(t: TestContext, server: S): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => void server.once('listening', resolve));
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function http(t: TestContext, answer: RequestListener): Promise<number> {
  const server: Server = createHttpServer(answer);
  const port = await listening(t, server);
  t.after(() => server.closeAllConnections());
  return port;
}

const target = (port: number, more: Partial<HttpTarget> = {}): HttpTarget => ({
  scheme: 'http',
  host: '127.0.0.1',
  port,
  path: '/',
  headers: [],
  ...more,
});
const ask = (to: HttpTarget, timeoutMs = 5000): ReturnType<typeof httpProbe> =>
  httpProbe({ target: to, userAgent: 'kube-probe/1.36', timeoutMs, clock: systemClock });

for (const [status, kind, output] of [
  [200, 'success', 'body'],
  [299, 'success', 'body'],
  [302, 'warning', 'Probe terminated redirects, Response body: body'],
  [400, 'failure', 'HTTP probe failed with statuscode: 400'],
  [500, 'failure', 'HTTP probe failed with statuscode: 500'],
] as const) {
  test(`httpProbe takes status ${status} for a ${kind}`, async (t) => {
    const port = await http(t, (_request, response) => void response.writeHead(status).end('body'));
    assert.deepEqual(await ask(target(port)), { kind, output });
  });
}

test('httpProbe follows redirects to the same host, and no others', async (t) => {
  const port = await http(t, (request, response) => {
    if (request.url === '/there') response.end('arrived');
    else response.writeHead(302, { location: request.url === '/away' ? 'http://192.0.2.1/' : '/there' }).end();
  });
  assert.deepEqual(await ask(target(port)), { kind: 'success', output: 'arrived' });
  assert.equal((await ask(target(port, { path: '/away' }))).kind, 'warning');
});

test('httpProbe gives up after ten redirects', async (t) => {
  const port = await http(t, (_request, response) => void response.writeHead(302, { location: '/again' }).end());
  const result = await ask(target(port));
  assert.ok(result.kind === 'failure' && result.output.endsWith('stopped after 10 redirects'));
});

test('httpProbe sends its user agent, and headers of the probe in their place', async (t) => {
  const got: string[] = [];
  const port = await http(t, (request, response) => {
    got.push(`${request.headers['user-agent']} ${request.headers.accept} ${request.headers.host} ${request.headers['x-a'] ?? ''}`);
    response.end();
  });
  await ask(target(port));
  await ask(
    target(port, {
      headers: [
        { name: 'user-agent', value: 'mine' },
        { name: 'Host', value: 'example.com' },
        { name: 'X-A', value: '1' },
        { name: 'x-a', value: '2' },
        { name: 'Accept', value: '' },
      ],
    }),
  );
  assert.deepEqual(got, [`kube-probe/1.36 */* 127.0.0.1:${port} `, 'mine undefined example.com 1, 2']);
});

test('httpProbe tells of a refused connection and of a timeout as Go does', async (t) => {
  const closed = await new Promise<number>((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
  assert.deepEqual(await ask(target(closed)), {
    kind: 'failure',
    output: `Get "http://127.0.0.1:${closed}/": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  });
  assert.deepEqual(await tcpProbe('127.0.0.1', closed, 1000, systemClock), {
    kind: 'failure',
    output: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  });

  const port = await http(t, () => {});
  const clock = new ManualClock();
  const slow = httpGet({ target: target(port), userAgent: '', timeoutMs: 1000, clock });
  clock.advance(1000);
  await assert.rejects(slow, {
    message: `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
});

test('tcpProbe succeeds when somebody listens', async (t) => {
  const port = await listening(
    t,
    createTcpServer((socket) => socket.destroy()),
  );
  assert.deepEqual(await tcpProbe('127.0.0.1', port, 1000, systemClock), { kind: 'success', output: '' });
});

for (const [code, kind, output] of [
  [1, 'success', 'service healthy'],
  [2, 'failure', 'service unhealthy (responded with "NOT_SERVING")'],
  [3, 'failure', 'service unhealthy (responded with "SERVICE_UNKNOWN")'],
] as const) {
  test(`grpcProbe takes health ${code} for a ${kind}`, async (t) => {
    const server = createHttp2Server();
    server.on('stream', (stream: ServerHttp2Stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        assert.equal(Buffer.concat(chunks).subarray(7).toString(), 'web');
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, code]));
      });
    });
    const port = await listening(t, server);
    const call = { host: '127.0.0.1', port, service: 'web', timeoutMs: 5000, userAgent: 'kube-probe/1.36', now: systemClock.now() };
    assert.deepEqual(await grpcProbe(call), { kind, output });
  });
}

for (const [code, said, output] of [
  [12, 'unknown service', 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service'],
  [5, 'no such service', 'error: health rpc probe failed: rpc error: code = NotFound desc = no such service'],
] as const) {
  test(`grpcProbe tells of a server that answers with ${code}`, async (t) => {
    const server = createHttp2Server();
    server.on('stream', (stream: ServerHttp2Stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code), 'grpc-message': said },
        { endStream: true },
      ),
    );
    const port = await listening(t, server);
    const result = await grpcProbe({ host: '127.0.0.1', port, service: '', timeoutMs: 5000, userAgent: '', now: systemClock.now() });
    assert.deepEqual(result, { kind: 'failure', output });
  });
}

test('grpcProbe fails when nobody listens until its time is over', async () => {
  const call = { host: '127.0.0.1', port: 1, service: '', timeoutMs: 50, userAgent: '', now: systemClock.now() };
  const output = 'timeout: failed to connect service "127.0.0.1:1" within 50ms: context deadline exceeded';
  assert.deepEqual(await grpcProbe(call), { kind: 'failure', output });
});

test('execProbe follows the exit code, and keeps what a command said', async () => {
  const runtime = new FakeRuntime();
  runtime.addImage('example.test/programs:1');
  const { podSandboxId } = await runtime.runtime.runPodSandbox({ config: { metadata: { name: 'p', namespace: 'd', uid: 'u' } } });
  const { containerId } = await runtime.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: 'app' }, image: { image: 'example.test/programs:1' } },
  });
  await runtime.runtime.startContainer({ containerId });
  runtime.behave('app', { exec: ([command]) => ({ exitCode: command === 'ok' ? 0 : 1, stdout: 'out', stderr: 'err' }) });
  assert.deepEqual(await execProbe(runtime.runtime, containerId, ['ok'], 1), { kind: 'success', output: 'outerr' });
  assert.deepEqual(await execProbe(runtime.runtime, containerId, ['no'], 1), { kind: 'failure', output: 'outerr' });
  assert.equal((await execProbe(runtime.runtime, 'none', ['ok'], 1)).kind, 'unknown');
});

test('portOf finds named ports and refuses what is none', () => {
  const spec = container('app', { ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] });
  assert.deepEqual([portOf(80, spec), portOf('http', spec), portOf('81', spec)], [80, 8080, 81]);
  assert.throws(() => portOf('none', spec), PortError);
  assert.throws(() => portOf(0, spec), PortError);
  assert.equal(httpTarget({ path: '/x?y', port: 'http', scheme: 'HTTPS' }, spec, '10.0.0.1').host, '10.0.0.1');
});

const spec = (more: Partial<Probe> = {}): Probe => ({
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  ...more,
});
const view: ProbedContainer = { containerID: 'c1', running: true, startedAt: 1000, started: true };
const looking = (
  type: ProbeType,
  container_: ProbedContainer | undefined,
  more: { now?: number; monotonic?: number; deleting?: boolean; spec?: Probe; state?: ProbeState } = {},
): ReturnType<typeof look> =>
  look(more.state ?? NEW_PROBE, {
    type,
    spec: more.spec ?? spec(),
    container: container_,
    deleting: more.deleting ?? false,
    now: more.now ?? 100_000,
    monotonic: more.monotonic ?? 0,
  });

test('look waits for the initial delay alone, however the clock is set meanwhile', () => {
  const HOUR_MS = 3_600_000;
  const delayed = { spec: spec({ initialDelaySeconds: 5 }) };
  const after = (state: ProbeState, monotonic: number, now: number) =>
    looking('Liveness', view, { ...delayed, state, monotonic, now }).next;
  // Seen two seconds after it started, by a clock that is right.
  const { state, next } = looking('Liveness', view, { ...delayed, monotonic: 50_000, now: 3_000 });
  assert.deepEqual(next, { kind: 'wait', ms: 3_000 });
  for (const setMs of [HOUR_MS, 0, -HOUR_MS]) {
    assert.deepEqual(after(state, 51_000, 4_000 + setMs), { kind: 'wait', ms: 2_000 });
    assert.deepEqual(after(state, 53_000, 6_000 + setMs), { kind: 'probe' });
  }
  // Seen first after the clock was set back: it starts in the future.
  const late = looking('Liveness', view, { ...delayed, monotonic: 50_000, now: 3_000 - HOUR_MS });
  assert.deepEqual(late.next, { kind: 'wait', ms: 5_000 });
  assert.deepEqual(after(late.state, 55_000, 8_000 - HOUR_MS), { kind: 'probe' });
});

for (const c of [
  { name: 'waits for a container', got: looking('Readiness', undefined), next: { kind: 'idle' }, verdict: 'unknown' },
  { name: 'probes one that runs', got: looking('Readiness', view), next: { kind: 'probe' }, verdict: 'failure' },
  { name: 'takes a container for alive at first', got: looking('Liveness', view), next: { kind: 'probe' }, verdict: 'success' },
  {
    name: 'waits for the initial delay',
    got: looking('Liveness', view, { now: 3000, spec: spec({ initialDelaySeconds: 5 }) }),
    next: { kind: 'wait', ms: 3000 },
    verdict: 'success',
  },
  {
    name: 'fails one that does not run',
    got: looking('Liveness', { ...view, running: false }),
    next: { kind: 'idle' },
    verdict: 'failure',
  },
  {
    name: 'leaves liveness alone until the container has started',
    got: looking('Liveness', { ...view, started: false }),
    next: { kind: 'idle' },
    verdict: 'success',
  },
  {
    name: 'asks for startup until then',
    got: looking('Startup', { ...view, started: false }),
    next: { kind: 'probe' },
    verdict: 'unknown',
  },
  { name: 'asks for startup no more after', got: looking('Startup', view), next: { kind: 'idle' }, verdict: 'unknown' },
  {
    name: 'stops liveness of a pod being deleted',
    got: looking('Liveness', view, { deleting: true }),
    next: { kind: 'idle' },
    verdict: 'success',
  },
  {
    name: 'goes on with readiness of a pod being deleted',
    got: looking('Readiness', view, { deleting: true }),
    next: { kind: 'probe' },
    verdict: 'failure',
  },
] as const) {
  test(`look ${c.name}`, () => assert.deepEqual([c.got.next, c.got.state.verdict], [c.next, c.verdict]));
}

test('record changes the verdict only when a threshold is reached', () => {
  const start = looking('Readiness', view).state;
  const probe = spec({ successThreshold: 2, failureThreshold: 3 });
  const verdicts = (results: readonly ('success' | 'failure')[]): string => {
    let state = start;
    return results
      .map((result) => {
        state = record(state, 'Readiness', probe, result);
        return state.verdict[0];
      })
      .join('');
  };
  assert.equal(verdicts(['success', 'success', 'failure', 'failure', 'failure', 'success', 'success']), 'fsssffs');
  assert.equal(verdicts(['success', 'failure', 'success', 'success']), 'fffs');
});

test('record holds a failed liveness probe back until there is another container', () => {
  const once = spec({ failureThreshold: 1 });
  const failed = record(looking('Liveness', view).state, 'Liveness', once, 'failure');
  assert.deepEqual([failed.verdict, failed.onHold], ['failure', true]);
  assert.deepEqual(looking('Liveness', view, { state: failed }).next, { kind: 'idle' });
  const next = looking('Liveness', { ...view, containerID: 'c2' }, { state: failed });
  assert.deepEqual([next.next, next.state.verdict], [{ kind: 'probe' }, 'success']);
});
