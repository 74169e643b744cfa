import assert from 'node:assert/strict';
import { test } from 'node:test';
import { devicetaintrules } from '#api/optional-resources.ts';
import { deviceclasses, nodes, pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import { node, pod } from '../testing.ts';
import { explainPod } from './explain-pod.ts';

const DRIVER = 'gpu.example';
const slice = (devices: readonly object[]) => ({
  metadata: { name: 'n' },
  spec: { driver: DRIVER, pool: { name: 'n', generation: 1, resourceSliceCount: 1 }, nodeName: 'n', devices },
});
const gpuClass = { metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression: `device.driver == '${DRIVER}'` } }] } };
const claim = (name: string, request: object = {}, status: object = {}) => ({
  metadata: { name, namespace: 'ns', uid: name },
  spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...request } }] } },
  status,
});
const allocated = (device: string, pods: readonly string[] = []) => ({
  allocation: { devices: { results: [{ request: 'r', driver: DRIVER, pool: 'n', device }] } },
  reservedFor: pods.map((name) => ({ resource: 'pods', name, uid: name })),
});
const wanting = (name: string, resourceClaimName: string, nodeName?: string): Pod =>
  pod(name, {}, { resourceClaims: [{ name: 'c', resourceClaimName }], ...(nodeName === undefined ? {} : { nodeName }) });

interface Case {
  readonly name: string;
  readonly devices?: readonly object[];
  readonly claims?: readonly object[];
  readonly rules?: readonly object[];
  readonly placed?: readonly Pod[];
  readonly changes: readonly string[];
}

const TAINT = { key: 'maintenance', value: 'fan', effect: 'NoSchedule' };

const CASES: readonly Case[] = [
  { name: 'a claim that is not there', changes: ['make ResourceClaim mine'] },
  { name: 'a claim whose name is misspelled', claims: [claim('mime')], changes: ['name claim mime instead of mine'] },
  {
    name: 'a class whose name is misspelled',
    claims: [claim('mine', { deviceClassName: 'gpus' })],
    changes: ['name device class gpu instead of gpus in ResourceClaim mine'],
  },
  {
    name: 'a class that is not there',
    claims: [claim('mine', { deviceClassName: 'network' })],
    changes: ['make DeviceClass network'],
  },
  {
    name: 'a device with a taint',
    devices: [{ name: 'a', taints: [TAINT] }],
    claims: [claim('mine')],
    changes: ['add a toleration for the device taint maintenance=fan:NoSchedule to ResourceClaim mine'],
  },
  {
    name: 'a device that a rule taints',
    claims: [claim('mine')],
    rules: [{ metadata: { name: 'broken', uid: 'broken' }, spec: { deviceSelector: { driver: DRIVER }, taint: { ...TAINT, value: '' } } }],
    changes: ['add a toleration for the device taint maintenance:NoSchedule to ResourceClaim mine'],
  },
  {
    name: 'a device that another pod has',
    claims: [claim('mine'), claim('theirs', {}, allocated('a', ['other']))],
    placed: [wanting('other', 'theirs', 'n')],
    changes: ['remove pod ns/other, which has the devices of ResourceClaim ns/theirs'],
  },
  {
    name: 'a device that nobody uses and a claim has',
    claims: [claim('mine'), claim('theirs', {}, allocated('a'))],
    changes: ['give up the allocation of ResourceClaim ns/theirs'],
  },
  {
    name: 'more devices than there are',
    devices: [{ name: 'a' }, { name: 'b' }],
    claims: [claim('mine', { count: 3 })],
    changes: ['ask for 2 instead of 3 devices in request r of ResourceClaim mine'],
  },
  {
    name: 'a selector that no device meets',
    claims: [claim('mine', { selectors: [{ cel: { expression: "device.attributes['gpu.example'].?model.orValue('') == 'x'" } }] })],
    changes: ["drop the selector device.attributes['gpu.example'].?model.orValue('') == 'x' from request r of ResourceClaim mine"],
  },
];

for (const { name, devices = [{ name: 'a' }], claims = [], rules = [], placed = [], changes } of CASES) {
  test(`explainPod of ${name}`, async () => {
    const { client, server } = fakeClient();
    server.seed(nodes, node('n'));
    server.seed(deviceclasses, gpuClass as never);
    server.seed(resourceslices, slice(devices) as never);
    for (const each of claims) server.seed(resourceclaims, each as never);
    for (const each of rules) server.seed(devicetaintrules, each as never);
    server.seed(pods, wanting('p', 'mine'), ...placed);
    const deps = { client, clock: new ManualClock(), ids: seededIds(1), logger: silentLogger };
    const found = await explainPod(wanting('p', 'mine'), deps);
    assert.deepEqual(
      [found?.smallest?.changes.map(({ text }) => text), found?.nodes[0]?.plugin],
      [changes, 'DynamicResources'],
      JSON.stringify(found),
    );
  });
}
