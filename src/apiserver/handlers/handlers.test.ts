import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { namespaces, nodes, poddisruptionbudgets, pods, selfsubjectaccessreviews, selfsubjectrulesreviews, serviceaccounts, subjectaccessreviews, tokenreviews } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget } from '#api/types.ts';
import { isStatusError, type StatusError, type StatusReason } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { AuthenticationError } from '../authentication/contract.ts';
import { ALLOW, NO_OPINION } from '../authorization/contract.ts';
import { createClient } from '#client/client.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';
import type { TokenSubject } from './token.ts';

const NS = 'default';
const clock = new ManualClock();
const issued: TokenSubject[] = [];
let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({
    clock,
    parts: {
      authorizer: { authorize: ({ user, verb }) => (user.name === 'jane' && verb === 'get' ? { ...ALLOW, reason: 'because' } : NO_OPINION) },
      rules: { rulesFor: () => ({ resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], nonResourceRules: [], incomplete: false }) },
      authenticators: [
        {
          name: 'test',
          authenticate: ({ header }) => {
            if (header('authorization') === 'Bearer good') return { user: { name: 'jane', groups: ['dev'] }, audiences: ['here'] };
            throw new AuthenticationError('token has expired');
          },
        },
      ],
      audiences: ['here'],
      tokens: {
        defaultAudiences: ['here'],
        maxExpirationSeconds: 7_200,
        issue: (subject) => {
          issued.push(subject);
          return Promise.resolve({ token: 'signed', expiresAt: clock.now() + subject.expirationSeconds * 1_000 });
        },
      },
    },
  });
  ({ client } = running);
});
after(() => running.stop());

async function refused(promise: Promise<unknown>, reason: StatusReason, message: RegExp | string): Promise<StatusError> {
  let caught: unknown;
  await promise.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(isStatusError(caught), `not refused: ${String(caught)}`);
  assert.equal(caught.reason, reason, caught.message);
  if (typeof message === 'string') assert.equal(caught.message, message);
  else assert.match(caught.message, message);
  return caught;
}

const aPod = (name: string, spec: object = {}, labels: object = {}): New<Pod> => ({ metadata: { name, namespace: NS, labels }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }) as New<Pod>;
const ref = (name: string) => ({ name, namespace: NS });

describe('pods/binding', () => {
  const bind = (name: string, body: object): Promise<unknown> => client.createSubresource(pods, ref(name), 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name }, ...body });

  test('puts a pod on a node, says so, and keeps the generation', async () => {
    await client.create(pods, aPod('bound'));
    await bind('bound', { metadata: { name: 'bound', annotations: { a: 'b' } }, target: { kind: 'Node', name: 'n' } });
    const pod = await client.get(pods, ref('bound'));
    assert.deepEqual([pod.spec.nodeName, pod.metadata.generation, pod.metadata.annotations], ['n', 1, { a: 'b' }]);
    assert.deepEqual(pod.status.conditions, [{ type: 'PodScheduled', observedGeneration: 1, status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
    await refused(bind('bound', { target: { name: 'm' } }), 'Conflict', 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n"');
  });

  test('refuses gated and missing pods and bindings to nothing', async () => {
    await client.create(pods, aPod('gated', { schedulingGates: [{ name: 'g' }] }));
    await refused(bind('gated', { target: { name: 'n' } }), 'Conflict', /has non-empty \.spec\.schedulingGates/);
    await refused(bind('nobody', { target: { name: 'n' } }), 'NotFound', 'pods "nobody" not found');
    await refused(bind('gated', { target: { kind: 'Chair', name: 'n' } }), '', 'target.kind: Unsupported value: "Chair": supported values: "Node", "<empty>"');
  });
});

describe('pods/eviction', () => {
  const evict = (name: string, deleteOptions?: object): Promise<unknown> =>
    client.createSubresource(pods, ref(name), 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: NS }, ...(deleteOptions === undefined ? {} : { deleteOptions }) });

  async function readyPod(name: string, app: string): Promise<void> {
    const pod = await client.create(pods, aPod(name, { nodeName: 'n', terminationGracePeriodSeconds: 0 }, { app }));
    const conditions = [{ type: 'Ready', status: 'True' }];
    await client.update(pods, { ...pod, status: { ...pod.status, phase: 'Running', conditions } } as never, { subresource: 'status' });
  }

  async function budget(app: string, status: Partial<PodDisruptionBudget['status']>): Promise<void> {
    const made = await client.create(poddisruptionbudgets, { metadata: { name: app, namespace: NS }, spec: { minAvailable: 1, selector: { matchLabels: { app } } } });
    const full = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, observedGeneration: 1, ...status };
    await client.update(poddisruptionbudgets, { ...made, status: full } as never, { subresource: 'status' });
  }

  test('deletes a pod that no budget protects', async () => {
    await readyPod('free', 'free');
    await evict('free');
    await refused(client.get(pods, ref('free')), 'NotFound', 'pods "free" not found');
  });

  test('takes a disruption from the budget', async () => {
    await readyPod('spare', 'spare');
    await budget('spare', { disruptionsAllowed: 1, currentHealthy: 2 });
    await evict('spare');
    const { status } = await client.get(poddisruptionbudgets, ref('spare'));
    assert.deepEqual([status.disruptionsAllowed, Object.keys(status.disruptedPods ?? {})], [0, ['spare']]);
  });

  test('refuses when the budget has none left, and when it is still being counted', async () => {
    await readyPod('needed', 'needed');
    await budget('needed', {});
    const error = await refused(evict('needed'), 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.");
    assert.deepEqual(error.details?.causes, [{ reason: 'DisruptionBudget', message: 'The disruption budget needed needs 1 healthy pods and has 1 currently' }]);
    await readyPod('counted', 'counted');
    await budget('counted', { observedGeneration: 0 });
    const retry = await refused(evict('counted'), 'TooManyRequests', /violate/);
    assert.equal(retry.details?.retryAfterSeconds, 10);
  });

  test('lets finished and pending pods go in any case, and takes nothing in a dry run', async () => {
    await client.create(pods, aPod('pending', {}, { app: 'needed' }));
    await evict('pending', { dryRun: ['All'] });
    await client.get(pods, ref('pending'));
    await evict('pending');
    await refused(client.get(pods, ref('pending')), 'NotFound', /not found/);
  });
});

describe('serviceaccounts/token', () => {
  const request = (spec: object): Promise<{ status: { token: string; expirationTimestamp: string }; spec: { audiences: string[]; expirationSeconds: number } }> =>
    client.createSubresource(serviceaccounts, ref('robot'), 'token', { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
  before(async () => {
    await client.create(namespaces, { metadata: { name: NS } });
    await client.create(serviceaccounts, { metadata: { name: 'robot', namespace: NS } });
    await client.create(nodes, { metadata: { name: 'n' } });
    await client.create(pods, aPod('carrier', { serviceAccountName: 'robot', nodeName: 'n' }));
    await client.create(pods, aPod('stranger', { serviceAccountName: 'other' }));
  });

  test('gives a token for the audiences and the time asked for', async () => {
    const made = await request({ audiences: ['vault'], expirationSeconds: 600 });
    assert.deepEqual([made.status.token, made.status.expirationTimestamp], ['signed', new Date(clock.now() + 600_000).toISOString().replace('.000Z', 'Z')]);
    const subject = issued.at(-1);
    assert.deepEqual([subject?.serviceAccount.metadata.name, subject?.audiences, subject?.pod], ['robot', ['vault'], undefined]);
  });

  test('for an hour and for this server, unless told otherwise, and never longer than the server likes', async () => {
    const made = await request({});
    assert.deepEqual([made.spec.audiences, made.spec.expirationSeconds], [['here'], 3_600]);
    assert.equal((await request({ expirationSeconds: 100_000 })).spec.expirationSeconds, 7_200);
    await refused(request({ expirationSeconds: 60 }), 'Invalid', /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/);
  });

  test('binds it to a pod of that account, and to the node below', async () => {
    const pod = await client.get(pods, ref('carrier'));
    await request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'carrier', uid: pod.metadata.uid } });
    const subject = issued.at(-1);
    assert.deepEqual([subject?.pod?.metadata.name, subject?.node?.metadata.name], ['carrier', 'n']);
    await refused(request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'stranger' } }), 'BadRequest', 'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.');
    await refused(request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'carrier', uid: 'other' } }), 'Conflict', /the UID in the bound object reference \(other\) does not match the UID in record/);
    await refused(request({ boundObjectRef: { kind: 'Chair', apiVersion: 'v1', name: 'x' } }), 'BadRequest', 'cannot bind token to object of type /v1, Kind=Chair');
  });
});

describe('reviews', () => {
  const jane = (): Client => createClient(running.server.loopback({ name: 'jane', groups: ['dev'] }));
  const attributes = (verb: string) => ({ resourceAttributes: { verb, resource: 'pods', namespace: NS } });

  test('tell what another may do', async () => {
    const ask = async (spec: object): Promise<unknown> => (await client.create(subjectaccessreviews, { metadata: {}, spec } as never)).status;
    assert.deepEqual(await ask({ user: 'jane', ...attributes('get') }), { allowed: true, reason: 'because' });
    assert.deepEqual(await ask({ user: 'jane', ...attributes('delete') }), { allowed: false });
    assert.deepEqual(await ask({ user: 'root', groups: ['system:masters'], ...attributes('delete') }), { allowed: true });
    await refused(ask({ ...attributes('get') }), 'Invalid', /spec\.user: Invalid value: "": at least one of user or group must be specified/);
    await refused(ask({ user: 'jane' }), 'Invalid', /exactly one of nonResourceAttributes or resourceAttributes must be specified/);
  });

  test('tell whose token it is', async () => {
    const ask = async (spec: object): Promise<unknown> => (await client.create(tokenreviews, { metadata: {}, spec } as never)).status;
    assert.deepEqual(await ask({ token: 'good' }), { authenticated: true, user: { username: 'jane', groups: ['dev', 'system:authenticated'] }, audiences: ['here'] });
    assert.deepEqual(await ask({ token: 'good', audiences: ['there'] }), { user: {} });
    assert.deepEqual(await ask({ token: 'bad' }), { user: {}, error: 'token has expired' });
  });

  test('of oneself need no name', async () => {
    // jane may create nothing: only the authoriser of the test lets her get.
    await refused(jane().create(selfsubjectaccessreviews, { metadata: {}, spec: attributes('get') } as never), 'Forbidden', /User "jane" cannot create resource "selfsubjectaccessreviews"/);
    const own = await client.create(selfsubjectrulesreviews, { metadata: {}, spec: { namespace: NS } } as never);
    assert.deepEqual(own.status, { resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], nonResourceRules: [], incomplete: false });
  });
});
