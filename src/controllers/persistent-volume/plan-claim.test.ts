import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { planClaim } from './plan-claim.ts';

const claim = {
  metadata: { name: 'c', namespace: 'ns', uid: 'u' },
  spec: { storageClassName: 'lazy', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  status: { phase: 'Pending' },
} as unknown as PersistentVolumeClaim;

const lazy = {
  metadata: { name: 'lazy' },
  provisioner: 'example.com/disk',
  volumeBindingMode: 'WaitForFirstConsumer',
} as unknown as StorageClass;

for (const { pods, reason, message } of [
  { pods: [], reason: 'WaitForFirstConsumer', message: 'waiting for first consumer to be created before binding' },
  { pods: ['a'], reason: 'WaitForPodScheduled', message: 'waiting for pod a to be scheduled' },
  { pods: ['b', 'a'], reason: 'WaitForPodScheduled', message: 'waiting for pods a,b to be scheduled' },
])
  test(`a claim of a class that binds late tells what it waits for: ${message}`, () => {
    const waiting = pods.map((name) => ({ metadata: { name, namespace: 'ns' } }) as Pod);
    assert.deepEqual(planClaim({ claim, named: undefined, candidates: [], storageClass: lazy, defaultClass: undefined, waiting }), {
      kind: 'pending',
      notice: { type: 'Normal', reason, message },
    });
  });
