// What plugins on a node give to pods: devices, from the slice that offers them by the claim that asks to the pod that runs, and
// volumes of CSI drivers. Source: test/e2e/dra/dra.go, test/e2e/storage/csimock.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startCsiDriver } from '#kubelet/csi/testing/driver.ts';
import { startDriver } from '#kubelet/dra/testing.ts';
import {
  csidrivers,
  csinodes,
  deviceclasses,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods as podResource,
  resourceclaims,
  resourceclaimtemplates,
  resourceslices,
  volumeattachments,
} from '#api/resources.ts';
import type { DeviceClass, ResourceClaimTemplate, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, PodSpec } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { attachmentName, uniqueVolumeName } from '#api/csi.ts';
import { waitFor } from '#client/wait-for.ts';
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
const registry = join(dataDir, 'kubelet', 'plugins_registry');
const driver = await startDriver({ after }, { registry, folder });

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

test('a pod writes to volumes of a CSI driver, one that a claim has and one of its own, and gives them back', async () => {
  const disks = await startCsiDriver({ after }, { registry, folder });
  assert.deepEqual(await disks.registered(), { pluginRegistered: true, error: '' });
  const { spec } = await api.get(csinodes, { name: 'boat' });
  assert.deepEqual(
    spec.drivers?.map(({ name, nodeID }) => [name, nodeID]),
    [[disks.name, 'host-7']],
  );
  await pods.create(csidrivers, {
    metadata: { name: disks.name },
    spec: {
      attachRequired: false,
      podInfoOnMount: true,
      volumeLifecycleModes: ['Persistent', 'Ephemeral'],
      fsGroupPolicy: 'File',
      tokenRequests: [{ audience: 'vault' }],
    },
  } as unknown as New<CSIDriver>);
  await pods.create(persistentvolumes, {
    metadata: { name: 'disk' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: '',
      csi: { driver: disks.name, volumeHandle: 'disk-1' },
    },
  } as unknown as New<PersistentVolume>);
  await pods.create(persistentvolumeclaims, {
    metadata: { name: 'disk' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', volumeName: 'disk', resources: { requests: { storage: '1Gi' } } },
  } as unknown as New<PersistentVolumeClaim>);
  await pods.run('writes', {
    restartPolicy: 'Never',
    securityContext: { fsGroup: 4242 },
    containers: [
      {
        name: 'main',
        image: IMAGE.name,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', 'echo cargo > /disk/file && echo cargo > /own/file'],
        volumeMounts: ['disk', 'own'].map((name) => ({ name, mountPath: `/${name}` })),
      },
    ],
    volumes: [
      { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } },
      { name: 'own', csi: { driver: disks.name } },
    ],
  } as unknown as New<PodSpec>);
  await pods.output('writes');
  const tokens = JSON.parse(disks.last.get('publish')?.volumeContext['csi.storage.k8s.io/serviceAccount.tokens'] ?? '') as object;
  assert.deepEqual(Object.keys(tokens), ['vault']);
  await api.delete(podResource, { namespace, name: 'writes' });
  await pods.gone('writes');
  const verbs = disks.calls.filter((call) => call.endsWith(' disk-1')).map((call) => call.split(' ')[0]);
  assert.deepEqual(verbs, ['stage', 'publish', 'unpublish', 'unstage']);
  assert.equal(disks.calls.length, 6, 'and the other was published and unpublished');
});

const waiting = { timeoutMs: 60_000, clock: systemClock, ids: randomIds };

/** The driver's own attacher, for one volume: attaches, and later detaches. */
function attacher(driverName: string, volumeHandle: string) {
  const ref = { name: attachmentName({ driver: driverName, volumeHandle }, 'boat') };
  const patch = (body: object, subresource?: string) =>
    api.patch(volumeattachments, ref, { type: 'merge', body }, subresource === undefined ? {} : { subresource });
  return {
    async attach(): Promise<void> {
      await waitFor(api, volumeattachments, ref, { ...waiting, until: (found) => found !== undefined });
      await patch({ metadata: { finalizers: ['external-attacher/test'] } });
      await patch({ status: { attached: true, attachmentMetadata: { slot: '4' } } }, 'status');
    },
    async detach(): Promise<void> {
      await waitFor(api, volumeattachments, ref, { ...waiting, until: (found) => found?.metadata.deletionTimestamp !== undefined });
      await patch({ status: { attached: false } }, 'status');
      await patch({ metadata: { finalizers: [] } });
      await waitFor(api, volumeattachments, ref, { ...waiting, until: (found) => found === undefined });
    },
  };
}

test('a disk and a raw device are attached to the node before a pod gets them, grow on it, and leave it after the pod', async () => {
  const capabilities = ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME', 'GET_VOLUME_STATS'];
  const racks = await startCsiDriver({ after }, { registry, folder, name: 'rack.vendor.test', capabilities, device: '/dev/zero' });
  assert.deepEqual(await racks.registered(), { pluginRegistered: true, error: '' });
  racks.usage = [{ unit: 'BYTES', total: 2000, used: 500, available: 1500 }];
  for (const [name, volumeMode] of [
    ['files', 'Filesystem'],
    ['raw', 'Block'],
  ] as const) {
    const spec = { accessModes: ['ReadWriteOnce'], storageClassName: '', volumeMode };
    await pods.create(persistentvolumes, {
      metadata: { name: `rack-${name}` },
      spec: {
        ...spec,
        capacity: { storage: '1Gi' },
        persistentVolumeReclaimPolicy: 'Retain',
        csi: { driver: racks.name, volumeHandle: name },
      },
    } as unknown as New<PersistentVolume>);
    await pods.create(persistentvolumeclaims, {
      metadata: { name },
      spec: { ...spec, volumeName: `rack-${name}`, resources: { requests: { storage: '1Gi' } } },
    } as unknown as New<PersistentVolumeClaim>);
    await waitFor(api, persistentvolumeclaims, { namespace, name }, { ...waiting, until: (claim) => claim?.status.phase === 'Bound' });
  }
  // As its resizer does, when nobody has the volume.
  const grow = { type: 'merge', body: { spec: { capacity: { storage: '2Gi' } } } } as const;
  await api.patch(persistentvolumes, { name: 'rack-files' }, grow);
  const status = { allocatedResources: { storage: '2Gi' }, allocatedResourceStatuses: { storage: 'NodeResizePending' } };
  const claim = { namespace, name: 'files' };
  await api.patch(persistentvolumeclaims, claim, { type: 'merge', body: { status } }, { subresource: 'status' });

  const attachers = ['files', 'raw'].map((handle) => attacher(racks.name, handle));
  await pods.run('uses', {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'main',
        image: IMAGE.name,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', 'echo cargo > /files/file; [ -c /dev/raw ] && echo a device; sleep 1000'],
        volumeMounts: [{ name: 'files', mountPath: '/files' }],
        volumeDevices: [{ name: 'raw', devicePath: '/dev/raw' }],
      },
    ],
    volumes: ['files', 'raw'].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
  } as unknown as New<PodSpec>);
  const names = ['files', 'raw'].map((volumeHandle) => uniqueVolumeName({ driver: racks.name, volumeHandle }));
  await waitFor(api, nodes, { name: 'boat' }, { ...waiting, until: (node) => node?.status?.volumesInUse?.join() === names.join() });
  assert.deepEqual(racks.calls, [], 'nothing is mounted before it is attached');
  await Promise.all(attachers.map(({ attach }) => attach()));
  await pods.writes('uses', /a device/);
  assert.deepEqual((await pods.told('uses', 'SuccessfulAttachVolume')).slice(0, 33), 'AttachVolume.Attach succeeded for');
  assert.deepEqual(racks.last.get('publish')?.publishContext, { slot: '4' });
  assert.equal((await api.get(persistentvolumeclaims, claim)).status.capacity?.['storage'], '2Gi');
  const figures = await cluster.kubectl.succeed(['get', '--raw', '/api/v1/nodes/boat/proxy/metrics']);
  assert.match(figures, /^kubelet_volume_stats_used_bytes\{namespace="crane",persistentvolumeclaim="files"\} 500$/m);

  await api.delete(podResource, { namespace, name: 'uses' });
  await Promise.all(attachers.map(({ detach }) => detach()));
  await pods.gone('uses');
  const { volumesInUse = [], volumesAttached = [] } = (await api.get(nodes, { name: 'boat' })).status ?? {};
  assert.deepEqual([volumesInUse, volumesAttached], [[], []]);
  const verbs = (handle: string) => racks.calls.filter((call) => call.endsWith(` ${handle}`)).map((call) => call.split(' ')[0]);
  assert.deepEqual(verbs('files'), ['stage', 'publish', 'expand', 'unpublish', 'unstage']);
  assert.deepEqual(verbs('raw'), ['stage', 'publish', 'unpublish', 'unstage']);
});
