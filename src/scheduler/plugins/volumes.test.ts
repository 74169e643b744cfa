import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CSINode, PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttachment } from '#api/types.ts';
import { clusterOf, node, pod, refusals } from '../testing.ts';
import { countSpareVolumes, type Storage } from './volume-binding/storage.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { Trial } from '../state/trial.ts';
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
  csiNode: () => undefined,
  attachments: () => [],
  spareVolumes: () => Infinity,
  leastSpareVolumes: () => Infinity,
});

const withSpare = (storage: Storage): Storage => ({
  ...storage,
  spareVolumes: (node) => countSpareVolumes(storage, node),
  leastSpareVolumes: () => Math.min(countSpareVolumes(storage, 'n'), countSpareVolumes(storage, 'm')),
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

const gce = (readOnly: boolean) => ({ gcePersistentDisk: { pdName: 'd', readOnly } });
const ebs = (readOnly: boolean) => ({ awsElasticBlockStore: { volumeID: 'd', readOnly } });
const iscsi = (readOnly: boolean) => ({ iscsi: { iqn: 'd', targetPortal: 't', lun: 0, iscsiInterface: 'default', readOnly } });
const rbd = (monitors: readonly string[], readOnly: boolean) => ({
  rbd: { monitors, image: 'i', pool: 'rbd', user: 'admin', keyring: 'k', readOnly },
});

for (const c of [
  { name: 'a GCE disk that is written', there: gce(true), wanted: gce(false), conflict: true },
  { name: 'a GCE disk that is only read', there: gce(true), wanted: gce(true), conflict: false },
  { name: 'an EBS volume, even to read', there: ebs(true), wanted: ebs(true), conflict: true },
  { name: 'an iSCSI target that is written', there: iscsi(false), wanted: iscsi(false), conflict: true },
  { name: 'an iSCSI target that is only read', there: iscsi(true), wanted: iscsi(true), conflict: false },
  { name: 'an RBD image of a monitor in common', there: rbd(['a', 'b'], false), wanted: rbd(['b', 'c'], true), conflict: true },
  { name: 'an RBD image of other monitors', there: rbd(['a'], false), wanted: rbd(['c'], false), conflict: false },
  { name: 'a disk of another kind', there: gce(false), wanted: ebs(false), conflict: false },
]) {
  test(`VolumeRestrictions keeps a node from having twice: ${c.name}`, () => {
    const withDisk = (name: string, source: object, more: object = {}): Pod =>
      pod(name, {}, { volumes: [{ name: 'v', ...source }], ...more });
    const there = withDisk('there', c.there, { nodeName: 'n' });
    const plugin = volumeRestrictions(storageOf([]));
    const wanted = withDisk('p', c.wanted);
    const refusal = c.conflict ? 'node(s) had no available disk' : '';
    assert.deepEqual(refusals(plugin, wanted, clusterOf([node('n'), node('m')], [there])), { n: refusal, m: '' });
    const hint = plugin.events?.find(({ event }) => event.resource === 'Pod')?.hint;
    assert.equal(hint?.(wanted, there, undefined), c.conflict ? 'queue' : 'skip');
  });
}

test('VolumeRestrictions finds a disk free once its pod is tried away, asked about it before or not', () => {
  const disk = { volumes: [{ name: 'v', awsElasticBlockStore: { volumeID: 'd' } }] };
  const cluster = clusterOf([node('n')], [pod('there', {}, { ...disk, nodeName: 'n' })]);
  const result = volumeRestrictions(storageOf([])).preFilter?.(cluster.podInfos.of(pod('p', {}, disk)), cluster);
  assert.ok(result?.kind === 'filter');
  for (let round = 0; round < 2; round++) {
    const trial = new Trial(cluster, 0, [result.filter]);
    trial.remove([...cluster.podsIn(0)][0] as never);
    assert.equal(result.filter.check(0), undefined);
    trial.undo();
    assert.deepEqual(result.filter.check(0)?.reasons, ['node(s) had no available disk']);
  }
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

const csiVolume = (name: string): PersistentVolume =>
  ({ metadata: { name }, spec: { csi: { driver: 'disk.example', volumeHandle: name } } }) as unknown as PersistentVolume;
const csiNode = (name: string, count?: number): CSINode =>
  ({
    metadata: { name },
    spec: {
      drivers: [{ name: 'disk.example', nodeID: name, topologyKeys: null, ...(count === undefined ? {} : { allocatable: { count } }) }],
    },
  }) as unknown as CSINode;
const attachment = (volumeName: string): VolumeAttachment =>
  ({ spec: { attacher: 'disk.example', nodeName: 'n', source: { persistentVolumeName: volumeName } } }) as unknown as VolumeAttachment;

for (const c of [
  { name: 'refuses a node that has as many volumes as it takes', limit: 1, placed: [using('a', 'c1', 'n')], refuses: true },
  { name: 'lets a node pass with room for one more', limit: 2, placed: [using('a', 'c1', 'n')], refuses: false },
  { name: 'counts no second time a volume that is on the node', limit: 1, placed: [using('a', 'c', 'n')], refuses: false },
  { name: 'counts a volume of two pods once', limit: 2, placed: [using('a', 'c1', 'n'), using('b', 'c1', 'n')], refuses: false },
  { name: 'counts what is attached without a pod', limit: 1, placed: [], attached: ['c1'], refuses: true },
  { name: 'counts a pod and its attachment once', limit: 2, placed: [using('a', 'c1', 'n')], attached: ['c1'], refuses: false },
  { name: 'knows no limit where the driver says none', limit: undefined, placed: [using('a', 'c1', 'n')], refuses: false },
]) {
  test(`NodeVolumeLimits ${c.name}`, () => {
    const names = ['c', 'c1'];
    const storage = withSpare({
      ...storageOf(
        names.map((name) => claim(name, { volumeName: name })),
        names.map(csiVolume),
      ),
      csiNode: (name) => (name === 'n' ? csiNode(name, c.limit) : undefined),
      attachments: (name) => (name === 'n' ? (c.attached ?? []).map(attachment) : []),
    });
    assert.deepEqual(refusals(nodeVolumeLimits(storage), using('p', 'c'), clusterOf([node('n'), node('m')], c.placed)), {
      n: c.refuses ? 'node(s) exceed max volume count' : '',
      m: '',
    });
  });
}

const limited = (driver: string): CSINode =>
  ({ metadata: { name: 'n' }, spec: { drivers: [{ name: driver, nodeID: 'n', topologyKeys: null, allocatable: { count: 1 } }] } }) as never;
const builtIn = (name: string, source: object): PersistentVolume => ({ metadata: { name }, spec: source }) as unknown as PersistentVolume;
const inline = (name: string, source: object, nodeName = ''): Pod =>
  pod(name, {}, { volumes: [{ name: 'v', ...source }], ...(nodeName === '' ? {} : { nodeName }) } as never);
const disk = (volumeID: string) => ({ awsElasticBlockStore: { volumeID } });
const TOO_MANY = 'node(s) exceed max volume count';
const EBS = 'ebs.csi.aws.com';

// Source: csi_test.go, where in-tree and migrated volumes count.
for (const c of [
  { name: 'a volume of its driver', there: builtIn('c1', { csi: { driver: EBS, volumeHandle: 'vol-1' } }), refusal: TOO_MANY },
  { name: 'another volume of the old plugin', there: builtIn('c1', disk('aws://zone-a/vol-1')), refusal: TOO_MANY },
  { name: 'the volume itself, named by its driver', there: builtIn('c1', { csi: { driver: EBS, volumeHandle: 'vol-0' } }), refusal: '' },
  { name: 'a volume of a plugin that nothing stands in for', there: builtIn('c1', { nfs: { server: 's', path: '/' } }), refusal: '' },
  { name: 'a volume of another driver', there: builtIn('c1', { gcePersistentDisk: { pdName: 'd' } }), refusal: '' },
]) {
  test(`NodeVolumeLimits counts a volume of an old plugin for the driver that stands in, beside ${c.name}`, () => {
    const volumes = [builtIn('c', disk('aws://zone-a/vol-0')), c.there];
    const claims = ['c', 'c1'].map((name) => claim(name, { volumeName: name }));
    const storage = withSpare({ ...storageOf(claims, volumes), csiNode: () => limited(EBS) });
    assert.deepEqual(refusals(nodeVolumeLimits(storage), using('p', 'c'), clusterOf([node('n')], [using('a', 'c1', 'n')])), {
      n: c.refusal,
    });
    const wanted = inline('p', disk('vol-0'));
    assert.deepEqual(refusals(nodeVolumeLimits(storage), wanted, clusterOf([node('n')], [using('a', 'c1', 'n')])), { n: c.refusal });
  });
}

for (const c of [
  { driver: 'disk.csi.azure.com', plugin: 'kubernetes.io/azure-disk', source: { azureDisk: { diskName: 'd', diskURI: 'u' } } },
  { driver: 'cinder.csi.openstack.org', plugin: 'kubernetes.io/cinder', source: { cinder: { volumeID: 'u' } } },
  { driver: 'pd.csi.storage.gke.io', plugin: 'kubernetes.io/gce-pd', source: { gcePersistentDisk: { pdName: 'u' } } },
  { driver: 'pxd.portworx.com', plugin: 'kubernetes.io/portworx-volume', source: { portworxVolume: { volumeID: 'u' } } },
]) {
  test(`NodeVolumeLimits knows that ${c.driver} attaches volumes of ${c.plugin}, there and to be made`, () => {
    const storage = withSpare({
      ...storageOf([claim('c', { storageClassName: 's' })]),
      csiNode: () => limited(c.driver),
      storageClass: () => ({ metadata: { name: 's' }, provisioner: c.plugin }) as never,
    });
    const [empty, full] = [clusterOf([node('n')]), clusterOf([node('n')], [inline('a', c.source, 'n')])];
    assert.deepEqual(refusals(nodeVolumeLimits(storage), using('p', 'c'), full), { n: TOO_MANY });
    assert.deepEqual(refusals(nodeVolumeLimits(storage), using('p', 'c'), empty), { n: '' });
  });
}

test('NodeVolumeLimits does not count volumes of vSphere and Azure Files', () => {
  for (const source of [{ vsphereVolume: { volumePath: 'v' } }, { azureFile: { secretName: 's', shareName: 'f' } }]) {
    const storage = withSpare({ ...storageOf([]), csiNode: () => limited('csi.vsphere.vmware.com') });
    assert.deepEqual(refusals(nodeVolumeLimits(storage), inline('p', source), clusterOf([node('n')], [inline('a', source, 'n')])), {
      n: '',
    });
  }
});

test('NodeVolumeLimits tells of pods that leave in a trial', () => {
  const storage = withSpare({
    ...storageOf([claim('c', { volumeName: 'c' }), claim('d', { volumeName: 'd' })], [csiVolume('c'), csiVolume('d')]),
    csiNode: (name) => csiNode(name, 1),
  });
  const victim = using('a', 'd', 'n');
  const cluster = clusterOf([node('n')], [victim]);
  const result = nodeVolumeLimits(storage).preFilter?.(cluster.podInfos.of(using('p', 'c')), cluster);
  assert.ok(result?.kind === 'filter');
  assert.notEqual(result.filter.check(0), undefined);
  result.filter.podChanged?.(0, cluster.podInfos.of(victim), -1);
  assert.equal(result.filter.check(0), undefined);
});
