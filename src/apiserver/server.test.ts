import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import type { WireStatus } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { ALLOW, NO_OPINION, type AuthorizationAttributes } from './authorization/contract.ts';
import { MaxInFlight } from './stages/flow-control.ts';
import { ADMIN, startTestServer } from './testing.ts';
import { http1, http2, http2Session, json, text } from './testing/http.ts';
import { MemoryStore } from './testing/memory-store.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const body = (name: string): string => JSON.stringify({ metadata: { name } });

test('a stopping server fails readyz, ends watches, finishes what is under way, and closes', async () => {
  let entered!: () => void;
  let release!: () => void;
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: () => ({
      admission: {
        mutating: [],
        validating: [
          {
            name: 'Gate',
            operations: ['CREATE'],
            validate: async () => {
              entered();
              await gate;
            },
          },
        ],
      },
    }),
  });
  const session = http2Session(server);
  const watch = session.request({ ':path': `${CONFIG_MAPS}?watch=true` });
  await once(watch, 'response');
  const watchEnded = once(watch.resume(), 'end');
  const writing = http2(session, CONFIG_MAPS, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body('a') });
  await inside;
  const ready = http2Session(server);
  await once(ready, 'connect');
  const stopping = server.stop();
  await watchEnded;
  release();
  assert.equal((await writing).status, 201, 'what was begun is finished');
  await stopping;
  await assert.rejects(http1(server, '/livez'), 'nobody listens any more');
  session.destroy();
  ready.destroy();
});

test('a server takes new certificates without a restart', async () => {
  const server = await startTestServer({ store: new MemoryStore(systemClock) });
  const peer = async (servername: string): Promise<string> => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.server.address?.port as number,
      ca: server.authority.certificate,
      servername,
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const first = await peer('localhost');
  const next = await server.authority.serving({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const named = await server.authority.serving({ dns: ['special.example.com'], ip: [] });
  server.server.reloadTls({ serving: next, byName: { 'special.example.com': named }, clientCa: server.authority.certificate });
  const second = await peer('localhost');
  assert.notEqual(second, first);
  assert.notEqual(await peer('special.example.com'), second);
  assert.equal((await http1(server, CONFIG_MAPS)).status, 200, 'client certificates are still known');
  await server.stop();
});

test('no connection resumes another: each shows its certificate anew', async () => {
  const server = await startTestServer({ store: new MemoryStore(systemClock) });
  const options = {
    host: '127.0.0.1',
    port: server.server.address?.port as number,
    ca: server.authority.certificate,
    cert: server.admin.certificate,
    key: server.admin.key,
  };
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = connectTls({ ...options, maxVersion });
    let session: Buffer | undefined;
    first.on('session', (given: Buffer) => (session = given));
    first.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await once(first.resume(), 'end');
    session ??= first.getSession();
    const second = connectTls({ ...options, maxVersion, ...(session === undefined ? {} : { session }) });
    await once(second, 'secureConnect');
    assert.equal(second.isSessionReused(), false, maxVersion);
    second.destroy();
  }
  await server.stop();
});

test('a request that takes too long is answered with 504', async () => {
  const clock = new ManualClock();
  const server = await startTestServer({
    clock,
    store: new MemoryStore(clock),
    parts: () => ({
      admission: { mutating: [], validating: [{ name: 'Never', operations: ['CREATE'], validate: () => new Promise<void>(() => {}) }] },
    }),
    options: { anonymous: true },
  });
  const session = http2Session(server);
  const writing = http2(session, CONFIG_MAPS, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body('a') });
  // The deadline is armed when the request arrives, which nobody can await: a second answered request shows that it did.
  await http2(session, '/livez');
  clock.advance(60_001);
  const answer = await writing;
  assert.equal(answer.status, 504);
  assert.equal(json<WireStatus>(answer).message, 'Timeout: request did not complete within the allotted timeout');
  const bad = json<WireStatus>(await http2(session, `${CONFIG_MAPS}?timeout=soon`));
  assert.deepEqual([bad.code, bad.message], [400, 'invalid timeout specified in the request URL - time: invalid duration "soon"']);
  session.close();
  const stopping = server.stop();
  await Promise.resolve();
  clock.advance(10_000);
  await stopping;
});

test('overload is refused early, but not for whoever may do everything', async () => {
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: () => ({ flowControl: new MaxInFlight({ maxReads: 0, maxWrites: 0 }), authorizer: { authorize: () => ALLOW } }),
  });
  const refused = await http1(server, CONFIG_MAPS, { as: 'nobody' });
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1']);
  assert.equal(text(refused), 'Too many requests, please try again later.\n');
  assert.equal((await http1(server, `${CONFIG_MAPS}?watch=true&timeoutSeconds=1`, { as: 'nobody' })).status, 200, 'a watch holds no seat');
  assert.equal((await http1(server, CONFIG_MAPS)).status, 200);
  await server.stop();
});

test('a request on behalf of somebody goes on as that user', async () => {
  const asked: AuthorizationAttributes[] = [];
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: () => ({
      authorizer: {
        authorize: (attributes) => {
          asked.push(attributes);
          return attributes.verb === 'impersonate' || attributes.user.name === 'jane' ? ALLOW : NO_OPINION;
        },
      },
    }),
  });
  const as = { 'impersonate-user': 'jane', 'impersonate-group': 'dev' };
  const review = await http1(server, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    headers: { ...as, 'content-type': 'application/json' },
    body: '{}',
  });
  assert.deepEqual(json<{ status: unknown }>(review).status, { userInfo: { username: 'jane', groups: ['dev', 'system:authenticated'] } });
  await server.stop();
});

test('without anonymous users, no credentials are no access', async () => {
  const server = await startTestServer({ store: new MemoryStore(systemClock), options: { anonymous: false } });
  const status = json<WireStatus>(await http1(server, '/version', { as: 'nobody' }));
  assert.deepEqual([status.code, status.reason, status.message], [401, 'Unauthorized', 'Unauthorized']);
  await server.stop();
});

test('what is no HTTP, or never ends, does not hold a server up', async () => {
  const lines: string[] = [];
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    logger: createLogger((level, message) => void lines.push(`${level} ${message}`)),
  });
  const { port } = server.server.address as { port: number };
  const say = async (words: string): Promise<string> => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: server.authority.certificate, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    socket.write(words);
    let heard = '';
    try {
      for await (const chunk of socket) heard += (chunk as Buffer).toString();
    } catch (error) {
      // What the server did not read resets the connection, perhaps before its answer was seen.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
    return heard;
  };
  assert.match(await say('\x16\x03\x01garbage\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request/);
  assert.match(await say(`GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(2 << 20)}\r\n\r\n`), /^(?:HTTP\/1\.1 431 |$)/);
  assert.equal(text(await http1(server, '/livez')), 'ok');
  assert.ok(
    lines.every((line) => !line.startsWith('error')),
    lines.join('\n'),
  );
  await server.stop();
});

test('loopback answers with the stored object itself', async () => {
  const server = await startTestServer({ store: new MemoryStore(systemClock) });
  const client = createClient(server.server.loopback(ADMIN));
  await client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
  const [one, two] = [
    await client.get(configmaps, { name: 'a', namespace: 'default' }),
    await client.get(configmaps, { name: 'a', namespace: 'default' }),
  ];
  assert.equal(one, two);
  assert.equal((await client.list(configmaps, { namespace: 'default' })).items[0], one);
  assert.equal(server.server.reader.get(configmaps, 'a', 'default'), one);
  await server.stop();
});

test('a stopping server serves on while balancers notice, then turns new requests away and finishes old ones', async () => {
  const clock = new ManualClock();
  const [inside, enter] = signal();
  const [gate, release] = signal();
  const gated = { name: 'Gate', operations: ['CREATE' as const], validate: (): Promise<void> => (enter(), gate) };
  const server = await startTestServer({
    clock,
    store: new MemoryStore(clock),
    parts: () => ({ admission: { mutating: [], validating: [gated] } }),
    options: { shutdown: { delayMs: 10_000, sendRetryAfter: true } },
  });
  const session = http2Session(server);
  const writing = http2(session, CONFIG_MAPS, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body('a') });
  await inside;
  const stopping = server.server.stop();
  assert.match(text(await http2(session, '/readyz')), /^\[-\]shutdown failed: reason withheld$/m);
  assert.equal((await http2(session, '/livez')).status, 200);
  assert.equal((await http2(session, CONFIG_MAPS)).status, 200, 'it serves on');

  clock.advance(10_000);
  await new Promise(setImmediate);
  const turnedAway = await http2(session, CONFIG_MAPS);
  assert.deepEqual([turnedAway.status, turnedAway.headers['retry-after']], [429, '5']);
  assert.equal((await http2(session, '/livez')).status, 200, 'probes are answered to the end');
  release();
  assert.equal((await writing).status, 201, 'what was begun is finished');
  await stopping;
  session.destroy();
  await server.stop();
});

test('metrics count who came in, what was allowed and what is streaming; profiles are off unless asked for', async (t) => {
  const server = await startTestServer({ options: { profiling: true, eventTtlSeconds: 60 } });
  t.after(() => server.stop());
  const session = http2Session(server);
  t.after(() => session.destroy());
  const watch = session.request({ ':path': `${CONFIG_MAPS}?watch=true` });
  await once(watch, 'response');
  const sent = once(watch, 'data');
  await http2(session, CONFIG_MAPS, {
    method: 'POST',
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted' } }),
    headers: { 'content-type': 'application/json' },
  });
  await sent;
  await http2(session, `${CONFIG_MAPS}/counted?dryRun=All`, { method: 'DELETE' });
  await http2(session, `${CONFIG_MAPS}/counted`);
  await http2(session, '/api/v1/namespaces/default/endpoints/none');
  const metrics = text(await http2(session, '/metrics'));
  for (const expected of [
    /^apiserver_request_total\{code="200",component="apiserver",dry_run="All",.*verb="DELETE"/m,
    /^apiserver_request_sli_duration_seconds_count\{.*resource="configmaps",.*verb="POST",.*\} 1$/m,
    /^apiserver_response_sizes_bucket\{.*resource="configmaps",.*verb="GET",version="v1",le="1000"\} 1$/m,
    /^apiserver_watch_events_total\{group="",resource="configmaps",version="v1"\} 1$/m,
    /^kubernetes_build_info\{build_date=.*,git_version="v1\.36\.0\+proa",.*,major="1",minor="36",platform=.*\} 1$/m,
    /^apiserver_watch_events_sizes_count\{group="",resource="configmaps",version="v1"\} 1$/m,
    /^etcd_requests_total\{group="",operation="create",resource="configmaps"\} 1$/m,
    /^etcd_request_duration_seconds_count\{group="",operation="create",resource="configmaps"\} 1$/m,
    /^apiserver_resource_objects\{group="",resource="configmaps"\} 1$/m,
    /^apiserver_requested_deprecated_apis\{group="",removed_release="",resource="endpoints",subresource="",version="v1"\} 1$/m,
    /^apiserver_storage_size_bytes\{storage_cluster_id="etcd-0"\} \d/m,
    /^authentication_duration_seconds_count\{result="success"\} [1-9]/m,
    /^authorization_duration_seconds_count\{result="allowed"\} [1-9]/m,
    /^authenticated_user_requests\{username="(admin|other)"\} [1-9]/m,
  ]) {
    assert.match(metrics, expected);
  }
  assert.match(metrics, /^authentication_attempts\{result="success"\} [1-9]/m);
  assert.match(metrics, /^authorization_attempts_total\{result="allowed"\} [1-9]/m);
  assert.match(metrics, /^apiserver_longrunning_requests\{.*resource="configmaps",scope="namespace",.*verb="WATCH".*\} 1$/m);
  const profile = json<{ readonly nodes: readonly unknown[] }>(await http2(session, '/debug/pprof/profile?seconds=0.01'));
  assert.ok(profile.nodes.length > 0);
  const plain = await startTestServer();
  t.after(() => plain.stop());
  assert.equal((await http1(plain, '/debug/pprof/profile')).status, 404);
});

function signal(): readonly [Promise<void>, () => void] {
  const { promise, resolve } = Promise.withResolvers<void>();
  return [promise, resolve];
}
