// Devices of a driver on a node: from the slice that offers them by the claim that asks to the pod that runs, and back.
// Source: test/e2e/dra/dra.go.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startDriver } from '#kubelet/dra/testing.ts';
import { deviceclasses, pods as podResource, resourceclaims, resourceclaimtemplates, resourceslices } from '#api/resources.ts';
import type { DeviceClass, ResourceClaimTemplate, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New, PodSpec } from '#api/types.ts';
import { eventually } from '../harness/eventually.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

const folder = temporaryFolder({ after });
const dataDir = join(folder, 'data');
const cluster = await startCluster({ after }, [], { dataDir });
const IMAGE = { name: 'example.test/shell:1', programs: ['sh', 'sleep'] } as const;
await cluster.importImage(IMAGE);
const pods = await podSet({ after }, cluster, 'crane');
const { client: api, namespace } = pods;
const driver = await startDriver({ after }, { registry: join(dataDir, 'kubelet', 'plugins_registry'), folder });

test('a pod gets a device that its driver has prepared, the claim says which, and both are given back with the pod', async () => {
  assert.deepEqual(await driver.registered(), { pluginRegistered: true, error: '' });
  await pods.create(deviceclasses, {
    metadata: { name: 'gpu' },
    spec: { selectors: [{ cel: { expression: `device.driver == "${driver.name}"` } }] },
  } as New<DeviceClass>);
  await pods.create(resourceslices, {
    metadata: { name: 'gpus' },
    spec: {
      driver: driver.name,
      nodeName: 'boat',
      pool: { name: 'boat', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'gpu-0' }],
    },
  } as unknown as New<ResourceSlice>);
  await pods.create(resourceclaimtemplates, {
    metadata: { name: 'one-gpu' },
    spec: {
      spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }] } },
    },
  } as New<ResourceClaimTemplate>);

  const spec = {
    terminationGracePeriodSeconds: 1,
    resourceClaims: [{ name: 'mine', resourceClaimTemplateName: 'one-gpu' }],
    containers: [
      { name: 'main', image: IMAGE.name, imagePullPolicy: 'Never', command: ['sleep', '1000'], resources: { claims: [{ name: 'mine' }] } },
    ],
  } as unknown as New<PodSpec>;
  await pods.run('lifts', spec);
  const { status } = await pods.until('lifts', (pod) => pod.status.phase === 'Running');
  const claim = status.resourceClaimStatuses?.[0]?.resourceClaimName ?? '';
  const { allocation } = (await api.get(resourceclaims, { namespace, name: claim })).status;
  assert.deepEqual(
    allocation?.devices.results?.map(({ request, driver: by, pool, device }) => [request, by, pool, device]),
    [['gpu', driver.name, 'boat', 'gpu-0']],
  );
  assert.deepEqual(driver.calls, [`prepare ${claim}`]);

  // There is one device: who comes second waits for it.
  await pods.run('waits', spec);
  await pods.told('waits', 'FailedScheduling', /cannot allocate all claims/);
  await api.delete(podResource, { namespace, name: 'lifts' });
  await pods.gone('lifts');
  assert.deepEqual(driver.calls.slice(0, 2), [`prepare ${claim}`, `unprepare ${claim}`]);
  await pods.until('waits', (pod) => pod.status.phase === 'Running');

  await api.delete(podResource, { namespace, name: 'waits' });
  await pods.gone('waits');
  await driver.stop();
  await eventually(async () => assert.deepEqual((await api.list(resourceslices, {})).items, []), 120_000);
});
