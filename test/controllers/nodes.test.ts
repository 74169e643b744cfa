import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodReady, podCondition } from '#api/pods.ts';
import { leases, nodes, pods } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatMicroTime, formatTime } from '#apimachinery/time.ts';
import { nodeLifecycleController } from '#controllers/node-lifecycle/controller.ts';
import { taintEvictionController } from '#controllers/taint-eviction/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [nodeLifecycleController, taintEvictionController] });
  for (const name of ['n1', 'n2', 'n3', 'n4']) {
    await t.client.create(nodes, { metadata: { name } });
    await report(name, 'True');
  }
});
after(() => t.stop());

/** As a kubelet does. */
async function report(name: string, ready: 'True' | 'False'): Promise<void> {
  const conditions = [
    {
      type: 'Ready',
      status: ready,
      reason: 'Kubelet',
      message: '',
      lastHeartbeatTime: formatTime(t.clock.now()),
      lastTransitionTime: null,
    },
  ];
  await t.client.patch(nodes, { name }, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' });
}

async function renew(name: string): Promise<void> {
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(t.clock.now()) };
  const ref = { name, namespace: 'kube-node-lease' };
  try {
    await t.client.patch(leases, ref, { type: 'merge', body: { spec } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    await t.client.create(leases, { metadata: ref, spec });
  }
}

const taintsOf = ({ spec }: Node): string =>
  (spec.taints ?? [])
    .map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`)
    .toSorted()
    .join();

/** While the leases of `alive` are renewed, until the node's taints are these. */
const tainted = (name: string, want: string, alive: readonly string[]) =>
  t.until(async () => {
    for (const one of alive) await renew(one);
    return taintsOf(await t.client.get(nodes, { name })) === want ? true : undefined;
  }, 1000);

async function place(name: string, node: string, tolerationSeconds?: number): Promise<void> {
  const tolerations =
    tolerationSeconds === undefined
      ? []
      : [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds }];
  const spec = { nodeName: node, tolerations, containers: [{ name: 'c', image: 'i' }] };
  await t.client.create(pods, { metadata: { name, namespace: 'ns', labels: { app: 'on-node' } }, spec } as never);
  for (const pod of await podsLabelled(t, 'on-node')) if (pod.metadata.name === name) await makeReady(t, pod);
}

const podOf = async (name: string): Promise<Pod | undefined> =>
  (await podsLabelled(t, 'on-node')).find(({ metadata }) => metadata.name === name);

const ALL = ['n1', 'n2', 'n3', 'n4'];

test('a node that is well has no taints', async () => {
  await tainted('n1', '', ALL);
});

test('a silent node becomes unreachable; its pods are marked, and go when their time is over', async () => {
  await place('patient', 'n1', 100_000);
  await place('brief', 'n1', 5);
  await tainted('n1', 'unreachable:NoExecute,unreachable:NoSchedule', ALL.slice(1));
  const { status } = await t.client.get(nodes, { name: 'n1' });
  assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.reason, 'NodeStatusUnknown');
  const gone = await t.until(async () => {
    for (const one of ALL.slice(1)) await renew(one);
    const pod = await podOf('brief');
    return pod === undefined || pod.metadata.deletionTimestamp !== undefined ? (pod ?? 'removed') : undefined;
  }, 1000);
  if (gone !== 'removed') {
    const { reason, observedGeneration } = podCondition(gone.status, 'DisruptionTarget') ?? {};
    assert.deepEqual([reason, observedGeneration], ['DeletionByTaintManager', 1]);
  }
  const patient = await podOf('patient');
  assert.ok(patient !== undefined && !isPodReady(patient) && patient.metadata.deletionTimestamp === undefined);
});

test('a node that is heard of again loses its taints, and the pod that waited stays', async () => {
  await report('n1', 'True');
  await tainted('n1', '', ALL);
  await t.until(async () => (t.events.some((line) => line.includes('Cancelling deletion of Pod ns/patient')) ? true : undefined));
  assert.equal((await podOf('patient'))?.metadata.deletionTimestamp, undefined);
});

test('the time of a taint that does not say when it came counts from when it was seen', async () => {
  await t.client.patch(nodes, { name: 'n4' }, { type: 'merge', body: { spec: { taints: [{ key: 'own', effect: 'NoExecute' }] } } });
  const tolerations = [{ key: 'own', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }];
  const spec = { nodeName: 'n4', tolerations, containers: [{ name: 'c', image: 'i' }] };
  await t.client.create(pods, { metadata: { name: 'counted', namespace: 'ns', labels: { app: 'on-node' } }, spec } as never);
  await t.until(async () => {
    for (const one of ALL) await renew(one);
    const pod = await podOf('counted');
    return pod === undefined || pod.metadata.deletionTimestamp !== undefined ? true : undefined;
  }, 1000);
  await t.client.patch(nodes, { name: 'n4' }, { type: 'merge', body: { spec: { taints: null } } });
});

test('a clock that is set forward drives no pod away before its time, one that is set back keeps none', async (test) => {
  test.after(() => t.client.patch(nodes, { name: 'n4' }, { type: 'merge', body: { spec: { taints: null } } }));
  for (const setMs of [3_600_000, -7_200_000]) {
    const name = `steady${setMs}`;
    const tolerations = [{ key: 'own', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 100 }];
    const spec = { nodeName: 'n4', tolerations, containers: [{ name: 'c', image: 'i' }] };
    await t.client.create(pods, { metadata: { name, namespace: 'ns', labels: { app: 'on-node' } }, spec } as never);
    const taint = { key: 'own', effect: 'NoExecute', timeAdded: formatTime(t.clock.now()) };
    const taints = (...all: readonly object[]) => t.client.patch(nodes, { name: 'n4' }, { type: 'merge', body: { spec: { taints: all } } });
    const began = t.clock.monotonic();
    /** Until the pod goes, or this many milliseconds have passed since the taint came. */
    const leavesWithin = (ms: number): Promise<boolean> =>
      t.until(async () => {
        for (const one of ALL) await renew(one);
        const pod = await podOf(name);
        if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return true;
        return t.clock.monotonic() - began >= ms ? false : undefined;
      }, 1000);
    await taints(taint);
    assert.equal(await leavesWithin(40_000), false);
    t.clock.jump(setMs);
    await taints(taint, { key: 'other', effect: 'NoSchedule' }); // so that all is looked at again
    assert.equal(await leavesWithin(80_000), false);
    assert.equal(await leavesWithin(200_000), true);
    await taints();
  }
});

test('when no node is heard of, pods are left where they are', async () => {
  await tainted('n2', 'unreachable:NoSchedule', []);
  for (const name of ALL) await tainted(name, 'unreachable:NoSchedule', []);
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
