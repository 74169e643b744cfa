import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  events as eventKind,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  storageclasses,
  volumeattributesclasses,
} from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { ephemeralVolumeController } from '#controllers/ephemeral-volume/controller.ts';
import { claimBinder } from '#controllers/persistent-volume/claim-controller.ts';
import { volumeBinder } from '#controllers/persistent-volume/volume-controller.ts';
import { attributesClassProtection, claimProtection, volumeProtection } from '#controllers/storage-protection/controllers.ts';
import { expandController } from '#controllers/volume-expand/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [
      claimBinder,
      volumeBinder,
      claimProtection,
      volumeProtection,
      attributesClassProtection,
      ephemeralVolumeController,
      expandController,
    ],
  });
  await t.client.create(nodes, { metadata: { name: 'n1' } });
});
after(async () => {
  await t.stop();
  assert.deepEqual(t.warnings, []);
});

type VolumeSpec = New<PersistentVolume['spec']>;
type ClaimSpec = New<PersistentVolumeClaim['spec']>;

const volume = (name: string, storage: string, spec: VolumeSpec = {}) =>
  t.client.create(persistentvolumes, {
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: `/tmp/${name}` },
      storageClassName: 'manual',
      ...spec,
    },
  } as New<PersistentVolume>);

const claim = (name: string, storage: string, spec: ClaimSpec = {}) =>
  t.client.create(persistentvolumeclaims, {
    metadata: { name, namespace: 'ns' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, storageClassName: 'manual', ...spec },
  } as New<PersistentVolumeClaim>);

const claimNow = (name: string) => t.client.get(persistentvolumeclaims, { name, namespace: 'ns' });
const volumeNow = (name: string) => t.client.get(persistentvolumes, { name });

const claimOnce = (name: string, is: (claim: PersistentVolumeClaim) => boolean) =>
  t.until(async () => {
    const found = await claimNow(name);
    return is(found) ? found : undefined;
  });
const volumeOnce = (name: string, phase: PersistentVolume['status']['phase']) =>
  t.until(async () => {
    const found = await volumeNow(name);
    return found.status.phase === phase ? found : undefined;
  });
const bound = (name: string) => claimOnce(name, ({ status }) => status.phase === 'Bound');
const event = (text: string) => t.until(() => Promise.resolve(t.events.find((line) => line.includes(text))));

const podWith = (name: string, volumes: Pod['spec']['volumes'], nodeName?: string) =>
  t.client.create(pods, {
    metadata: { name, namespace: 'ns' },
    spec: {
      containers: [{ name: 'c', image: 'i', volumeMounts: volumes?.map(({ name: of }) => ({ name: of, mountPath: `/${of}` })) }],
      volumes,
      ...(nodeName === undefined ? {} : { nodeName }),
    },
  } as New<Pod>);

test('a claim takes the smallest volume that will do, and says so on both', async () => {
  await volume('large', '10Gi');
  await volume('small', '1Gi');
  await volume('middle', '5Gi');
  await volumeOnce('middle', 'Available');
  await claim('data', '2Gi');
  const done = await bound('data');
  assert.equal(done.spec.volumeName, 'middle');
  assert.deepEqual([done.status.capacity, done.status.accessModes], [{ storage: '5Gi' }, ['ReadWriteOnce']]);
  assert.equal(done.metadata.annotations?.['pv.kubernetes.io/bind-completed'], 'yes');
  assert.equal(done.metadata.annotations['pv.kubernetes.io/bound-by-controller'], 'yes');
  const taken = await volumeOnce('middle', 'Bound');
  assert.equal(taken.spec.claimRef?.uid, done.metadata.uid);
});

test('a claim that comes first is bound when its volume comes, and pre-bound ones find each other', async () => {
  await claim('early', '3Gi', { storageClassName: 'later' });
  await claimOnce('early', ({ status }) => status.phase === 'Pending');
  await event('ProvisioningFailed storageclass.storage.k8s.io "later" not found');
  await volume('late', '3Gi', { storageClassName: 'later' });
  assert.equal((await bound('early')).spec.volumeName, 'late');

  await volume('kept', '1Gi', { claimRef: { namespace: 'ns', name: 'keeper' } });
  await claim('other', '1Gi', { volumeName: 'nowhere' });
  await claim('keeper', '1Gi');
  assert.equal((await bound('keeper')).spec.volumeName, 'kept');
  assert.equal((await claimNow('other')).status.phase, 'Pending');
  await volume('tiny', '1Mi');
  await claim('named', '1Gi', { volumeName: 'tiny' });
  await event('Warning VolumeMismatch Cannot bind to requested volume "tiny": requested PV is too small');
});

/** Bound to a claim of its own, which goes then. */
async function released(
  name: string,
  spec: VolumeSpec,
  phase: PersistentVolume['status']['phase'] = 'Released',
): Promise<PersistentVolume> {
  await volume(name, '1Gi', { storageClassName: name, ...spec });
  await claim(name, '1Gi', { storageClassName: name });
  await bound(name);
  await t.client.delete(persistentvolumeclaims, { name, namespace: 'ns' });
  return volumeOnce(name, phase);
}

test('a volume whose claim is gone is released and retained', async () => {
  await released('keep', {});
  await claim('three', '1Gi', { storageClassName: 'keep' });
  await t.client.delete(persistentvolumes, { name: 'keep' });
  await t.gone(() => t.client.get(persistentvolumes, { name: 'keep' }));
  assert.equal((await claimNow('three')).spec.volumeName, undefined);
});

test('a released volume of the machine is deleted with what it held below /tmp, and of nothing else', async () => {
  const folder = mkdtempSync('/tmp/volume-');
  const kept = join(folder, 'beside');
  mkdirSync(join(folder, 'data', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'data', 'deep', 'file'), 'x');
  writeFileSync(kept, 'x');
  await volume('drop', '1Gi', {
    storageClassName: 'drop',
    persistentVolumeReclaimPolicy: 'Delete',
    hostPath: { path: join(folder, 'data') },
  });
  await claim('drop', '1Gi', { storageClassName: 'drop' });
  await bound('drop');
  await t.client.delete(persistentvolumeclaims, { name: 'drop', namespace: 'ns' });
  await t.gone(() => t.client.get(persistentvolumes, { name: 'drop' }));
  assert.deepEqual([existsSync(join(folder, 'data')), existsSync(kept)], [false, true]);
  rmSync(folder, { recursive: true });

  const failures: readonly (readonly [string, VolumeSpec, string])[] = [
    ['elsewhere', { hostPath: { path: '/data/x' } }, 'host_path deleter only supports /tmp/.+ but received provided /data/x'],
    [
      'remote',
      { hostPath: undefined, nfs: { server: 's', path: '/x' } } as VolumeSpec,
      'error getting deleter volume plugin for volume "remote": no deletable volume plugin matched',
    ],
    [
      'disk',
      { hostPath: undefined, fc: { targetWWNs: ['w'], lun: 1 } } as VolumeSpec,
      'error getting deleter volume plugin for volume "disk": no volume plugin matched',
    ],
  ];
  for (const [name, spec, message] of failures) {
    const { status } = await released(name, { persistentVolumeReclaimPolicy: 'Delete', ...spec }, 'Failed');
    assert.equal(status.message, message);
    await event(`Warning VolumeFailedDelete ${message}`);
  }
});

const recyclerRef = (name: string) => ({ name: `recycler-for-${name}`, namespace: 'default' });
const recyclerOf = (name: string, old?: Pod): Promise<Pod> =>
  t.until(async () => {
    const { items } = await t.client.list(pods, { namespace: 'default' });
    return items.find(({ metadata }) => metadata.name === recyclerRef(name).name && metadata.uid !== old?.metadata.uid);
  }, 1_000);
const endPod = ({ metadata }: Pod, status: object) =>
  t.client.patch(pods, metadata, { type: 'strategic', body: { status } }, { subresource: 'status' });

test('a released volume is emptied by a pod, which is told of, and is free again', async () => {
  await released('used', { persistentVolumeReclaimPolicy: 'Recycle' });
  const pod = await recyclerOf('used');
  const [container] = pod.spec.containers;
  assert.deepEqual(
    [
      pod.spec.activeDeadlineSeconds,
      pod.spec.restartPolicy,
      pod.spec.volumes?.[0]?.hostPath?.path,
      container?.volumeMounts?.[0]?.mountPath,
    ],
    [60, 'Never', '/tmp/used', '/scrub'],
  );
  await t.client.create(eventKind, {
    metadata: { name: 'pulling', namespace: 'default' },
    involvedObject: { kind: 'Pod', ...pod.metadata },
    type: 'Normal',
    reason: 'Pulling',
    message: 'Pulling image',
  } as never);
  await event('Normal RecyclerPod Recycler pod: Pulling image');
  await endPod(pod, { phase: 'Succeeded' });
  const free = await volumeOnce('used', 'Available');
  assert.deepEqual([free.spec.claimRef, free.status.message], [undefined, undefined]);
  await event('Normal VolumeRecycled Volume recycled');
  await t.gone(() => t.client.get(pods, recyclerRef('used')));
  await claim('next', '1Gi', { storageClassName: 'used' });
  assert.equal((await bound('next')).spec.volumeName, 'used');
});

test('a volume that could not be emptied fails and is tried again; a pod of that name that is somebody’s is not believed', async () => {
  await t.client.create(pods, {
    metadata: recyclerRef('tried'),
    spec: { containers: [{ name: 'c', image: 'i' }] },
  } as New<Pod>);
  const { status } = await released('tried', { persistentVolumeReclaimPolicy: 'Recycle' }, 'Failed');
  assert.equal(status.message, 'Recycle failed: old recycler pod found, will retry later');
  const first = await t.until(async () => {
    const pod = await recyclerOf('tried');
    return pod.spec.containers[0]?.name === 'pv-recycler' ? pod : undefined;
  }, 1_000);
  await endPod(first, { phase: 'Failed', message: 'no space' });
  const second = await recyclerOf('tried', first);
  await t.client.delete(pods, second.metadata, { gracePeriodSeconds: 0 });
  const third = await recyclerOf('tried', second);
  await endPod(third, { phase: 'Succeeded' });
  await volumeOnce('tried', 'Available');
  const { status: none } = await released(
    'odd',
    { persistentVolumeReclaimPolicy: 'Recycle', hostPath: undefined, fc: { targetWWNs: ['w'], lun: 1 } } as VolumeSpec,
    'Failed',
  );
  assert.equal(none.message, 'No recycler plugin found for the volume!');
});

test('a volume is not emptied while a pod uses its claim’s name', async () => {
  await volume('busy', '1Gi', { storageClassName: 'busy', persistentVolumeReclaimPolicy: 'Recycle' });
  await claim('busy', '1Gi', { storageClassName: 'busy' });
  await bound('busy');
  await podWith('holder', [{ name: 'v', persistentVolumeClaim: { claimName: 'busy', readOnly: false } }]);
  await t.client.delete(persistentvolumeclaims, { name: 'busy', namespace: 'ns' });
  await volumeOnce('busy', 'Released');
  await event('Normal VolumeFailedRecycle Volume is used by pods: ns/holder');
  await t.client.delete(pods, { name: 'holder', namespace: 'ns' }, { gracePeriodSeconds: 0 });
  await endPod(await recyclerOf('busy'), { phase: 'Succeeded' });
  await volumeOnce('busy', 'Available');
});

test('with delayed binding a claim waits for its pod, then names its provisioner; one without class gets the default', async () => {
  await t.client.create(persistentvolumeclaims, {
    metadata: { name: 'classless', namespace: 'ns' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  } as New<PersistentVolumeClaim>);
  await event('FailedBinding no persistent volumes available for this claim and no storage class is set');
  await t.client.create(storageclasses, {
    metadata: { name: 'lazy', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'example.com/disk',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  } as New<StorageClass>);
  await claimOnce('classless', ({ spec }) => spec.storageClassName === 'lazy');
  await claim('lazy', '1Gi', { storageClassName: 'lazy' });
  await event('Normal WaitForFirstConsumer waiting for first consumer to be created before binding');
  await podWith('consumer', [{ name: 'v', persistentVolumeClaim: { claimName: 'lazy', readOnly: false } }]);
  await event('Normal WaitForPodScheduled waiting for pod consumer to be scheduled');
  await t.client.patch(
    persistentvolumeclaims,
    { name: 'lazy', namespace: 'ns' },
    { type: 'merge', body: { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } } },
  );
  const told = await claimOnce('lazy', ({ metadata }) => metadata.annotations?.['volume.kubernetes.io/storage-provisioner'] !== undefined);
  assert.equal(told.metadata.annotations?.['volume.beta.kubernetes.io/storage-provisioner'], 'example.com/disk');
  await event("Normal ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'example.com/disk'");
  await t.client.create(persistentvolumes, {
    metadata: { name: 'made', annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/disk' } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/tmp/made' },
      storageClassName: 'lazy',
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'lazy', uid: told.metadata.uid },
    },
  } as New<PersistentVolume>);
  assert.equal((await bound('lazy')).spec.volumeName, 'made');
});

test('a claim stays while a pod on a node uses it, a volume while it is bound', async () => {
  await volume('guarded', '20Gi', { storageClassName: 'guard' });
  await claim('guarded', '20Gi', { storageClassName: 'guard' });
  await bound('guarded');
  await podWith('user', [{ name: 'v', persistentVolumeClaim: { claimName: 'guarded', readOnly: false } }], 'n1');
  await t.client.delete(persistentvolumeclaims, { name: 'guarded', namespace: 'ns' });
  await t.client.delete(persistentvolumes, { name: 'guarded' });
  // Another claim comes and goes: what was to happen to the guarded one has happened by then.
  await claim('passing', '1Gi', { storageClassName: 'guard' });
  await t.client.delete(persistentvolumeclaims, { name: 'passing', namespace: 'ns' });
  await t.gone(() => t.client.get(persistentvolumeclaims, { name: 'passing', namespace: 'ns' }));
  assert.ok((await claimNow('guarded')).metadata.deletionTimestamp !== undefined);
  assert.ok((await volumeNow('guarded')).metadata.deletionTimestamp !== undefined);
  await t.client.delete(pods, { name: 'user', namespace: 'ns' }, { gracePeriodSeconds: 0 });
  await t.gone(() => t.client.get(persistentvolumeclaims, { name: 'guarded', namespace: 'ns' }));
  await t.gone(() => t.client.get(persistentvolumes, { name: 'guarded' }));
});

test('an ephemeral volume gets a claim of its pod’s own, and one of that name that is not stands in the way', async () => {
  const template = { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } };
  const volumes = [{ name: 'scratch', ephemeral: template }] as unknown as Pod['spec']['volumes'];
  const pod = await podWith('worker', volumes);
  const made = await t.until(async () => {
    const { items } = await t.client.list(persistentvolumeclaims, { namespace: 'ns' });
    return items.find(({ metadata }) => metadata.name === 'worker-scratch');
  });
  assert.equal(made.metadata.ownerReferences?.[0]?.uid, pod.metadata.uid);
  await claim('taken-scratch', '1Gi');
  await podWith('taken', volumes);
  await event('Warning FailedBinding ephemeral volume scratch: PVC ns/taken-scratch was not created for pod ns/taken (pod is not owner)');
});

test('a class of attributes stays while a claim names it', async () => {
  await t.client.create(volumeattributesclasses, { metadata: { name: 'fast' }, driverName: 'example.com/disk', parameters: { a: 'b' } });
  await claim('picky', '1Gi', { volumeAttributesClassName: 'fast', storageClassName: 'none' });
  await t.client.delete(volumeattributesclasses, { name: 'fast' });
  assert.ok((await t.client.get(volumeattributesclasses, { name: 'fast' })).metadata.deletionTimestamp !== undefined);
  await t.client.delete(persistentvolumeclaims, { name: 'picky', namespace: 'ns' });
  await t.gone(() => t.client.get(volumeattributesclasses, { name: 'fast' }));
});
