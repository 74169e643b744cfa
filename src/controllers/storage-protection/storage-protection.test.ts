import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { simulate } from '../testing/simulation.ts';
import { claimProtection, uses, volumeProtection } from './controllers.ts';

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

const claim = {
  metadata: { ...CLAIM, name: 'p-data', ownerReferences: [{ kind: 'Pod', name: 'p', uid: 'pod', controller: true }] },
} as unknown as PersistentVolumeClaim;

// Source: pvc_protection_controller_test.go TestPVCProtectionController.
for (const { name, pod, isUsed } of [
  { name: 'runs', pod: { phase: 'Running' }, isUsed: true },
  { name: 'has no node', pod: { nodeName: '' }, isUsed: false },
  { name: 'has ended', pod: { phase: 'Succeeded' }, isUsed: true },
  { name: 'is being deleted', pod: { grace: 30 }, isUsed: true },
  { name: 'was deleted at once', pod: { grace: 0 }, isUsed: true },
  { name: 'runs with the volume of its own', pod: { ephemeral: true }, isUsed: true },
  { name: 'has ended with the volume of its own', pod: { ephemeral: true, phase: 'Failed' }, isUsed: true },
  { name: 'is being deleted with the volume of its own', pod: { ephemeral: true, grace: 30 }, isUsed: true },
  { name: 'is shut down with the volume of its own', pod: { ephemeral: true, grace: 0 }, isUsed: false },
  { name: 'has the volume of another pod of that name', pod: { ephemeral: true, uid: 'other' }, isUsed: false },
  { name: 'uses other claims', pod: { claimName: 'other' }, isUsed: false },
] as readonly { readonly name: string; readonly pod: PodFacts; readonly isUsed: boolean }[])
  test(`a claim is ${isUsed ? '' : 'not '}used by a pod that ${name}`, () => assert.equal(uses(podOf(pod), claim), isUsed));

interface PodFacts {
  readonly nodeName?: string;
  readonly phase?: string;
  readonly uid?: string;
  readonly claimName?: string;
  readonly ephemeral?: boolean;
  /** Seconds it was given to end. */
  readonly grace?: number;
}

function podOf({ nodeName = 'n1', phase = 'Running', uid = 'pod', claimName = 'p-data', ephemeral = false, grace }: PodFacts): Pod {
  const source = ephemeral ? { ephemeral: {} } : { persistentVolumeClaim: { claimName } };
  const deletion = grace === undefined ? {} : { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: grace };
  return {
    metadata: { name: 'p', namespace: 'ns', uid, ...deletion },
    spec: { nodeName, volumes: [{ name: 'data', ...source }] },
    status: { phase },
  } as unknown as Pod;
}
