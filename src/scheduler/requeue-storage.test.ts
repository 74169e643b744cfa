// Which pods a change of storage gives another try. Source: test/integration/scheduler/queueing/queue.go
// CoreResourceEnqueueTestCases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { nodeVolumeLimits } from './plugins/node-volume-limits.ts';
import { volumeBinding, type VolumeBindingDeps } from './plugins/volume-binding/volume-binding.ts';
import type { Storage } from './plugins/volume-binding/storage.ts';
import { volumeRestrictions } from './plugins/volume-restrictions.ts';
import { volumeZone } from './plugins/volume-zone.ts';
import { requeued, type Requeue, type World } from './requeue-testing.ts';
import { node, pod } from './testing.ts';

const ZONE = 'topology.kubernetes.io/zone';
const WAITS = 'WaitForFirstConsumer';
const binding = (storage: Storage) => [volumeBinding({ storage } as VolumeBindingDeps)];
const zones = (storage: Storage) => [volumeZone(storage)];
const restrictions = (storage: Storage) => [volumeRestrictions(storage)];
const limits = (storage: Storage) => [nodeVolumeLimits(storage)];

const using = (name: string, claimName: string, nodeName?: string, more: readonly object[] = []): Pod =>
  pod(name, {}, {
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }, ...more],
    ...(nodeName === undefined ? {} : { nodeName }),
  } as never);
const volume = (name: string, labels: object = {}, spec: object = {}): never =>
  ({
    metadata: { name, labels },
    spec: { accessModes: ['ReadWriteMany'], capacity: { storage: '1Mi' }, ...spec },
    status: { phase: 'Available' },
  }) as never;
const inPlace = (key: string, value: string): object => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [value] }] }] } },
});
const attached = (handle: string): object => ({ csi: { driver: 'csidriver', volumeHandle: handle } });
/** Bound to a volume, where one is named. */
const claim = (name: string, volumeName?: string, spec: object = {}): never =>
  ({
    metadata: { name, namespace: 'ns', uid: name, annotations: volumeName === undefined ? {} : { [ANNOTATION.bindCompleted]: 'true' } },
    spec: {
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '1Mi' } },
      ...(volumeName === undefined ? {} : { volumeName }),
      ...spec,
    },
    status: { phase: volumeName === undefined ? 'Pending' : 'Bound' },
  }) as never;
const exclusive = { accessModes: ['ReadWriteOncePod'] };
const storageClass = (volumeBindingMode: string, zone?: string, labels: object = {}): never =>
  ({
    metadata: { name: 's', labels },
    provisioner: 'p',
    volumeBindingMode,
    ...(zone === undefined ? {} : { allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values: [zone] }] }] }),
  }) as never;
const csiNode = (count?: number, annotations: object = {}, name = 'n'): never =>
  ({
    metadata: { name, annotations },
    spec: { drivers: count === undefined ? [] : [{ name: 'csidriver', nodeID: name, topologyKeys: null, allocatable: { count } }] },
  }) as never;
const driver = (storageCapacity: boolean): never => ({ metadata: { name: 'csidriver' }, spec: { storageCapacity } }) as never;
const capacity = (amount: string): never => ({ metadata: { name: 'c' }, storageClassName: 's', capacity: amount }) as never;
const set = (world: World, volumes: readonly never[], claims: readonly never[]): void => {
  for (const each of volumes) world.volumes.set(each);
  for (const each of claims) world.claims.set(each);
};

const inZone = node('n', { metadata: { labels: { [ZONE]: 'west' } } });
const ofClass = { storageClassName: 's' };

interface Case extends Omit<Requeue, 'nodes'> {
  readonly name: string;
  readonly wants: readonly string[];
  readonly nodes?: Requeue['nodes'];
}

const CASES: readonly Case[] = [
  {
    name: 'VolumeZone: a volume that was missing',
    plugins: zones,
    before: (w) => set(w, [volume('v1', { [ZONE]: 'west' })], [claim('c1', 'v1'), claim('c2', 'v2')]),
    pods: [using('it', 'c2')],
    happens: (w) => w.volumes.set(volume('v2', { [ZONE]: 'west' })),
    wants: ['it'],
  },
  {
    name: 'VolumeZone: a volume that is elsewhere now',
    plugins: zones,
    before: (w) => set(w, [volume('v', { [ZONE]: 'east' })], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.volumes.set(volume('v', { [ZONE]: 'west' })),
    wants: ['it'],
  },
  {
    name: 'VolumeZone: a volume that is where it was',
    plugins: zones,
    before: (w) => set(w, [volume('v', { [ZONE]: 'east' })], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.volumes.set(volume('v', { [ZONE]: 'east', unrelated: 'x' })),
    wants: [],
  },
  {
    name: 'VolumeZone: its claim, which was missing',
    plugins: zones,
    before: (w) => set(w, [volume('v2', { [ZONE]: 'east' })], []),
    pods: [using('it', 'c2'), using('other', 'c3')],
    happens: (w) => w.claims.set(claim('c2', 'v2')),
    wants: ['it'],
  },
  {
    name: 'VolumeZone: its claim, which has a volume now',
    plugins: zones,
    before: (w) => set(w, [volume('v2', { [ZONE]: 'east' })], [claim('c2')]),
    pods: [using('it', 'c2'), using('other', 'c3')],
    happens: (w) => w.claims.set(claim('c2', 'v2')),
    wants: ['it'],
  },
  {
    name: 'VolumeZone: a class that waits for consumers',
    plugins: zones,
    before: (w) => set(w, [], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.storageClasses.set(storageClass(WAITS)),
    wants: ['it'],
  },
  {
    name: 'VolumeRestrictions: its claim, which was missing',
    plugins: restrictions,
    pods: [using('it', 'c1'), using('other', 'c2')],
    happens: (w) => w.claims.set(claim('c1', 'v1', exclusive)),
    wants: ['it'],
  },
  {
    name: 'VolumeRestrictions: the pod that had its claim goes',
    plugins: restrictions,
    before: (w) => set(w, [], [claim('c1', 'v1', exclusive)]),
    placed: [using('there', 'c1', 'n')],
    pods: [using('it', 'c1'), using('other', 'c2')],
    happens: (w) => w.deletePod('there'),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: a node that reaches its volume',
    plugins: binding,
    before: (w) => set(w, [volume('v', {}, inPlace(ZONE, 'east'))], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.setNode(node('m', { metadata: { labels: { [ZONE]: 'east' } } })),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: a node that reaches its volume from now on',
    plugins: binding,
    before: (w) => set(w, [volume('v', {}, inPlace('key', 'b'))], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.setNode(node('n', { metadata: { labels: { key: 'b' } } })),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: another volume of that name',
    plugins: binding,
    before: (w) => set(w, [volume('v', {}, inPlace(ZONE, 'east'))], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens(w) {
      w.volumes.delete('v');
      w.volumes.set(volume('v', {}, inPlace(ZONE, 'west')));
    },
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: a volume that is reached from elsewhere',
    plugins: binding,
    before: (w) => set(w, [volume('v', {}, inPlace(ZONE, 'east'))], [claim('c', 'v')]),
    pods: [using('it', 'c')],
    happens: (w) => w.volumes.set(volume('v', {}, inPlace(ZONE, 'west'))),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: its claim, made anew',
    plugins: binding,
    before: (w) => set(w, [volume('v')], [claim('c1'), claim('c2')]),
    pods: [using('it', 'c1'), using('other', 'c2')],
    happens(w) {
      w.claims.delete('c1');
      w.claims.set(claim('c1', 'v'));
    },
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: its claim, bound',
    plugins: binding,
    before: (w) => set(w, [volume('v')], [claim('c1'), claim('c2')]),
    pods: [using('it', 'c1'), using('other', 'c2')],
    happens: (w) => w.claims.set(claim('c1', 'v')),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: the class of its claim',
    plugins: binding,
    before: (w) => set(w, [volume('v', {}, ofClass)], [claim('c', undefined, ofClass)]),
    pods: [using('it', 'c')],
    happens: (w) => w.storageClasses.set(storageClass(WAITS)),
    wants: ['it'],
  },
  ...(['west', 'east'] as const).map((zone): Case => ({
    name: `VolumeBinding: a class that ${zone === 'west' ? 'allows the zone' : 'changes otherwise'}`,
    plugins: binding,
    before(w) {
      w.storageClasses.set(storageClass(WAITS, 'east', { key: 'value' }));
      set(w, [], [claim('c', undefined, ofClass)]);
    },
    pods: [using('it', 'c')],
    happens: (w) => w.storageClasses.set(storageClass(WAITS, zone, { key: 'updated' })),
    wants: zone === 'west' ? ['it'] : [],
  })),
  {
    name: 'VolumeBinding: a node that tells of its drivers',
    plugins: binding,
    before: (w) => set(w, [], [claim('c')]),
    pods: [using('it', 'c')],
    happens: (w) => w.csiNodes.set(csiNode()),
    wants: ['it'],
  },
  {
    name: 'VolumeBinding: a node whose drivers stand in for others',
    plugins: binding,
    before(w) {
      w.csiNodes.set(csiNode());
      set(w, [], [claim('c')]);
    },
    pods: [using('it', 'c')],
    happens: (w) => w.csiNodes.set(csiNode(undefined, { [ANNOTATION.migratedPlugins]: 'value' })),
    wants: ['it'],
  },
  ...[true, false].map((before): Case => ({
    name: `VolumeBinding: a driver of an inline volume that tells its capacity ${before ? 'no more' : 'from now on'}`,
    plugins: binding,
    before(w) {
      w.drivers.set(driver(before));
      set(w, [], [claim('c')]);
    },
    pods: [using('it', 'c', undefined, [{ name: 'inline', csi: { driver: 'csidriver' } }]), using('other', 'c')],
    happens: (w) => w.drivers.set(driver(!before)),
    wants: before ? ['it'] : [],
  })),
  {
    name: 'VolumeBinding: capacity where nothing was known',
    plugins: binding,
    before(w) {
      w.storageClasses.set(storageClass('Immediate'));
      set(w, [], [claim('c', undefined, ofClass)]);
    },
    pods: [using('it', 'c')],
    happens: (w) => w.capacities.set(capacity('10')),
    wants: ['it'],
  },
  ...(['20', '5'] as const).map((amount): Case => ({
    name: `VolumeBinding: capacity of ${amount}, which was 10`,
    plugins: binding,
    before(w) {
      w.storageClasses.set(storageClass('Immediate'));
      w.capacities.set(capacity('10'));
      set(w, [], [claim('c', undefined, ofClass)]);
    },
    pods: [using('it', 'c')],
    happens: (w) => w.capacities.set(capacity(amount)),
    wants: amount === '20' ? ['it'] : [],
  })),
  {
    name: 'NodeVolumeLimits: any node that tells of its drivers',
    plugins: limits,
    before(w) {
      w.csiNodes.set(csiNode(0));
      set(w, [volume('v', {}, attached('1'))], [claim('c', 'v')]);
    },
    pods: [using('it', 'c')],
    happens: (w) => w.csiNodes.set(csiNode(undefined, {}, 'other')),
    wants: ['it'],
  },
  {
    name: 'NodeVolumeLimits: a pod with a volume goes',
    plugins: limits,
    before(w) {
      w.csiNodes.set(csiNode(1));
      set(w, [volume('v1', {}, attached('1')), volume('v2', {}, attached('2'))], [claim('c1', 'v1'), claim('c2', 'v2')]);
    },
    placed: [using('there', 'c1', 'n')],
    pods: [using('it', 'c2')],
    happens: (w) => w.deletePod('there'),
    wants: ['it'],
  },
  {
    name: 'NodeVolumeLimits: its claim, which was missing',
    plugins: limits,
    before(w) {
      w.csiNodes.set(csiNode(1));
      set(w, [volume('v1', {}, attached('1')), volume('v2', {}, attached('2'))], [claim('c1', 'v1')]);
    },
    placed: [using('there', 'c1', 'n')],
    pods: [using('it', 'c2')],
    happens: (w) => w.claims.set(claim('c2', 'v2')),
    wants: ['it'],
  },
];

for (const { name, wants, nodes = [inZone], ...given } of CASES) {
  test(`another try, ${name}`, () => assert.deepEqual(requeued({ nodes, ...given }), wants));
}
