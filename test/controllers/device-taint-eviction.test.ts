import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nodes, pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New, Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { deviceTaintEviction } from '#controllers/device-taint-eviction/controller.ts';
import { evictionTime } from '#controllers/device-taint-eviction/plan.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const NOW = Date.UTC(2026, 0, 1);
const taint = (more: Partial<DeviceTaint> = {}): DeviceTaint =>
  ({ key: 'sick', effect: 'NoExecute', timeAdded: formatTime(NOW), ...more }) as DeviceTaint;
const toleration = (more: Partial<DeviceToleration> = {}): DeviceToleration =>
  ({ key: 'sick', operator: 'Exists', ...more }) as DeviceToleration;

for (const c of [
  { name: 'is at once without a toleration', taints: [taint()], tolerations: [], due: NOW },
  { name: 'is never for what only keeps new pods away', taints: [taint({ effect: 'NoSchedule' })], tolerations: [], due: undefined },
  { name: 'is never with a toleration for good', taints: [taint()], tolerations: [toleration()], due: undefined },
  {
    name: 'waits as long as the toleration says',
    taints: [taint()],
    tolerations: [toleration({ tolerationSeconds: 60 })],
    due: NOW + 60_000,
  },
  { name: 'asks for every taint to be tolerated', taints: [taint(), taint({ key: 'old' })], tolerations: [toleration()], due: NOW },
  { name: 'compares values', taints: [taint({ value: 'a' })], tolerations: [toleration({ operator: 'Equal', value: 'b' })], due: NOW },
] as const) {
  test(`evictionTime ${c.name}`, () => assert.equal(evictionTime(c.taints, c.tolerations, NOW), c.due));
}

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [deviceTaintEviction] });
  await t.client.create(nodes, { metadata: { name: 'n1' } });
});
after(() => t.stop());

test('a pod goes when the device of its claim is tainted, and its status says why', async () => {
  const slice = await t.client.create(resourceslices, {
    metadata: { name: 'slice' },
    spec: {
      driver: 'gpu.example.com',
      nodeName: 'n1',
      pool: { name: 'n1', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'a' }],
    },
  } as New<ResourceSlice>);
  const pod = await t.client.create(pods, {
    metadata: { name: 'user', namespace: 'ns' },
    spec: { nodeName: 'n1', resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }], containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  const claim = await t.client.create(resourceclaims, {
    metadata: { name: 'gpu', namespace: 'ns' },
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] } },
  } as New<ResourceClaim>);
  const results = [{ request: 'one', driver: 'gpu.example.com', pool: 'n1', device: 'a' }];
  await t.client.update(
    resourceclaims,
    {
      ...claim,
      status: { allocation: { devices: { results } }, reservedFor: [{ resource: 'pods', name: 'user', uid: pod.metadata.uid }] },
    } as New<ResourceClaim>,
    { subresource: 'status' },
  );
  const devices = [{ name: 'a', taints: [{ key: 'sick', effect: 'NoExecute' }] }];
  await t.client.update(resourceslices, { ...slice, spec: { ...slice.spec, devices } } as New<ResourceSlice>);
  const leaving = await t.until(async () => {
    const found = await t.client.get(pods, pod.metadata);
    return found.metadata.deletionTimestamp === undefined ? undefined : found;
  });
  const condition = leaving.status.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'DeletionByDeviceTaintManager']);
  assert.deepEqual(t.events, ['Normal DeviceTaintManagerEviction Marking for deletion']);
  assert.deepEqual(t.warnings, []);
});
