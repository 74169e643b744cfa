import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { devicetaintrules } from '#api/optional-resources.ts';
import { nodes, pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceToleration, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deviceTaintEviction } from '#controllers/device-taint-eviction/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const GATES = 'DRADeviceTaintRules=true';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [deviceTaintEviction],
    gates: GATES,
    schema: { serves: (group, version) => group === 'resource.k8s.io' || !/alpha|beta/.test(version) },
  });
  await t.client.create(nodes, { metadata: { name: 'n1' } });
});
after(() => t.stop());

const publish = (pool: string) =>
  t.client.create(resourceslices, {
    metadata: { name: pool },
    spec: {
      driver: 'gpu.example.com',
      nodeName: 'n1',
      pool: { name: pool, generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'a' }, { name: 'b' }],
    },
  } as New<ResourceSlice>);

/** A pod on the node that has a device, of the pool of its name unless it is told. */
async function user(name: string, { pool = name, device = 'a', tolerations = [] as readonly DeviceToleration[] } = {}): Promise<Pod> {
  const pod = await t.client.create(pods, {
    metadata: { name, namespace: 'ns' },
    spec: { nodeName: 'n1', resourceClaims: [{ name: 'gpu', resourceClaimName: name }], containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  const claim = await t.client.create(resourceclaims, {
    metadata: { name, namespace: 'ns' },
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] } },
  } as New<ResourceClaim>);
  const results = [{ request: 'one', driver: 'gpu.example.com', pool, device, tolerations }];
  const reservedFor = [{ resource: 'pods', name, uid: pod.metadata.uid }];
  const status = { allocation: { devices: { results } }, reservedFor };
  await t.client.update(resourceclaims, { ...claim, status } as New<ResourceClaim>, { subresource: 'status' });
  return pod;
}

const leaving = (pod: Pod): Promise<Pod> =>
  t.until(async () => {
    try {
      const found = await t.client.get(pods, pod.metadata);
      return found.metadata.deletionTimestamp === undefined ? undefined : found;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return pod;
      throw error;
    }
  });

const inProgress = (name: string, reason: string) =>
  t.until(async () => {
    const { status } = await t.client.get(devicetaintrules, { name });
    return status?.conditions?.find((condition) => condition.type === 'EvictionInProgress' && condition.reason === reason);
  });

const rule = (name: string, pool: string, effect: string): New<DeviceTaintRule> =>
  ({
    metadata: { name },
    spec: { deviceSelector: { driver: 'gpu.example.com', pool }, taint: { key: 'sick', effect } },
  }) as New<DeviceTaintRule>;

test('a pod goes when the device of its claim is tainted, and its status says why', async () => {
  const slice = await publish('tainted');
  const pod = await user('tainted');
  const devices = [{ name: 'a', taints: [{ key: 'sick', effect: 'NoExecute' }] }];
  await t.client.update(resourceslices, { ...slice, spec: { ...slice.spec, devices } } as New<ResourceSlice>);
  const condition = (await leaving(pod)).status.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'DeletionByDeviceTaintManager']);
  assert.deepEqual(t.events.splice(0), ['Normal DeviceTaintManagerEviction Marking for deletion']);
});

test('a pod stays when the taint goes in time, and hears of it', async () => {
  const slice = await publish('spared');
  const tolerations = [{ key: 'sick', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3_600 }] as const;
  const pod = await user('spared', { tolerations });
  const other = await user('witness', { pool: 'spared', device: 'b' });
  const taints = [{ key: 'sick', effect: 'NoExecute' }];
  const devices = ['a', 'b'].map((name) => ({ name, taints }));
  const tainted = await t.client.update(resourceslices, { ...slice, spec: { ...slice.spec, devices } } as New<ResourceSlice>);
  await leaving(other);
  assert.deepEqual(t.events.splice(0), ['Normal DeviceTaintManagerEviction Marking for deletion']);
  await t.client.update(resourceslices, { ...tainted, spec: slice.spec } as New<ResourceSlice>);
  await t.until(async () => (t.events.length > 0 ? true : undefined), 0);
  assert.deepEqual(t.events.splice(0), ['Normal DeviceTaintManagerEviction Cancelling deletion']);
  assert.equal((await t.client.get(pods, pod.metadata)).metadata.deletionTimestamp, undefined);
});

test('a rule without effect tells what it would do, with it the pod goes, and the rule tells that', async () => {
  await publish('ruled');
  const pod = await user('ruled');
  const made = await t.client.create(devicetaintrules, rule('r', 'ruled', 'None'));
  const told = await inProgress('r', 'NoEffect');
  assert.match(
    told.message,
    /^2 published devices selected\. 1 allocated device selected\. 1 pod would be evicted in 1 namespace if the effect was NoExecute\./,
  );
  assert.equal((await t.client.get(pods, pod.metadata)).metadata.deletionTimestamp, undefined);
  const now = await t.client.get(devicetaintrules, made.metadata);
  const spec = { ...now.spec, taint: { ...now.spec.taint, effect: 'NoExecute' } };
  await t.client.update(devicetaintrules, { ...now, spec } as New<DeviceTaintRule>);
  await leaving(pod);
  const done = await inProgress('r', 'Completed');
  assert.deepEqual([done.status, done.message], ['False', '1 pod evicted since starting the controller.']);
  assert.deepEqual(t.warnings, []);
});
