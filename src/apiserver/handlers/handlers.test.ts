import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { componentstatuses, leases, poddisruptionbudgets, pods, selfsubjectreviews, tokenreviews } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget } from '#api/types.ts';
import { isStatusError, type StatusError, type StatusReason } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { AuthenticationError } from '../authentication/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

const NS = 'default';
const clock = new ManualClock();
let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({
    clock,
    parts: {
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

const aPod = (name: string, spec: object = {}, labels: object = {}): New<Pod> =>
  ({ metadata: { name, namespace: NS, labels }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }) as New<Pod>;
const ref = (name: string) => ({ name, namespace: NS });

describe('pods/binding', () => {
  const bind = (name: string, body: object): Promise<unknown> =>
    client.createSubresource(pods, ref(name), 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name }, ...body });

  test('puts a pod on a node, says so, and keeps the generation', async () => {
    await client.create(pods, aPod('bound'));
    await bind('bound', { metadata: { name: 'bound', annotations: { a: 'b' } }, target: { kind: 'Node', name: 'n' } });
    const pod = await client.get(pods, ref('bound'));
    assert.deepEqual([pod.spec.nodeName, pod.metadata.generation, pod.metadata.annotations], ['n', 1, { a: 'b' }]);
    assert.deepEqual(pod.status.conditions, [
      { type: 'PodScheduled', observedGeneration: 1, status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
    await refused(
      bind('bound', { target: { name: 'm' } }),
      'Conflict',
      'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n"',
    );
  });

  test('refuses gated and missing pods and bindings to nothing', async () => {
    await client.create(pods, aPod('gated', { schedulingGates: [{ name: 'g' }] }));
    await refused(bind('gated', { target: { name: 'n' } }), 'Conflict', /has non-empty \.spec\.schedulingGates/);
    await refused(bind('nobody', { target: { name: 'n' } }), 'NotFound', 'pods "nobody" not found');
    await refused(
      bind('gated', { target: { kind: 'Chair', name: 'n' } }),
      '',
      'target.kind: Unsupported value: "Chair": supported values: "Node", "<empty>"',
    );
  });
});

describe('pods/eviction', () => {
  const evict = (name: string, deleteOptions?: object, apiVersion = 'policy/v1'): Promise<unknown> =>
    client.createSubresource(pods, ref(name), 'eviction', {
      apiVersion,
      kind: 'Eviction',
      metadata: { name, namespace: NS },
      ...(deleteOptions === undefined ? {} : { deleteOptions }),
    });

  async function readyPod(name: string, app: string): Promise<void> {
    const pod = await client.create(pods, aPod(name, { nodeName: 'n', terminationGracePeriodSeconds: 0 }, { app }));
    const conditions = [{ type: 'Ready', status: 'True' }];
    await client.update(pods, { ...pod, status: { ...pod.status, phase: 'Running', conditions } } as never, { subresource: 'status' });
  }

  async function budget(app: string, status: Partial<PodDisruptionBudget['status']>): Promise<void> {
    const made = await client.create(poddisruptionbudgets, {
      metadata: { name: app, namespace: NS },
      spec: { minAvailable: 1, selector: { matchLabels: { app } } },
    });
    const full = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, observedGeneration: 1, ...status };
    await client.update(poddisruptionbudgets, { ...made, status: full } as never, { subresource: 'status' });
  }

  test('deletes a pod that no budget protects', async () => {
    await readyPod('free', 'free');
    await evict('free');
    await refused(client.get(pods, ref('free')), 'NotFound', 'pods "free" not found');
  });

  test('takes an eviction of version v1beta1, as which the fabric8 client for Java writes it, and of no other', async () => {
    await readyPod('former', 'former');
    await refused(evict('former', {}, 'policy/v1alpha1'), 'BadRequest', /no kind "Eviction" is registered for version "policy\/v1alpha1"/);
    await evict('former', {}, 'policy/v1beta1');
    await refused(client.get(pods, ref('former')), 'NotFound', 'pods "former" not found');
  });

  test('says on the pod why it goes, at the version that was asked for', async () => {
    const held = aPod('held', { nodeName: 'n' }, { app: 'held' });
    const { metadata } = await client.create(pods, { ...held, metadata: { ...held.metadata, finalizers: ['example.test/held'] } } as never);
    const { resourceVersion } = metadata;
    await refused(evict('held', { preconditions: { resourceVersion: '1' } }), 'Conflict', /resourceVersion/i);
    assert.equal((await client.get(pods, ref('held'))).status.conditions, undefined);
    await evict('held', { preconditions: { resourceVersion } });
    const gone = await client.get(pods, ref('held'));
    assert.ok(gone.metadata.deletionTimestamp !== undefined);
    assert.deepEqual(gone.status.conditions, [
      {
        type: 'DisruptionTarget',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      },
    ]);
    await client.patch(pods, ref('held'), { type: 'merge', body: { metadata: { finalizers: null } } });
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
    assert.deepEqual(error.details?.causes, [
      { reason: 'DisruptionBudget', message: 'The disruption budget needed needs 1 healthy pods and has 1 currently' },
    ]);
    const uncounted = { type: 'DisruptionAllowed', status: 'False' as const, lastTransitionTime: '2026-01-01T00:00:00Z' };
    for (const [app, status, why] of [
      ['failed', { conditions: [{ ...uncounted, reason: 'SyncFailed', message: 'm' }] }, 'because it failed sync: m'],
      ['other', { currentHealthy: 2, conditions: [{ ...uncounted, reason: 'R', message: 'm' }] }, '(R): m'],
    ] as const) {
      await readyPod(app, app);
      await budget(app, status);
      const causes = (await refused(evict(app), 'TooManyRequests', /violate/)).details?.causes;
      assert.equal(causes?.[0]?.message, `The disruption budget ${app} does not allow evicting pods currently ${why}`);
    }
    await readyPod('counted', 'counted');
    await budget('counted', { observedGeneration: 0 });
    const retry = await refused(evict('counted'), 'TooManyRequests', /violate/);
    assert.equal(retry.details?.retryAfterSeconds, 10);
  });

  test('cannot ask two budgets at once', async () => {
    await readyPod('twice', 'twice');
    await budget('twice', { disruptionsAllowed: 1 });
    await client.create(poddisruptionbudgets, {
      metadata: { name: 'also', namespace: NS },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'twice' } } },
    });
    const error = await refused(evict('twice'), '', /^This pod has more than one PodDisruptionBudget, which the eviction/);
    assert.equal(error.code, 500);
  });

  test('lets finished and pending pods go in any case, and takes nothing in a dry run', async () => {
    await client.create(pods, aPod('pending', {}, { app: 'needed' }));
    await evict('pending', { dryRun: ['All'] });
    await client.get(pods, ref('pending'));
    await evict('pending');
    await refused(client.get(pods, ref('pending')), 'NotFound', /not found/);
  });
});

describe('reviews', () => {
  test('tell whose token it is', async () => {
    const ask = async (spec: object): Promise<unknown> => (await client.create(tokenreviews, { metadata: {}, spec } as never)).status;
    assert.deepEqual(await ask({ token: 'good' }), {
      authenticated: true,
      user: { username: 'jane', groups: ['dev', 'system:authenticated'] },
      audiences: ['here'],
    });
    assert.deepEqual(await ask({ token: 'good', audiences: ['there'] }), { user: {} });
    assert.deepEqual(await ask({ token: 'bad' }), { user: {}, error: 'token has expired' });
  });

  for (const managedFields of [undefined, []]) {
    test(`of a token tell who wrote them, whatever owners they name: ${JSON.stringify(managedFields)}`, async () => {
      const metadata = { uid: 'u', creationTimestamp: '2020-01-01T00:00:00Z', managedFields };
      const answered = await client.create(tokenreviews, { metadata, spec: { token: 'good' } } as never, { fieldManager: 'me' });
      const [owner] = answered.metadata.managedFields ?? [];
      assert.deepEqual(
        { ...owner, time: '' },
        {
          manager: 'me',
          operation: 'Update',
          apiVersion: 'authentication.k8s.io/v1',
          time: '',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:token': {} } },
        },
      );
      assert.deepEqual(Object.keys(answered.metadata), ['managedFields']);
    });
  }

  test('of oneself say who one is', async () => {
    const own = await client.create(selfsubjectreviews, { metadata: {} } as never);
    assert.deepEqual(own.status, { userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] } });
  });
});

test('componentstatuses tell of the store, and of what decides by its Lease', async () => {
  const health = async (): Promise<readonly unknown[]> =>
    (await client.list(componentstatuses)).items.map(({ metadata, conditions }) => [
      metadata.name,
      conditions?.[0]?.status,
      conditions?.[0]?.message,
    ]);
  const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
  await client.create(leases, {
    metadata: { name: 'kube-scheduler', namespace: 'kube-system' },
    spec: { holderIdentity: 'here', leaseDurationSeconds: 15, renewTime },
  });
  const absent = ['controller-manager', 'False', 'nobody holds the Lease kube-system/kube-controller-manager'];
  assert.deepEqual(await health(), [['scheduler', 'True', 'ok'], absent, ['etcd-0', 'True', 'ok']]);
  clock.advance(15_001);
  const late = `here has not renewed the Lease kube-system/kube-scheduler since ${renewTime}`;
  assert.deepEqual(await health(), [['scheduler', 'False', late], absent, ['etcd-0', 'True', 'ok']]);
  await refused(client.get(componentstatuses, { name: 'kubelet' }), 'NotFound', 'componentstatuses "kubelet" not found');
  const chosen = await client.list(componentstatuses, { fieldSelector: 'metadata.name=etcd-0' });
  assert.deepEqual(
    chosen.items.map(({ metadata }) => metadata.name),
    ['etcd-0'],
  );
});

test('pods/ephemeralcontainers takes none away', async () => {
  await client.create(pods, aPod('debugged'));
  const change = (ephemeralContainers: unknown) =>
    client.patch(pods, ref('debugged'), { type: 'merge', body: { spec: { ephemeralContainers } } }, { subresource: 'ephemeralcontainers' });
  await change([{ name: 'e', image: 'i' }]);
  await refused(change(null), 'Invalid', /existing ephemeral containers "e" may not be removed/);
});
