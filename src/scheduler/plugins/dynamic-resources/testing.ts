// Small claims, classes and slices for tests.
import type { Device, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New } from '#api/types.ts';
import { DevicePools } from './pools.ts';

export const DRIVER = 'gpu.example.com';

type Request = New<NonNullable<DeviceRequest['exactly']>>;

export function request(name: string, more: Request = {}): DeviceRequest {
  return { name, exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...more } as Request } as DeviceRequest;
}

export const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] });

export function claim(name: string, requests: readonly DeviceRequest[], more: New<ResourceClaim> = {}): ResourceClaim {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1', ...more.metadata },
    spec: { devices: { requests, ...more.spec?.devices } },
    status: more.status ?? {},
  } as unknown as ResourceClaim;
}

export function deviceClass(name: string, spec: New<DeviceClass['spec']> = {}): DeviceClass {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name, uid: name, resourceVersion: '1' },
    spec,
  } as unknown as DeviceClass;
}

/** All of them published. */
export function poolsOf(slices: readonly ResourceSlice[]): DevicePools {
  const pools = new DevicePools();
  for (const each of slices) pools.set(each);
  return pools;
}

/** One slice that is a pool of its own on `node`, unless said otherwise. */
export function slice(
  node: string,
  devices: readonly New<Device>[],
  spec: New<ResourceSlice['spec']> = {},
  name = `${node}-slice`,
): ResourceSlice {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: { driver: DRIVER, pool: { name: node, generation: 1, resourceSliceCount: 1 }, nodeName: node, devices, ...spec },
  } as unknown as ResourceSlice;
}
