import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes, persistentvolumeclaims, pods, storageclasses } from '#api/resources.ts';
import type { PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { node, pod, startScheduler } from './testing.ts';

const LATE = {
  metadata: { name: 'late' },
  provisioner: 'example.com/disks',
  volumeBindingMode: 'WaitForFirstConsumer',
} as unknown as StorageClass;
const CLAIM = {
  metadata: { name: 'c', namespace: 'ns', uid: 'c', resourceVersion: '1' },
  spec: { storageClassName: 'late', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  status: { phase: 'Pending' },
} as unknown as PersistentVolumeClaim;

const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'c', readOnly: false } }];

test('preemption of a pod whose volumes are still made ends its binding, and deletes nothing', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n'));
    server.seed(storageclasses, LATE);
    server.seed(persistentvolumeclaims, CLAIM);
    server.seed(pods, pod('low', { cpu: '3' }, { priority: 0, volumes }));
  });
  const stored = (name: string): Pod | undefined => running.server.stored(pods).find(({ metadata }) => metadata.name === name);
  const claim = (): PersistentVolumeClaim | undefined => running.server.stored(persistentvolumeclaims)[0];
  await running.until(() => claim()?.metadata.annotations?.[ANNOTATION.selectedNode]);
  running.server.seed(pods, pod('high', { cpu: '3' }, { priority: 9 }));

  assert.equal(await running.until(() => stored('high')?.spec.nodeName), 'n');
  const told = await running.until(() => running.events.find(({ reason }) => reason === 'Preempted'));
  assert.match(told.message, /^Preempted by pod \S+ on node n \(in kube-scheduler memory\)\.$/);
  const failed = await running.until(() => running.events.find((event) => event.pod === 'low' && event.reason === 'FailedScheduling'));
  assert.equal(failed.message, 'running PreBind plugin "VolumeBinding": binding volumes: context canceled');
  const low = stored('low');
  assert.deepEqual([low?.metadata.deletionTimestamp, low?.spec.nodeName], [undefined, undefined]);
  await running.until(() => (stored('low')?.status.nominatedNodeName === undefined ? true : undefined));
  assert.equal(stored('low')?.status.conditions?.some(({ type }) => type === 'DisruptionTarget') ?? false, false);
  await running.stop();
});
