import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SubjectAccessReviewSpec } from '#api/gen/authorization-v1.ts';
import { systemClock } from '#base/clock.ts';
import { HttpsOutbound } from '../outbound/client.ts';
import { createTestAuthority } from '../testing/certificates.ts';
import { startHttpsServer, type HttpsServer } from '../testing/https-server.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';
import { readAuthorizationConfiguration, type WebhookSettings } from './configuration.ts';
import { ConfiguredAuthorizer } from './configured.ts';
import type { AuthorizationAttributes } from './contract.ts';
import { AuthorizationMetrics } from './metrics.ts';
import { NodeAuthorizer } from './node/authorizer.ts';
import { RbacAuthorizer } from './rbac/authorizer.ts';

const outbound = new HttpsOutbound(systemClock);
let folder: string;
let kubeconfig: string;
let service: HttpsServer;
let server: LoopbackServer;
let status: object = {};
let healthy = true;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proa-authorization-'));
  kubeconfig = join(folder, 'kubeconfig');
  const authority = await createTestAuthority(systemClock.now());
  service = await startHttpsServer(authority, (_, answer) => (healthy ? answer.json(201, { status }) : answer.text(403, 'not today')));
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'a',
      clusters: [
        {
          name: 'a',
          cluster: {
            server: `${service.url}/authorize`,
            'certificate-authority-data': Buffer.from(authority.certificate).toString('base64'),
          },
        },
      ],
      users: [{ name: 'a', user: { token: 'secret' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    }),
  );
  server = await startLoopbackServer();
});
after(async () => {
  outbound.close();
  await server.stop();
  await service.stop();
  await rm(folder, { recursive: true });
});

const WEBHOOK: WebhookSettings = {
  timeout: '3s',
  subjectAccessReviewVersion: 'v1',
  failurePolicy: 'NoOpinion',
  connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/x' },
};
const text = (...authorizers: readonly object[]): string =>
  JSON.stringify({ kind: 'AuthorizationConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', authorizers });
const webhook = (more: Partial<WebhookSettings> = {}): string =>
  text(
    {
      type: 'Webhook',
      name: 'hook',
      webhook: { ...WEBHOOK, connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: kubeconfig }, ...more },
    },
    { type: 'RBAC', name: 'rbac' },
  );

function authorizer(configuration: string, metrics = new AuthorizationMetrics()): ConfiguredAuthorizer {
  const { reader } = server.server;
  const deps = { node: new NodeAuthorizer(reader), rbac: new RbacAuthorizer(reader), outbound, clock: systemClock, metrics };
  return new ConfiguredAuthorizer(readAuthorizationConfiguration(configuration), deps);
}

const asked = (more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user: { name: 'jane', groups: ['dev'] },
  verb: 'list',
  isResourceRequest: true,
  namespace: 'ns',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  name: '',
  path: '',
  ...more,
});

for (const [what, configuration, message] of [
  ['no authorizers', text(), /authorizers: Required value: at least one authorization mode must be defined/],
  ['RBAC twice', text({ type: 'RBAC', name: 'a' }, { type: 'RBAC', name: 'b' }), /authorizers\[1\].type: Duplicate value: "RBAC"/],
  ['a webhook without one', text({ type: 'Webhook', name: 'a' }), /authorizers\[0\].webhook: Required value/],
  [
    'a long timeout',
    text({ type: 'Webhook', name: 'a', webhook: { ...WEBHOOK, timeout: '1m' } }),
    /timeout: Invalid value: "1m": must be <= 30s/,
  ],
] as const) {
  test(`readAuthorizationConfiguration refuses ${what}`, () => assert.throws(() => readAuthorizationConfiguration(configuration), message));
}

test('a webhook is told what is asked, selectors too, and its answer is kept', async () => {
  status = { allowed: true, reason: 'because' };
  const authorize = authorizer(webhook());
  const question = asked({ fieldSelector: 'spec.nodeName=a,status.phase!=Failed', labelSelector: 'app in (x,y),!old' });
  const before = service.requests.length;
  assert.deepEqual(await authorize.authorize(question), { decision: 'allow', reason: 'because' });
  assert.deepEqual(await authorize.authorize(question), { decision: 'allow', reason: 'because' });
  assert.equal(service.requests.length, before + 1);
  const { headers, body, path } = service.requests.at(-1) as (typeof service.requests)[number];
  assert.deepEqual([path, headers.authorization], ['/authorize', 'Bearer secret']);
  assert.deepEqual((JSON.parse(body) as { readonly spec: object }).spec, {
    user: 'jane',
    groups: ['dev'],
    resourceAttributes: {
      namespace: 'ns',
      verb: 'list',
      version: 'v1',
      resource: 'pods',
      fieldSelector: {
        requirements: [
          { key: 'spec.nodeName', operator: 'In', values: ['a'] },
          { key: 'status.phase', operator: 'NotIn', values: ['Failed'] },
        ],
      },
      labelSelector: {
        requirements: [
          { key: 'app', operator: 'In', values: ['x', 'y'] },
          { key: 'old', operator: 'DoesNotExist' },
        ],
      },
    },
  });
});

test('a webhook is told what a review requires in its own words', async () => {
  status = { allowed: true };
  const fieldSelector = [{ key: 'spec.nodeName=n1,x', operator: 'In', values: ['y'] }];
  const labelSelector = [
    { key: 'z', operator: 'In', values: ['b', 'a', 'b'] },
    { key: 'a', operator: 'Exists' },
  ];
  await authorizer(webhook()).authorize(asked({ fieldSelector, labelSelector }));
  const { resourceAttributes } = (JSON.parse(service.requests.at(-1)?.body ?? '') as { readonly spec: SubjectAccessReviewSpec }).spec;
  assert.deepEqual(resourceAttributes?.fieldSelector, { requirements: fieldSelector });
  assert.deepEqual(resourceAttributes?.labelSelector, { requirements: labelSelector });
});

test('a denial ends the question, no opinion goes on to the next, and rules are incomplete', async () => {
  status = { allowed: false, denied: true, reason: 'never' };
  const authorize = authorizer(webhook());
  assert.deepEqual(await authorize.authorize(asked()), { decision: 'deny', reason: 'never' });
  status = { allowed: false };
  assert.equal((await authorize.authorize(asked({ name: 'other' }))).decision, 'noOpinion');
  assert.equal(authorize.rulesFor({ name: 'jane', groups: [] }, 'ns').incomplete, true);
});

test('match conditions choose what is asked, and failures are as the policy says', async () => {
  const matchConditions = [{ expression: "has(request.resourceAttributes) && request.resourceAttributes.namespace == 'kube-system'" }];
  const only = authorizer(webhook({ matchConditions, matchConditionSubjectAccessReviewVersion: 'v1' }));
  status = { allowed: true };
  const before = service.requests.length;
  assert.equal((await only.authorize(asked())).decision, 'noOpinion');
  assert.equal((await only.authorize(asked({ isResourceRequest: false, path: '/version' }))).decision, 'noOpinion');
  assert.equal(service.requests.length, before, 'not asked');
  assert.equal((await only.authorize(asked({ namespace: 'kube-system' }))).decision, 'allow');

  healthy = false;
  const failing = authorizer(webhook({ failurePolicy: 'Deny' }));
  const answer = await failing.authorize(asked({ name: 'failing' }));
  assert.equal(answer.decision, 'deny');
  assert.match(String(answer.error), /not today/);
  healthy = true;
});

test('a configuration that cannot be used leaves the last one in force', async () => {
  const authorize = authorizer(text({ type: 'AlwaysAllow', name: 'all' }));
  assert.throws(
    () => authorize.reconfigure(readAuthorizationConfiguration(text({ type: 'Webhook', name: 'a', webhook: WEBHOOK }))),
    /ENOENT/,
  );
  assert.equal((await authorize.authorize(asked())).decision, 'allow');
  authorize.reconfigure(readAuthorizationConfiguration(text({ type: 'AlwaysDeny', name: 'none' })));
  assert.equal((await authorize.authorize(asked())).decision, 'noOpinion');
});

test('what authorizers settle, what conditions exclude and how webhooks answer is counted', async () => {
  const metrics = new AuthorizationMetrics();
  const counts = (): readonly string[] =>
    metrics
      .expose()
      .split('\n')
      .filter((line) => /^[a-z_]+(_total|_count)\{/.test(line))
      .map((line) => line.replace('apiserver_authorization_', ''));
  const matchConditions = [{ expression: "request.resourceAttributes.namespace == 'ns'" }];
  const version = 'v1';
  const authorize = authorizer(webhook({ matchConditions, matchConditionSubjectAccessReviewVersion: version }), metrics);
  status = { allowed: true };
  await authorize.authorize(asked({ name: 'allowed' }));
  await authorize.authorize(asked({ name: 'allowed' })); // kept, so settled and not asked
  status = { denied: true };
  await authorize.authorize(asked({ name: 'denied' }));
  await authorize.authorize(asked({ namespace: 'other' }));
  await authorize.authorize(asked({ isResourceRequest: false, path: '/version' }));
  healthy = false;
  await authorize.authorize(asked({ name: 'failing' }));
  healthy = true;
  assert.deepEqual(counts(), [
    'decisions_total{decision="allowed",name="hook",type="Webhook"} 2',
    'decisions_total{decision="denied",name="hook",type="Webhook"} 1',
    'match_condition_evaluation_errors_total{name="hook",type="Webhook"} 1',
    'match_condition_exclusions_total{name="hook",type="Webhook"} 1',
    'match_condition_evaluation_seconds_count{name="hook",type="Webhook"} 6',
    'webhook_evaluations_total{name="hook",result="success"} 2',
    'webhook_evaluations_total{name="hook",result="error"} 1',
    'webhook_duration_seconds_count{name="hook",result="success"} 2',
    'webhook_duration_seconds_count{name="hook",result="error"} 1',
    'webhook_evaluations_fail_open_total{name="hook",result="error"} 1',
  ]);
});
