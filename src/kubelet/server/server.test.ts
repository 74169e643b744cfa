import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { createLogger, type Logger, silentLogger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { apiAccess } from './api-access.ts';
import { nodeAttributes } from './attributes.ts';
import { LogUnavailable, type Access, type KubeletHost } from './contract.ts';
import type { Subject } from '../stats/cadvisor.ts';
import { exposition } from './metrics/exposition.ts';
import { matchPath } from './paths.ts';
import { createKubeletServer, type KubeletServer } from './server.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { eventually } from '#test/harness/eventually.ts';
import { testAuthority } from './testing/certificates.ts';
import { fakeHost, openAccess, testPod } from './testing/fake-host.ts';

for (const c of [
  { method: 'GET', path: '/pods', is: ['get pods', 'get proxy'] },
  { method: 'GET', path: '/runningpods/', is: ['get pods', 'get proxy'] },
  { method: 'GET', path: '/healthz/ping', is: ['get healthz', 'get proxy'] },
  { method: 'GET', path: '/configz', is: ['get configz', 'get proxy'] },
  { method: 'GET', path: '/stats/summary', is: ['get stats'] },
  { method: 'GET', path: '/metrics/cadvisor', is: ['get metrics'] },
  { method: 'GET', path: '/metricsx', is: ['get proxy'] },
  { method: 'GET', path: '/logs/syslog', is: ['get log'] },
  { method: 'POST', path: '/checkpoint/a/b/c', is: ['create checkpoint'] },
  { method: 'POST', path: '/exec/a/b/c', is: ['create proxy'] },
]) {
  test(`nodeAttributes of ${c.method} ${c.path}`, () => {
    assert.deepEqual(
      nodeAttributes(c.method, c.path).map(({ verb, subresource }) => `${verb} ${subresource}`),
      c.is,
    );
  });
}

for (const c of [
  { form: '/a/{b}/{c}', path: '/a/x/y%20z', is: { b: 'x', c: 'y z' } },
  { form: '/a/{b}', path: '/a/x/', is: { b: 'x' } },
  { form: '/a/{b}', path: '/a/', is: undefined },
  { form: '/a/{b}', path: '/a/x/y', is: undefined },
  { form: '/a/{b}', path: '/a/%E0%A4%A', is: undefined },
]) {
  test(`matchPath of ${c.path} in ${c.form}`, () => assert.deepEqual(matchPath(c.form, c.path), c.is));
}

test('exposition escapes labels and says when a figure was measured', () => {
  const written = exposition([
    { name: 'a', help: 'A.', type: 'gauge', samples: [{ labels: { x: 'q"\\\n' }, value: 1.5, at: 7 }] },
    { name: 'b', help: 'B.', type: 'counter', samples: [] },
  ]);
  assert.equal(written, '# HELP a A.\n# TYPE a gauge\na{x="q\\"\\\\\\n"} 1.5 7\n');
});

const authority = await testAuthority();
const serving = await authority.issue('node');
const client = await authority.issue('someone', ['team', 'others']);
const stranger = await (await testAuthority()).issue('someone');

async function serve(
  t: TestContext,
  { host = fakeHost({}), access = openAccess, logger = silentLogger }: { host?: KubeletHost; access?: Access; logger?: Logger } = {},
): Promise<{ port: number; server: KubeletServer }> {
  const server = createKubeletServer({
    host,
    access,
    tls: () => ({ ...serving, clientCa: authority.certificate }),
    address: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    logger,
  });
  t.after(() => server.stop());
  return { port: await server.start(), server };
}

interface Answer {
  readonly code: number;
  readonly body: string;
}

async function ask(port: number, path: string, more: RequestOptions = {}): Promise<Answer> {
  const who = more.headers !== undefined && 'authorization' in more.headers ? {} : { cert: client.certificate, key: client.key };
  const asked = request({ host: '127.0.0.1', port, path, ca: authority.certificate, ...who, agent: false, ...more });
  asked.end();
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  const upgraded = once(asked, 'upgrade').then(() => assert.fail('upgraded'));
  upgraded.catch(() => {});
  const [answer] = await Promise.race([answered, upgraded]);
  return { code: answer.statusCode ?? 0, body: await text(answer) };
}

test('a certificate of another authority, and no proof at all, are refused', async (t) => {
  const { port } = await serve(t);
  const refused = { code: 401, body: 'Unauthorized' };
  assert.deepEqual(await ask(port, '/pods', { cert: stranger.certificate, key: stranger.key }), refused);
  assert.deepEqual(await ask(port, '/pods', { headers: { authorization: 'Bearer unknown' } }), refused);
  assert.deepEqual(await ask(port, '/pods', { headers: { authorization: 'Basic eDp5' } }), refused);
});

test('users are who their certificate or token says, and what they may is asked for', async (t) => {
  const asked: unknown[] = [];
  const access: Access = {
    ...openAccess,
    allows: (user, attributes) => {
      asked.push([user.name, user.groups, attributes.verb, attributes.subresource]);
      return Promise.resolve(attributes.subresource === 'proxy');
    },
  };
  const { port } = await serve(t, { access });
  assert.equal((await ask(port, '/pods')).code, 200);
  assert.deepEqual(await ask(port, '/stats/summary', { headers: { authorization: 'Bearer known' } }), {
    code: 403,
    body: 'Forbidden (user=token-user, verb=get, resource=nodes, subresource(s)=[stats])\n',
  });
  assert.deepEqual(asked, [
    ['someone', ['team', 'others', 'system:authenticated'], 'get', 'pods'],
    ['someone', ['team', 'others', 'system:authenticated'], 'get', 'proxy'],
    ['token-user', ['system:authenticated'], 'get', 'stats'],
  ]);
});

test('upgrades are refused as requests are', async (t) => {
  const { port } = await serve(t, { access: { ...openAccess, allows: () => Promise.resolve(false) } });
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };
  assert.equal((await ask(port, '/exec/default/web/app?output=1', { method: 'POST', headers })).code, 403);
});

const noLog = fakeHost({
  log: () => Promise.reject(new LogUnavailable('container "app" in pod "web" is waiting to start: ContainerCreating')),
});
const UPGRADE = { method: 'POST', headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' } };
for (const c of [
  { path: '/nothing', code: 404, body: '404 page not found\n' },
  { path: '/pods', more: { method: 'POST' }, code: 405, body: 'Method Not Allowed' },
  { path: '/healthz', code: 200, body: 'ok' },
  { path: '/healthz?verbose', code: 200, body: '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n' },
  { path: '/containerLogs/default/other/app', code: 404, body: 'pod "other" does not exist' },
  { path: '/containerLogs/default/web/other', code: 404, body: 'container "other" not found in pod "web"' },
  { path: '/containerLogs/default/web/app', code: 400, body: 'container "app" in pod "web" is waiting to start: ContainerCreating' },
  { path: '/containerLogs/default/web/app?tailLines=-1', code: 422, body: '{"message": "Invalid request."}' },
  { path: '/exec/default/web/app?output=1', code: 500, body: 'Upgrade request required\n' },
  { path: '/exec/default/web/app', more: UPGRADE, code: 400, body: 'you must specify at least 1 of stdin, stdout, stderr' },
  { path: '/exec/default/other/app?output=1', more: UPGRADE, code: 404, body: 'pod does not exist' },
  { path: '/exec/default/web/app?output=1', more: UPGRADE, code: 500, body: 'container not found ("app")' },
  { path: '/attach/default/web/app?output=1', more: UPGRADE, code: 500, body: 'container app not found in pod web_default' },
  { path: '/portForward/default/web/another', more: UPGRADE, code: 404, body: 'pod not found' },
  { path: '/portForward/default/web', more: UPGRADE, code: 500, body: 'failed to find sandboxID for pod web_default(uid-of-web)' },
]) {
  test(`${c.more?.method ?? 'GET'} ${c.path} is answered with ${c.code} ${c.body.trim()}`, async (t) => {
    const { port } = await serve(t, { host: noLog });
    assert.deepEqual(await ask(port, c.path, c.more), { code: c.code, body: c.body });
  });
}

test('the log tells where an error began only of those that nobody foresaw', async (t) => {
  const lines: unknown[] = [];
  const logger = createLogger((level, message, { path, reason, error }) => lines.push([level, message, path, reason ?? error]));
  const bug = new TypeError('no such thing');
  const host = fakeHost({ log: () => Promise.reject(bug) });
  const { port } = await serve(t, { host, logger });
  lines.length = 0;
  await ask(port, '/exec/default/other/app?output=1', UPGRADE);
  await ask(port, '/exec/default/web/app?output=1', UPGRADE);
  await ask(port, '/containerLogs/default/web/app');
  assert.deepEqual(lines, [
    ['debug', 'refused', '/exec/default/other/app', 'pod does not exist'],
    ['warn', 'request failed', '/exec/default/web/app', 'container not found ("app")'],
    ['warn', 'request failed', '/containerLogs/default/web/app', bug],
  ]);
});

const TIME = '2026-01-01T00:00:00Z';
const FIGURES = {
  node: { nodeName: 'node', startTime: TIME, cpu: { time: TIME, usageCoreNanoSeconds: 5e9 } },
  pods: [
    {
      podRef: { name: 'web', namespace: 'default', uid: 'uid-of-web' },
      startTime: TIME,
      containers: [
        { name: 'app', startTime: TIME, cpu: { time: TIME, usageCoreNanoSeconds: 25e8 }, memory: { time: TIME, workingSetBytes: 4096 } },
      ],
      network: { time: TIME, name: 'eth0', interfaces: [{ name: 'eth0', rxBytes: 10 }] },
    },
  ],
};

const OF_WEB = { namespace: 'default', pod: 'web' };
const traffic = (bytes: number, packets: number) => ({ bytes, packets, errors: 3, dropped: 4 });
const SUBJECTS: readonly Subject[] = [
  {
    labels: { ...OF_WEB, container: '', id: '/kubepods/poduid-of-web/s1', image: 'pause', name: 's1' },
    at: Date.parse(TIME),
    network: [{ name: 'eth0', received: traffic(10, 1), transmitted: traffic(20, 2) }],
  },
  {
    labels: { ...OF_WEB, container: 'app', id: '/kubepods/poduid-of-web/c1', image: 'programs:1', name: 'c1' },
    at: Date.parse(TIME),
    stats: { memory: { time: TIME, workingSetBytes: 4096 } },
  },
];

for (const c of [
  {
    path: '/metrics/resource',
    has: 'container_cpu_usage_seconds_total{container="app",namespace="default",pod="web"} 2.5 1767225600000\n',
  },
  { path: '/metrics/resource', has: 'node_cpu_usage_seconds_total 5 1767225600000\n' },
  {
    path: '/metrics/cadvisor',
    has: 'container_memory_working_set_bytes{container="app",id="/kubepods/poduid-of-web/c1",image="programs:1",name="c1",namespace="default",pod="web"} 4096 1767225600000\n',
  },
  {
    path: '/metrics/cadvisor',
    has: 'container_network_receive_packets_dropped_total{container="",id="/kubepods/poduid-of-web/s1",image="pause",interface="eth0",name="s1",namespace="default",pod="web"} 4 1767225600000\n',
  },
  { path: '/metrics/cadvisor', has: 'machine_cpu_cores{boot_id="boot",machine_id="machine",system_uuid="system"} 4\n' },
  { path: '/metrics', has: 'git_version="v1.36.0+proa"' },
  { path: '/metrics', has: 'kubelet_http_requests_total{long_running="false",method="GET",path="metrics",server_type="readwrite"} 1\n' },
  { path: '/stats/summary', has: '"podRef":{"name":"web"' },
  { path: '/pods', has: '"kind":"PodList"' },
  { path: '/configz', has: '{"kubeletconfig":{}}' },
  { path: '/statusz', has: 'kubelet statusz\n' },
  { path: '/statusz', has: 'Paths: /attach /checkpoint /configz /containerLogs /debug /exec /flagz /healthz ' },
  { path: '/flagz', has: 'kubelet flagz\n' },
]) {
  test(`${c.path} has ${c.has.split(' ')[0]}`, async (t) => {
    const { port } = await serve(t, {
      host: fakeHost({ overrides: { summary: () => Promise.resolve(FIGURES), cadvisor: () => Promise.resolve(SUBJECTS) } }),
    });
    const { code, body } = await ask(port, c.path);
    assert.deepEqual([code, body.includes(c.has)], [200, true], body);
  });
}

test('/metrics has how long requests took that have ended', async (t) => {
  const { port } = await serve(t, { host: fakeHost({ overrides: { summary: () => Promise.resolve(FIGURES) } }) });
  const labels = 'long_running="false",method="GET",path="pods",server_type="readwrite"';
  await ask(port, '/pods');
  await eventually(async () => {
    const { body } = await ask(port, '/metrics');
    assert.ok(body.includes(`kubelet_http_requests_duration_seconds_count{${labels}} 1\n`), body);
  });
});

test('a kubelet that has not worked for five minutes says so at /healthz, and /metrics/slis counts it', async (t) => {
  let troubled = 300_001;
  const { port } = await serve(t, { host: fakeHost({ overrides: { troubledForMs: () => troubled } }) });
  const sick = await ask(port, '/healthz');
  assert.deepEqual(sick, { code: 500, body: '[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n' });
  assert.deepEqual(await ask(port, '/healthz/syncloop'), {
    code: 500,
    body: 'internal server error: sync Loop took longer than expected\n',
  });
  troubled = 300_000;
  assert.equal((await ask(port, '/healthz')).code, 200);
  const { body } = await ask(port, '/metrics/slis');
  const syncloop = body.split('\n').filter((line) => line.includes('"syncloop"'));
  assert.deepEqual(syncloop, [
    'kubernetes_healthcheck{name="syncloop",type="healthz"} 1',
    'kubernetes_healthchecks_total{name="syncloop",status="error",type="healthz"} 1',
    'kubernetes_healthchecks_total{name="syncloop",status="success",type="healthz"} 1',
  ]);
});

test('/logs/ lists and gives the log files of the machine, and nothing above them', async (t) => {
  const folder = temporaryFolder(t);
  const logDirectory = join(folder, 'log');
  mkdirSync(join(logDirectory, 'pods'), { recursive: true });
  writeFileSync(join(logDirectory, 'a&b.log'), 'first\nsecond\n');
  writeFileSync(join(logDirectory, 'empty'), '');
  writeFileSync(join(logDirectory, 'journal'), Buffer.from([0, 1, 2]));
  writeFileSync(join(folder, 'secret'), 'secret');
  const { port } = await serve(t, { host: fakeHost({ overrides: { logDirectory } }) });
  const rows = '<a href="a&b.log">a&amp;b.log</a>\n<a href="empty">empty</a>\n<a href="journal">journal</a>\n<a href="pods/">pods/</a>\n';
  const page = (list: string): string => `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${list}</pre>\n`;
  assert.deepEqual(await ask(port, '/logs/'), { code: 200, body: page(rows) });
  assert.deepEqual(await ask(port, '/logs'), { code: 200, body: page(rows) });
  assert.deepEqual(await ask(port, '/logs/pods/'), { code: 200, body: page('') });
  assert.equal((await ask(port, '/logs/pods')).code, 301);
  assert.deepEqual(await ask(port, '/logs/a&b.log'), { code: 200, body: 'first\nsecond\n' });
  assert.deepEqual(await ask(port, '/logs/empty'), { code: 200, body: '' });
  assert.deepEqual(await ask(port, '/logs/journal'), { code: 200, body: '\0\u0001\u0002' });
  for (const path of ['/logs/none', '/logs/empty/', '/logs/..%2fsecret', '/logs/%2e%2e/secret', '/logs/%00', '/logs/%zz'])
    assert.deepEqual(await ask(port, path), { code: 404, body: '404 page not found\n' }, path);
});

test('reloadTls is in force for the next connection', async (t) => {
  let shown = serving;
  const server = createKubeletServer({
    host: fakeHost({}),
    access: openAccess,
    tls: () => ({ ...shown, clientCa: authority.certificate }),
    address: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    logger: silentLogger,
  });
  t.after(() => server.stop());
  const port = await server.start();
  shown = stranger;
  server.reloadTls();
  await assert.rejects(ask(port, '/healthz'), { code: 'CERT_SIGNATURE_FAILURE' });
  shown = serving;
  server.reloadTls();
  assert.equal((await ask(port, '/healthz')).code, 200);
});

test('apiAccess asks once, and again when the answer is old', async () => {
  const clock = new ManualClock();
  const sent: unknown[] = [];
  const api: Pick<Client, 'create'> = {
    create: (resource, object) => {
      const { spec } = object as unknown as { readonly spec: Readonly<Record<string, unknown>> };
      sent.push([resource.resource, spec]);
      const status =
        resource.resource === 'tokenreviews' ? { authenticated: true, user: { username: 'u', groups: ['g'] } } : { allowed: false };
      return Promise.resolve({ ...object, status } as never);
    },
  };
  const access = apiAccess({ client: api as Client, clock, nodeName: 'node' });
  const user = { name: 'u', groups: ['g'] };
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await access.authenticateToken('secret'), user);
    assert.equal(await access.allows(user, { verb: 'get', subresource: 'proxy' }), false);
  }
  assert.deepEqual(sent, [
    ['tokenreviews', { token: 'secret' }],
    [
      'subjectaccessreviews',
      {
        user: 'u',
        groups: ['g'],
        resourceAttributes: { group: '', version: 'v1', resource: 'nodes', subresource: 'proxy', name: 'node', verb: 'get' },
      },
    ],
  ]);
  clock.advance(30_000);
  await access.allows(user, { verb: 'get', subresource: 'proxy' });
  await access.authenticateToken('secret');
  assert.equal(sent.length, 3);
});

test('runs of a pod of another name are not found', async (t) => {
  const { port } = await serve(t, { host: fakeHost({ pod: testPod('web') }) });
  assert.deepEqual(await ask(port, '/run/default/other/app?cmd=ls', { method: 'POST' }), { code: 404, body: 'pod does not exist' });
});
