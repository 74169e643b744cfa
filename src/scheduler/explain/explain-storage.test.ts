import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CSINode, CSIStorageCapacity, Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { profileOf } from '../framework/profile.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { nodeVolumeLimits } from '../plugins/node-volume-limits.ts';
import { volumeBinding, type VolumeBindingDeps } from '../plugins/volume-binding/volume-binding.ts';
import { volumeRestrictions } from '../plugins/volume-restrictions.ts';
import { volumeZone } from '../plugins/volume-zone.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { explainPlacement } from './explain-placement.ts';
import { nearestName } from './similar.ts';
import { TrialStorage } from './trial-storage.ts';

interface Stored {
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly volumes?: readonly PersistentVolume[];
  readonly capacities?: readonly CSIStorageCapacity[];
  readonly limit?: number;
}

const CLASSES = [
  { metadata: { name: 'standard' }, provisioner: 'disk.example', volumeBindingMode: 'Immediate' },
  { metadata: { name: 'local' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
  { metadata: { name: 'lvm' }, provisioner: 'lvm.example', volumeBindingMode: 'WaitForFirstConsumer' },
] as unknown as readonly StorageClass[];

function storageOf({ claims = [], volumes = [], capacities = [], limit }: Stored): TrialStorage {
  const drivers = [
    { name: 'disk.example', nodeID: 'n', topologyKeys: null, ...(limit === undefined ? {} : { allocatable: { count: limit } }) },
  ];
  return new TrialStorage({
    claim: (namespace, name) => claims.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace),
    claimsOf: () => claims,
    volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
    volumes: () => volumes,
    storageClass: (name) => CLASSES.find(({ metadata }) => metadata.name === name),
    storageClasses: () => CLASSES,
    driver: () => ({ spec: { storageCapacity: true } }) as never,
    capacities: () => capacities,
    csiNode: () => ({ metadata: { name: 'n' }, spec: { drivers } }) as unknown as CSINode,
    attachments: () => [],
    spareVolumes: () => -1,
    leastSpareVolumes: () => -1,
  });
}

const claim = (name: string, spec: object = {}, bound = false): PersistentVolumeClaim =>
  ({
    metadata: { name, namespace: 'ns', uid: name, ...(bound ? { annotations: { [ANNOTATION.bindCompleted]: 'yes' } } : {}) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, ...spec },
    status: { phase: bound ? 'Bound' : 'Pending' },
  }) as unknown as PersistentVolumeClaim;

const volume = (name: string, spec: object = {}): PersistentVolume =>
  ({ metadata: { name, uid: name }, spec, status: { phase: 'Bound' } }) as unknown as PersistentVolume;

const boundTo = (name: string, spec: object = {}) => claim(name, { volumeName: name, ...spec }, true);
const inRack = (rack: string) => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'rack', operator: 'In', values: [rack] }] }] } },
});
const csi = (name: string) => ({ csi: { driver: 'disk.example', volumeHandle: name } });

const using = (name: string, claimName: string, nodeName?: string): Pod =>
  pod(
    name,
    {},
    { volumes: [{ name: 'v', persistentVolumeClaim: { claimName, readOnly: false } }], ...(nodeName === undefined ? {} : { nodeName }) },
  );

interface Case extends Stored {
  readonly name: string;
  readonly placed?: readonly Pod[];
  readonly nodes?: readonly Node[];
  readonly reason: RegExp;
  readonly changes: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'a claim that is not there',
    reason: /^persistentvolumeclaim "data" not found$/,
    changes: ['make PersistentVolumeClaim data, and a volume for it'],
  },
  {
    name: 'a claim whose name is misspelled',
    claims: [boundTo('dta')],
    volumes: [volume('dta')],
    reason: /"data" not found/,
    changes: ['name claim dta instead of data'],
  },
  {
    name: 'a claim of a class that is not there',
    claims: [claim('data', { storageClassName: 'standrad' })],
    reason: /unbound immediate/,
    changes: ['make a PersistentVolume of 5Gi, ReadWriteOnce, class standrad for claim data (there is no class standrad, but standard)'],
  },
  {
    name: 'a claim that is not there, and a node that takes no pods',
    nodes: [node('n', { spec: { unschedulable: true } })],
    reason: /not found/,
    changes: ['make PersistentVolumeClaim data, and a volume for it', 'uncordon node n'],
  },
  {
    name: 'a claim that waits for a volume of its node',
    claims: [claim('data', { storageClassName: 'local' })],
    reason: /didn't find available persistent volumes to bind/,
    changes: ['make a PersistentVolume of 5Gi, ReadWriteOnce, class local for claim data'],
  },
  {
    name: 'a claim of more than there is room for',
    claims: [claim('data', { storageClassName: 'lvm' })],
    capacities: [
      { metadata: { name: 'x' }, storageClassName: 'lvm', capacity: '2Gi', nodeTopology: {} },
    ] as unknown as CSIStorageCapacity[],
    reason: /did not have enough free storage/,
    changes: ['ask for 2Gi instead of 5Gi in claim data'],
  },
  {
    name: 'a volume that the node does not reach',
    claims: [boundTo('data')],
    volumes: [volume('data', inRack('b'))],
    reason: /didn't match PersistentVolume's node affinity/,
    changes: ['label node n rack=b, as volume data asks for'],
  },
  {
    name: 'a claim whose volume is gone',
    claims: [{ ...boundTo('data'), status: { phase: 'Lost' } } as PersistentVolumeClaim],
    reason: /bound to non-existent persistentvolume/,
    changes: ['make a PersistentVolume data of 5Gi, ReadWriteOnce, without a class for claim data'],
  },
  {
    name: 'a claim that another pod has for itself, on another node',
    claims: [boundTo('data', { accessModes: ['ReadWriteOncePod'] })],
    volumes: [volume('data')],
    placed: [using('a', 'data', 'm')],
    nodes: [node('n'), node('m', { spec: { unschedulable: true } })],
    reason: /ReadWriteOncePod/,
    changes: ['remove pod ns/a'],
  },
  {
    name: 'a node that has as many volumes as it takes',
    claims: [boundTo('data'), boundTo('other')],
    volumes: [volume('data', csi('data')), volume('other', csi('other'))],
    placed: [pod('plain', {}, { nodeName: 'n' }), using('a', 'other', 'n')],
    limit: 1,
    reason: /exceed max volume count/,
    changes: ['remove pod ns/a'],
  },
];

for (const { name, placed = [], nodes = [node('n')], reason, changes, ...stored } of CASES) {
  test(`explainPlacement of ${name}`, () => {
    const storage = storageOf(stored);
    const deps = { storage, node: () => nodes[0] } as unknown as VolumeBindingDeps;
    const plugins = [nodeUnschedulable, volumeRestrictions(storage), nodeVolumeLimits(storage), volumeBinding(deps), volumeZone(storage)];
    const profile = profileOf(
      'default-scheduler',
      plugins.map((plugin) => ({ plugin, weight: 1 })),
    );
    const cluster = clusterOf(nodes, placed);
    const ask = () => explainPlacement(using('p', 'data'), { profile, cluster, storage }).nodes.find((each) => each.node === 'n');
    const found = ask();
    assert.match(found?.reason ?? '', reason);
    assert.deepEqual([found?.changes.map(({ text }) => text), found?.verified], [changes, true]);
    // Nothing that was tried is left.
    assert.deepEqual(ask(), found);
  });
}

for (const [name, names, nearest] of [
  ['data', ['dta', 'date'], 'dta'],
  ['standrad', ['premium', 'standard'], 'standard'],
  ['web', ['web-config'], 'web-config'],
  ['worker-1', ['worker-2'], undefined],
  ['a', ['b'], undefined],
  ['gpu', ['cpu-large'], undefined],
] as const) {
  test(`nearestName takes ${name} for ${nearest}`, () => assert.equal(nearestName(name, names), nearest));
}
