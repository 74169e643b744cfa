import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { boundStatus, unboundStatus } from './bound.ts';

const volume = {
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, volumeAttributesClassName: 'gold' },
} as unknown as PersistentVolume;

const claim = (status: object) => ({ status }) as unknown as PersistentVolumeClaim;

test('a claim that is bound says what its volume has', () => {
  assert.deepEqual(boundStatus(claim({ phase: 'Pending' }), volume), {
    phase: 'Bound',
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '2Gi' },
    currentVolumeAttributesClassName: 'gold',
  });
});

test('of a claim that was bound before, capacity and class are for those to say who change them', () => {
  const status = { phase: 'Bound', capacity: { storage: '5Gi' }, currentVolumeAttributesClassName: 'silver' };
  assert.deepEqual(boundStatus(claim(status), volume), { ...status, accessModes: ['ReadWriteOnce'] });
});

for (const phase of ['Pending', 'Lost'] as const)
  test(`a claim that is ${phase} says nothing of a volume any more`, () => {
    const conditions = [{ type: 'Resizing', status: 'True' }];
    const status = { ...boundStatus(claim({ phase: 'Pending', conditions }), volume) };
    assert.deepEqual(unboundStatus(claim(status), phase), { phase, conditions });
  });
