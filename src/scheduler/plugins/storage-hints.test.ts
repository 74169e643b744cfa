import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventResource } from '../framework/cluster-event.ts';
import type { Plugin } from '../framework/plugin.ts';
import { pod } from '../testing.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import type { Storage } from './volume-binding/storage.ts';
import { volumeBinding, type VolumeBindingDeps } from './volume-binding/volume-binding.ts';
import { volumeZone } from './volume-zone.ts';

/** One claim, of a class that the driver `d` makes volumes of. */
const storage = {
  claim: () => ({ metadata: { name: 'c', namespace: 'ns' }, spec: { storageClassName: 's' } }),
  storageClass: () => ({ metadata: { name: 's' }, provisioner: 'd' }),
} as unknown as Storage;
const zone = volumeZone(storage);
const binding = volumeBinding({ storage } as VolumeBindingDeps);
const waiting = pod('p', {}, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] });

const claim = (name: string, namespace = 'ns') => ({ metadata: { name, namespace } });
const zoned = (labels: object, phase = 'Available') => ({ metadata: { name: 'v', labels }, status: { phase } });
const ZONE = 'topology.kubernetes.io/zone';
const storageClass = (volumeBindingMode: string, zones: readonly string[] = []) => ({
  metadata: { name: 's' },
  volumeBindingMode,
  ...(zones.length === 0 ? {} : { allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values: zones }] }] }),
});
const capacity = (amount?: string, maximumVolumeSize?: string) => ({
  metadata: { name: 'x' },
  storageClassName: 's',
  capacity: amount,
  maximumVolumeSize,
});
const csiNode = (migrated?: string) => ({
  metadata: { name: 'n', annotations: migrated === undefined ? {} : { 'storage.alpha.kubernetes.io/migrated-plugins': migrated } },
});
const driver = (storageCapacity: boolean, name = 'd') => ({ metadata: { name }, spec: { storageCapacity } });

interface Case {
  readonly plugin: Plugin;
  readonly to: string;
  readonly resource: EventResource;
  readonly previous?: object;
  readonly current: object;
  readonly hint: 'queue' | 'skip';
}

const CLASS = 'storage.k8s.io/StorageClass';
const CSI_NODE = 'storage.k8s.io/CSINode';
const CAPACITY = 'storage.k8s.io/CSIStorageCapacity';
const WAITS = 'WaitForFirstConsumer';

const CASES: readonly Case[] = [
  { plugin: zone, to: 'its claim', resource: 'PersistentVolumeClaim', current: claim('c'), hint: 'queue' },
  { plugin: zone, to: 'another claim', resource: 'PersistentVolumeClaim', current: claim('d'), hint: 'skip' },
  { plugin: zone, to: 'a claim of its name elsewhere', resource: 'PersistentVolumeClaim', current: claim('c', 'other'), hint: 'skip' },
  { plugin: zone, to: 'a class that waits', resource: CLASS, current: storageClass(WAITS), hint: 'queue' },
  { plugin: zone, to: 'a class that does not wait', resource: CLASS, current: storageClass('Immediate'), hint: 'skip' },
  { plugin: zone, to: 'a new volume', resource: 'PersistentVolume', current: zoned({}), hint: 'queue' },
  {
    plugin: zone,
    to: 'a volume in another zone than before',
    resource: 'PersistentVolume',
    previous: zoned({ [ZONE]: 'a' }),
    current: zoned({ [ZONE]: 'b' }),
    hint: 'queue',
  },
  {
    plugin: zone,
    to: 'a volume that came to a zone',
    resource: 'PersistentVolume',
    previous: zoned({}),
    current: zoned({ [ZONE]: 'b' }),
    hint: 'queue',
  },
  {
    plugin: zone,
    to: 'a volume that was bound where it is',
    resource: 'PersistentVolume',
    previous: zoned({ [ZONE]: 'a__b' }),
    current: zoned({ [ZONE]: 'b__a' }, 'Bound'),
    hint: 'skip',
  },
  { plugin: binding, to: 'a new class', resource: CLASS, current: storageClass(WAITS), hint: 'queue' },
  {
    plugin: binding,
    to: 'a class with more topologies',
    resource: CLASS,
    previous: storageClass(WAITS, ['a']),
    current: storageClass(WAITS, ['a', 'b']),
    hint: 'queue',
  },
  {
    plugin: binding,
    to: 'a class with the same topologies',
    resource: CLASS,
    previous: storageClass(WAITS, ['a']),
    current: { ...storageClass(WAITS, ['a']), allowVolumeExpansion: true },
    hint: 'skip',
  },
  { plugin: binding, to: 'a new capacity', resource: CAPACITY, current: capacity('1Gi'), hint: 'queue' },
  { plugin: binding, to: 'more capacity', resource: CAPACITY, previous: capacity('1Gi'), current: capacity('2Gi'), hint: 'queue' },
  { plugin: binding, to: 'capacity told at last', resource: CAPACITY, previous: capacity(), current: capacity('1Gi'), hint: 'queue' },
  { plugin: binding, to: 'less capacity', resource: CAPACITY, previous: capacity('2Gi'), current: capacity('1Gi'), hint: 'skip' },
  {
    plugin: binding,
    to: 'more capacity for volumes no larger',
    resource: CAPACITY,
    previous: capacity('1Gi', '512Mi'),
    current: capacity('2Gi', '512Mi'),
    hint: 'skip',
  },
  {
    plugin: binding,
    to: 'a driver that tells its capacity no more',
    resource: 'storage.k8s.io/CSIDriver',
    previous: driver(true),
    current: driver(false),
    hint: 'queue',
  },
  {
    plugin: binding,
    to: 'a driver of other volumes that tells its capacity no more',
    resource: 'storage.k8s.io/CSIDriver',
    previous: driver(true, 'other'),
    current: driver(false, 'other'),
    hint: 'skip',
  },
  { plugin: binding, to: 'a node that tells of its drivers', resource: CSI_NODE, current: csiNode(), hint: 'queue' },
  {
    plugin: binding,
    to: 'a node whose drivers stand in for others',
    resource: CSI_NODE,
    previous: csiNode(),
    current: csiNode('kubernetes.io/aws-ebs'),
    hint: 'queue',
  },
  {
    plugin: binding,
    to: 'a node whose drivers stand in for the same',
    resource: CSI_NODE,
    previous: csiNode(''),
    current: csiNode(),
    hint: 'skip',
  },
  {
    plugin: binding,
    to: 'a driver that tells its capacity from now on',
    resource: 'storage.k8s.io/CSIDriver',
    previous: driver(false),
    current: driver(true),
    hint: 'skip',
  },
];

for (const { plugin, to, resource, previous, current, hint } of CASES) {
  test(`${plugin.name} answers ${hint} to ${to}`, () => {
    const asked = plugin.events?.find(({ event }) => event.resource === resource)?.hint;
    assert.equal(asked?.(waiting, previous, current), hint);
  });
}

for (const { to, refused, hint } of [
  { to: 'a pod with claims, whoever attaches them', refused: waiting, hint: 'queue' },
  { to: 'a pod without claims', refused: pod('p'), hint: 'skip' },
]) {
  test(`NodeVolumeLimits answers ${hint} to a volume that is detached for ${to}`, () => {
    const asked = nodeVolumeLimits(storage).events?.find(({ event }) => event.resource === 'storage.k8s.io/VolumeAttachment')?.hint;
    assert.equal(asked?.(refused, { spec: { attacher: 'a.example.com' } }, undefined), hint);
  });
}

const using = (nodeName: string, volumes: readonly object[]) => pod('gone', {}, { nodeName, volumes: volumes as never });
const CLAIMED = [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }];

for (const { to, gone, hint } of [
  { to: 'a pod with volumes that leaves a node', gone: using('n', CLAIMED), hint: 'queue' },
  { to: 'a pod with volumes that was on no node', gone: using('', CLAIMED), hint: 'skip' },
  { to: 'a pod without volumes that leaves a node', gone: using('n', []), hint: 'skip' },
]) {
  test(`NodeVolumeLimits answers ${hint} to ${to}`, () => {
    const asked = nodeVolumeLimits(storage).events?.find(({ event }) => event.resource === 'Pod')?.hint;
    assert.equal(asked?.(waiting, gone, undefined), hint);
  });
}
