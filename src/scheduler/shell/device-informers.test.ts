import assert from 'node:assert/strict';
import { test } from 'node:test';
import { devicetaintrules } from '#api/optional-resources.ts';
import { deviceclasses, resourceclaims, resourceslices } from '#api/resources.ts';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Node } from '#api/types.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { fakeInformer } from '#client/testing.ts';
import { watchDevices } from './device-informers.ts';

const node = { metadata: { name: 'n' } } as Node;
const slice = {
  metadata: { name: 's', resourceVersion: '1' },
  spec: { driver: 'd', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'a' }, { name: 'b' }] },
} as unknown as ResourceSlice;
const rule = (device: string | undefined, version = '1') =>
  ({
    metadata: { name: 'r', resourceVersion: version },
    spec: { deviceSelector: { pool: 'p', ...(device === undefined ? {} : { device }) }, taint: { key: 'sick', effect: 'NoSchedule' } },
  }) as unknown as DeviceTaintRule;

function watched(taintRules: boolean) {
  const [slices, rules] = [fakeInformer<ResourceSlice>(), fakeInformer<DeviceTaintRule>()];
  const byResource = new Map<string, unknown>([
    [groupResourceString(resourceclaims), fakeInformer<ResourceClaim>()],
    [groupResourceString(deviceclasses), fakeInformer<DeviceClass>()],
    [groupResourceString(resourceslices), slices],
    [groupResourceString(devicetaintrules), rules],
  ]);
  const informers = { informer: (resource: Resource) => byResource.get(groupResourceString(resource)) } as unknown as InformerFactory;
  const touched: string[] = [];
  const cluster = { touch: (name: string) => void touched.push(name), invalidate: () => void touched.push('all') };
  const { pools } = watchDevices(informers, cluster, { taintRules });
  const tainted = () =>
    pools.on(node).devices.flatMap(({ published: { device } }) => ((device.taints ?? []).length > 0 ? device.name : []));
  return { slices, rules, touched, tainted };
}

test('rules taint the devices they select, and let go of them', () => {
  const { slices, rules, touched, tainted } = watched(true);
  slices.put(slice);
  assert.deepEqual(tainted(), []);
  rules.put(rule('a'));
  assert.deepEqual(tainted(), ['a']);
  rules.put(rule(undefined, '2'));
  assert.deepEqual(tainted(), ['a', 'b']);
  touched.length = 0;
  rules.remove(rule(undefined, '2'));
  assert.deepEqual([tainted(), touched], [[], ['n', 'n']]);
});

test('a slice that comes after its rule is tainted at once, and one that nothing is changed of touches no node', () => {
  const { slices, rules, touched, tainted } = watched(true);
  rules.put(rule('b'));
  slices.put(slice);
  assert.deepEqual(tainted(), ['b']);
  touched.length = 0;
  rules.put({ ...rule('b', '2'), metadata: { ...rule('b').metadata, resourceVersion: '2', labels: { a: 'b' } } });
  assert.deepEqual(touched, []);
  slices.remove(slice);
  assert.deepEqual(tainted(), []);
});

test('nothing is known of rules while the gate is closed', () => {
  const { slices, rules, tainted } = watched(false);
  rules.put(rule('a'));
  slices.put(slice);
  assert.deepEqual(tainted(), []);
});
