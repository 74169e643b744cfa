import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { simulate } from '../testing/simulation.ts';
import { claimProtection, volumeProtection } from './controllers.ts';

const CLAIM = { name: 'c', namespace: 'ns' };

test('what stays and has lost its finalizer has it again; others’ are left alone', async () => {
  const world = await simulate([claimProtection, volumeProtection], 1);
  const { client } = world;
  await client.create(persistentvolumeclaims, { metadata: { ...CLAIM, finalizers: ['mine.example.com/f'] } } as New<PersistentVolumeClaim>);
  await client.create(persistentvolumes, { metadata: { name: 'v' } } as New<PersistentVolume>);
  await world.quiet();
  const finalizersOfClaim = async () => (await client.get(persistentvolumeclaims, CLAIM)).metadata.finalizers;
  assert.deepEqual(await finalizersOfClaim(), ['mine.example.com/f', FINALIZER.persistentVolumeClaim]);
  assert.deepEqual((await client.get(persistentvolumes, { name: 'v' })).metadata.finalizers, [FINALIZER.persistentVolume]);
  await client.patch(persistentvolumeclaims, CLAIM, { type: 'merge', body: { metadata: { finalizers: null } } });
  await world.quiet();
  assert.deepEqual(await finalizersOfClaim(), [FINALIZER.persistentVolumeClaim]);
  await world.stop();
});

test('what is being deleted keeps its finalizer while a pod uses it, and gets none anew', async () => {
  const world = await simulate([claimProtection], 1);
  const { client } = world;
  await client.create(persistentvolumeclaims, { metadata: { ...CLAIM, finalizers: ['mine.example.com/f'] } } as New<PersistentVolumeClaim>);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }];
  await client.create(pods, { metadata: { name: 'p', namespace: 'ns' }, spec: { nodeName: 'n1', volumes } } as unknown as New<Pod>);
  await world.quiet();
  await client.delete(persistentvolumeclaims, CLAIM);
  await world.quiet();
  const { finalizers } = (await client.get(persistentvolumeclaims, CLAIM)).metadata;
  assert.deepEqual(finalizers, ['mine.example.com/f', FINALIZER.persistentVolumeClaim]);
  world.server.erase(pods, 'p', 'ns');
  await world.quiet();
  assert.deepEqual((await client.get(persistentvolumeclaims, CLAIM)).metadata.finalizers, ['mine.example.com/f']);
  await world.stop();
});
