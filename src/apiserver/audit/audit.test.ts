import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { ALLOW } from '../authorization/contract.ts';
import { EMPTY_QUERY } from '../http/query.ts';
import { requestInfo } from '../stages/request-info.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, http2Session, text } from '../testing/http.ts';
import { LogBackend } from './log-backend.ts';
import { AuditMetrics } from './metrics.ts';
import { auditDecision, readPolicy, type Level } from './policy.ts';
import { PolicySink } from './sink.ts';
import { WebhookBackend } from './webhook-backend.ts';

const folder = await mkdtemp(join(tmpdir(), 'proa-audit-'));
after(() => rm(folder, { recursive: true }));

const policy = (rules: readonly object[], more: object = {}): string =>
  JSON.stringify({ kind: 'Policy', apiVersion: 'audit.k8s.io/v1', rules, ...more });

const POLICY = readPolicy(
  policy([
    { level: 'None', users: ['system:kube-proxy'], verbs: ['watch'], resources: [{ group: '', resources: ['endpoints', 'services'] }] },
    { level: 'None', userGroups: ['system:nodes'] },
    { level: 'Request', resources: [{ group: '', resources: ['pods/log', '*/status'] }] },
    { level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'], resourceNames: ['controller'] }], namespaces: ['a'] },
    { level: 'Metadata', resources: [{ group: 'apps' }, { group: '', resources: ['secrets', 'pods/*'] }] },
    { level: 'Request', nonResourceURLs: ['/api*', '/version'] },
  ]),
);

for (const [name, groups, method, path, level] of [
  ['system:kube-proxy', [], 'GET', '/api/v1/watch/services', 'None'],
  ['system:node:a', ['system:nodes'], 'GET', '/api/v1/secrets', 'None'],
  ['jane', [], 'GET', '/api/v1/namespaces/a/pods/b/log', 'Request'],
  ['jane', [], 'PUT', '/api/v1/nodes/b/status', 'Request'],
  ['jane', [], 'GET', '/api/v1/namespaces/a/pods/b/exec', 'Metadata'],
  ['jane', [], 'PUT', '/api/v1/namespaces/a/configmaps/controller', 'RequestResponse'],
  ['jane', [], 'PUT', '/api/v1/namespaces/b/configmaps/controller', 'None'],
  ['jane', [], 'GET', '/apis/apps/v1/deployments', 'Metadata'],
  ['jane', [], 'GET', '/apis', 'Request'],
  ['jane', [], 'GET', '/metrics', 'None'],
] as const satisfies readonly (readonly [string, readonly string[], string, string, Level])[]) {
  test(`auditDecision writes ${name}'s ${method} ${path} at ${level}`, () => {
    assert.equal(auditDecision(POLICY, requestInfo(method, path, EMPTY_QUERY), { name, groups }).level, level);
  });
}

for (const [what, text, message] of [
  ['an unknown level', policy([{ level: 'All' }]), /rules\[0\].level: Unsupported value: "All"/],
  ['an unknown stage', policy([{ level: 'None', omitStages: ['Never'] }]), /rules\[0\].omitStages\[0\]: Invalid value: "Never"/],
  [
    'paths and resources in one rule',
    policy([{ level: 'None', namespaces: ['a'], nonResourceURLs: ['/a'] }]),
    /rules cannot apply to both/,
  ],
  ['no rules', policy([]), /loaded illegal policy with 0 rules/],
] as const) {
  test(`readPolicy refuses ${what}`, () => assert.throws(() => readPolicy(text), message));
}

interface Event {
  readonly [field: string]: unknown;
  readonly stage: string;
}

async function start(
  t: TestContext,
  rules: readonly object[],
  more: object = {},
): Promise<{ readonly server: TestServer; readonly events: Event[] }> {
  const events: Event[] = [];
  const backend = {
    write: (event: string): undefined => void events.push(JSON.parse(event) as Event),
    stop: () => Promise.resolve(),
  };
  const server = await startTestServer({
    parts: ({ schema }) => ({
      authorizer: { authorize: () => ALLOW },
      audit: new PolicySink({
        policy: readPolicy(policy(rules, more)),
        backends: [backend],
        metrics: new AuditMetrics(),
        clock: systemClock,
        decode: (bytes) => kubeProtobuf(schema).decode(bytes, ''),
      }),
    }),
  });
  t.after(() => server.stop());
  return { server, events };
}

const MAPS = '/api/v1/namespaces/default/configmaps';
const post = { method: 'POST', headers: { 'content-type': 'application/json', 'user-agent': 'curl/8' } };

test('a request on behalf of somebody names both users, and the verb that allowed it', async (t) => {
  const { server, events } = await start(t, [{ level: 'Metadata' }], { omitStages: ['RequestReceived'] });
  assert.equal((await http1(server, MAPS, { headers: { 'impersonate-user': 'jane' } })).status, 200);
  const { user, impersonatedUser, authenticationMetadata, annotations } = events.at(-1) as Event;
  assert.equal((user as { readonly username: string }).username, 'admin');
  assert.equal((impersonatedUser as { readonly username: string }).username, 'jane');
  assert.deepEqual(authenticationMetadata, { impersonationConstraint: 'impersonate:user-info' });
  assert.ok(
    Object.keys(annotations as object).every((key) => key.startsWith('authorization.k8s.io/')),
    JSON.stringify(annotations),
  );
});

test('a create is an event at its stages, with who, what and both objects', async (t) => {
  const { server, events } = await start(t, [{ level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'] }] }], {
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
  });
  const answer = await http1(server, `${MAPS}?fieldManager=me`, {
    ...post,
    body: JSON.stringify({ metadata: { name: 'a' }, data: { k: 'v' } }),
  });
  assert.equal(answer.status, 201);
  assert.equal(events.length, 1);
  const { auditID, requestReceivedTimestamp, stageTimestamp, responseObject, ...event } = events[0] as Event;
  assert.equal(auditID, answer.headers['audit-id']);
  assert.match(String(requestReceivedTimestamp), /^\d{4}-.*\.\d{6}Z$/);
  assert.ok(String(stageTimestamp) >= String(requestReceivedTimestamp));
  const { metadata, data } = responseObject as { readonly metadata: Record<string, unknown>; readonly data: object };
  assert.deepEqual([metadata['name'], metadata['managedFields'], data], ['a', undefined, { k: 'v' }]);
  assert.deepEqual(event, {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    stage: 'ResponseComplete',
    requestURI: `${MAPS}?fieldManager=me`,
    verb: 'create',
    user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'curl/8',
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 201 },
    requestObject: { metadata: { name: 'a' }, data: { k: 'v' } },
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
  });
});

test('Metadata keeps objects out, refusals have their status, and a watch is told when it begins', async (t) => {
  const { server, events } = await start(t, [{ level: 'Metadata' }]);
  await http1(server, `${MAPS}/missing`);
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseComplete'],
  );
  assert.deepEqual(events[1]?.['responseStatus'], {
    metadata: {},
    status: 'Failure',
    message: 'configmaps "missing" not found',
    reason: 'NotFound',
    details: { name: 'missing', kind: 'configmaps' },
    code: 404,
  });
  await http1(server, MAPS, { ...post, body: JSON.stringify({ metadata: { name: 'secret' } }) });
  assert.equal(
    events.some((event) => 'requestObject' in event || 'responseObject' in event),
    false,
  );

  events.length = 0;
  const session = http2Session(server);
  const watch = session.request({ ':path': `${MAPS}?watch=1&timeoutSeconds=1` });
  await new Promise((resolve) => watch.resume().once('close', resolve));
  session.destroy();
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseStarted', 'ResponseComplete'],
  );
  assert.match(text(await http1(server, '/metrics')), /^apiserver_audit_event_total \d+$/m);
});

test('LogBackend replaces a large file and keeps as many as it should', async () => {
  const path = join(folder, 'audit.log');
  const clock = new ManualClock();
  const log = new LogBackend({
    path,
    maxSize: 1,
    maxBackups: 2,
    maxAge: 0,
    compress: true,
    mode: 'batch',
    metrics: new AuditMetrics(),
    clock,
    logger: silentLogger,
  });
  for (let i = 0; i < 5; i++) {
    const events = Array.from({ length: 700 }, (_, n) => JSON.stringify({ n, pad: 'x'.repeat(1_000) }));
    for (const event of events) void log.write(event);
    await log.stop();
    clock.advance(1_000);
  }
  const names = (await readdir(folder)).filter((name) => name.startsWith('audit')).toSorted();
  assert.deepEqual(names, ['audit-2026-01-01T00-00-03.000.log.gz', 'audit-2026-01-01T00-00-04.000.log.gz', 'audit.log']);
  assert.equal((await readFile(path, 'utf8')).trimEnd().split('\n').length, 700);
  assert.equal(log.lost, 0);
});

test('WebhookBackend delivers in batches, tries again, and reports what it lost', async () => {
  const clock = new ManualClock();
  const bodies: string[] = [];
  let failing = 1;
  const webhook = {
    post: async (body: string): Promise<undefined> => {
      if (failing-- > 0) throw new Error('away');
      bodies.push(body);
    },
  };
  const more = { mode: 'batch', metrics: new AuditMetrics(), clock, logger: silentLogger } as const;
  const backend = new WebhookBackend({ webhook, initialBackoffMs: 10_000, ...more });
  for (let i = 0; i < 401; i++) void backend.write(JSON.stringify({ i }));
  await new Promise(setImmediate);
  assert.equal(bodies.length, 0);
  clock.advance(10_000);
  await new Promise(setImmediate);
  assert.deepEqual(
    bodies.map((body) => (JSON.parse(body) as { items: readonly unknown[] }).items.length),
    [400, 1],
  );
  failing = 1_000;
  void backend.write('{}');
  await backend.stop();
  assert.equal(backend.lost, 1);
});
