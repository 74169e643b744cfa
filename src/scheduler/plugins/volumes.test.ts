import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { clusterOf, node, pod, refusals } from '../testing.ts';
import type { Storage } from './volume-binding/storage.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

const claim = (name: string, spec: object): PersistentVolumeClaim =>
  ({ metadata: { name, namespace: 'ns', uid: name }, spec }) as unknown as PersistentVolumeClaim;
const volume = (name: string, labels: Readonly<Record<string, string>>): PersistentVolume =>
  ({ metadata: { name, labels }, spec: {} }) as unknown as PersistentVolume;

const storageOf = (claims: readonly PersistentVolumeClaim[], volumes: readonly PersistentVolume[] = []): Storage => ({
  claim: (_, name) => claims.find(({ metadata }) => metadata.name === name),
  volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
  volumes: () => volumes,
  storageClass: () => undefined,
  driver: () => undefined,
  capacities: () => [],
});

const using = (name: string, claimName: string, nodeName = ''): Pod =>
  pod(
    name,
    {},
    { volumes: [{ name: 'v', persistentVolumeClaim: { claimName, readOnly: false } }], ...(nodeName === '' ? {} : { nodeName }) },
  );

const IN_USE = 'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod';

for (const c of [
  {
    name: 'refuses every node while another pod uses an exclusive claim',
    modes: ['ReadWriteOncePod'],
    placed: [using('a', 'c', 'n')],
    refusal: IN_USE,
  },
  { name: 'lets the only user of an exclusive claim pass', modes: ['ReadWriteOncePod'], placed: [using('a', 'd', 'n')], refusal: '' },
  { name: 'lets other access modes be shared', modes: ['ReadWriteOnce'], placed: [using('a', 'c', 'n')], refusal: '' },
]) {
  test(`VolumeRestrictions ${c.name}`, () => {
    const plugin = volumeRestrictions(storageOf([claim('c', { accessModes: c.modes })]));
    assert.deepEqual(refusals(plugin, using('p', 'c'), clusterOf([node('n'), node('m')], c.placed)), { n: c.refusal, m: c.refusal });
  });
}

test('VolumeRestrictions wakes a pod when one that shares its claim has gone', () => {
  const hint = volumeRestrictions(storageOf([])).events?.find(({ event }) => event.resource === 'Pod')?.hint;
  assert.deepEqual(
    [hint?.(using('p', 'c'), using('a', 'c', 'n'), undefined), hint?.(using('p', 'c'), using('a', 'd', 'n'), undefined)],
    ['queue', 'skip'],
  );
});

const ZONE = 'topology.kubernetes.io/zone';
const OLD_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const CONFLICT = 'node(s) had no available volume zone';

for (const c of [
  { name: 'wants the zone of the volume', labels: { [ZONE]: 'a' }, refused: { a: '', b: CONFLICT, none: '' } },
  { name: 'takes any of several zones', labels: { [ZONE]: 'a__b' }, refused: { a: '', b: '', none: '' } },
  { name: 'knows the old name', labels: { [OLD_ZONE]: 'b' }, refused: { a: CONFLICT, b: '', none: '' } },
  { name: 'has nothing to say of a volume without a zone', labels: {}, refused: { a: '', b: '', none: '' } },
  { name: 'does not look at a label that says nothing', labels: { [ZONE]: 'a__' }, refused: { a: '', b: '', none: '' } },
]) {
  test(`VolumeZone ${c.name}`, () => {
    const plugin = volumeZone(storageOf([claim('c', { volumeName: 'v' })], [volume('v', c.labels)]));
    const inZone = (name: string) => node(name, { metadata: { labels: { [ZONE]: name } } });
    assert.deepEqual(refusals(plugin, using('p', 'c'), clusterOf([inZone('a'), inZone('b'), node('none')])), c.refused);
  });
}

test('VolumeZone refuses a claim that is not there', () => {
  assert.deepEqual(refusals(volumeZone(storageOf([])), using('p', 'c'), clusterOf([node('n')])), {
    n: 'persistentvolumeclaim "c" not found',
  });
});
