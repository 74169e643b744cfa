import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes, persistentvolumeclaims, persistentvolumes, pods, storageclasses } from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { noMetrics, type Gauges } from '../../metrics/metrics.ts';
import { node, pod, type RunningScheduler, startScheduler } from '../../testing.ts';
import { podClaims } from './claims.ts';
import { volumeFinder } from './find-volumes.ts';
import { AssumedStorage, type Storage } from './storage.ts';

type FakeServer = RunningScheduler['server'];

const NONE = "node(s) didn't find available persistent volumes to bind";

const withClaims = (...names: readonly string[]): Pod =>
  pod('p', {}, { volumes: names.map((name) => ({ name, persistentVolumeClaim: { claimName: name, readOnly: false } })) });

function claim(name: string, more: New<PersistentVolumeClaim> = {}, size = '1Gi'): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1', ...more.metadata },
    spec: {
      storageClassName: 'late',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      volumeMode: 'Filesystem',
      ...more.spec,
    },
    status: { phase: 'Pending', ...more.status },
  } as unknown as PersistentVolumeClaim;
}

const boundTo = (volumeName: string) =>
  claim('c', { metadata: { annotations: { [ANNOTATION.bindCompleted]: 'yes' } }, spec: { volumeName }, status: { phase: 'Bound' } });

function volume(name: string, zone: string, size = '1Gi', more: New<PersistentVolume['spec']> = {}): PersistentVolume {
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: {
      capacity: { storage: size },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'late',
      volumeMode: 'Filesystem',
      nodeAffinity: { required },
      ...more,
    },
    status: { phase: 'Available' },
  } as unknown as PersistentVolume;
}

const storageClass = (
  name: string,
  provisioner: string,
  volumeBindingMode: StorageClass['volumeBindingMode'],
  zones?: readonly string[],
): StorageClass =>
  ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, uid: name, resourceVersion: '1' },
    provisioner,
    volumeBindingMode,
    ...(zones === undefined ? {} : { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: zones }] }] }),
  }) as unknown as StorageClass;

const inZone = (name: string, zone: string) => node(name, { metadata: { labels: { zone } } });
const NO_PROVISIONER = storageClass('late', 'kubernetes.io/no-provisioner', 'WaitForFirstConsumer');

function storageOf(
  claims: readonly PersistentVolumeClaim[],
  volumes: readonly PersistentVolume[] = [],
  classes: readonly StorageClass[] = [NO_PROVISIONER],
): Storage {
  const named = <T extends { readonly metadata: { readonly name: string } }>(list: readonly T[], name: string) =>
    list.find(({ metadata }) => metadata.name === name);
  return {
    claim: (_, name) => named(claims, name),
    volume: (name) => named(volumes, name),
    volumes: () => volumes,
    storageClass: (name) => named(classes, name),
    driver: () => undefined,
    capacities: () => [],
    csiNode: () => undefined,
    attachments: () => [],
    spareVolumes: () => Infinity,
    leastSpareVolumes: () => Infinity,
  };
}

/** Why a pod with these claims may not go to the zones a and b; '' where it may. */
function conflicts(incoming: Pod, storage: Storage): string | readonly string[] {
  const claims = podClaims(incoming, storage);
  if (claims.kind === 'refused') return claims.status.reasons.join();
  assert.ok(claims.kind === 'claims');
  return ['a', 'b'].map((zone) => {
    const found = volumeFinder(claims, storage)(inZone(`n-${zone}`, zone));
    return found.kind === 'conflict' ? found.reasons.join() : found.kind === 'error' ? found.message : '';
  });
}

const made = storageClass('late', 'example.com/disk', 'WaitForFirstConsumer');
for (const c of [
  { name: 'lacks a claim', storage: storageOf([]), want: 'persistentvolumeclaim "c" not found' },
  {
    name: 'has a claim that leaves',
    storage: storageOf([claim('c', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })]),
    want: 'persistentvolumeclaim "c" is being deleted',
  },
  {
    name: 'has an unbound claim of an immediate class',
    storage: storageOf([claim('c')], [], [storageClass('late', 'x', 'Immediate')]),
    want: 'pod has unbound immediate PersistentVolumeClaims',
  },
  {
    name: 'is bound to a zone',
    storage: storageOf([boundTo('v')], [volume('v', 'a')]),
    want: ['', "node(s) didn't match PersistentVolume's node affinity"],
  },
  {
    name: 'is bound to nothing there',
    storage: storageOf([boundTo('v')]),
    want: Array(2).fill('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'),
  },
  { name: 'finds a free volume in one zone', storage: storageOf([claim('c')], [volume('v', 'b')]), want: [NONE, ''] },
  {
    name: 'finds none that is large enough',
    storage: storageOf([claim('c', {}, '2Gi')], [volume('v', 'a'), volume('w', 'b', '2Gi')]),
    want: [NONE, ''],
  },
  {
    name: 'finds none with its access mode',
    storage: storageOf([claim('c')], [volume('v', 'a', '1Gi', { accessModes: ['ReadOnlyMany'] })]),
    want: [NONE, NONE],
  },
  {
    name: 'finds only one reserved for another',
    storage: storageOf([claim('c')], [volume('v', 'a', '1Gi', { claimRef: { namespace: 'ns', name: 'd' } })]),
    want: [NONE, NONE],
  },
  {
    name: 'finds one reserved for it',
    storage: storageOf([claim('c')], [volume('v', 'a', '1Gi', { claimRef: { namespace: 'ns', name: 'c' } })]),
    want: ['', NONE],
  },
  { name: 'has one made anywhere', storage: storageOf([claim('c')], [], [made]), want: ['', ''] },
  {
    name: 'has one made where its class allows',
    storage: storageOf([claim('c')], [], [storageClass('late', 'example.com/disk', 'WaitForFirstConsumer', ['b'])]),
    want: [NONE, ''],
  },
  {
    name: 'has one being made for a node',
    storage: storageOf([claim('c', { metadata: { annotations: { [ANNOTATION.selectedNode]: 'n-a' } } })], [], [made]),
    want: ['', NONE],
  },
]) {
  test(`volumeFinder: a pod that ${c.name}`, () => assert.deepEqual(conflicts(withClaims('c'), c.storage), c.want));
}

test('volumeFinder gives each claim a volume of its own, small ones the small', () => {
  const storage = storageOf([claim('c', {}, '2Gi'), claim('d')], [volume('large', 'a', '5Gi'), volume('small', 'a')]);
  const claims = podClaims(withClaims('c', 'd'), storage);
  assert.ok(claims.kind === 'claims');
  const found = volumeFinder(claims, storage)(inZone('n', 'a'));
  assert.ok(found.kind === 'plan');
  assert.deepEqual(
    found.plan.bindings.map((b) => [b.claim.metadata.name, b.volume.metadata.name]),
    [
      ['d', 'small'],
      ['c', 'large'],
    ],
  );
});

test('AssumedStorage shows what is assumed until it is forgotten', () => {
  const assumed = new AssumedStorage(storageOf([claim('c')], [volume('v', 'a')]));
  const taken = volume('v', 'a', '1Gi', { claimRef: { namespace: 'ns', name: 'd' } });
  assumed.assume([taken], []);
  assert.deepEqual([[...assumed.volumes()], assumed.volume('v')], [[taken], taken]);
  assumed.forget([taken], []);
  assert.equal(assumed.volume('v')?.spec.claimRef, undefined);
});

test('the scheduler names the node to the provisioner and binds the pod when its claim is bound', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, inZone('n-a', 'a'));
    server.seed(storageclasses, made);
    server.seed(persistentvolumeclaims, claim('c'));
    server.seed(pods, withClaims('c'));
  });
  const stored = () => running.server.stored(persistentvolumeclaims)[0];
  assert.equal(await running.until(() => stored()?.metadata.annotations?.[ANNOTATION.selectedNode]), 'n-a');
  assert.equal(running.server.stored(pods)[0]?.spec.nodeName, undefined);
  running.server.seed(persistentvolumes, volume('v', 'a'));
  running.server.change(persistentvolumeclaims, 'c', 'ns', (object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [ANNOTATION.bindCompleted]: 'yes' } },
    spec: { ...object.spec, volumeName: 'v' },
  }));
  assert.equal(await running.until(() => running.server.stored(pods)[0]?.spec.nodeName), 'n-a');
  await running.stop();
});

test('the scheduler reserves a free volume for the claim, and one volume for one claim only', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, inZone('n-a', 'a'));
    server.seed(storageclasses, NO_PROVISIONER);
    server.seed(persistentvolumes, volume('v', 'a'));
    server.seed(persistentvolumeclaims, claim('c'), claim('d'));
    server.seed(pods, withClaims('c'), { ...withClaims('d'), metadata: { ...withClaims('d').metadata, name: 'q', uid: 'q' } });
  });
  const reserved = await running.until(() => running.server.stored(persistentvolumes)[0]?.spec.claimRef);
  await running.until(() => running.events.find(({ reason }) => reason === 'FailedScheduling'));
  assert.deepEqual([reserved.name, reserved.uid], ['c', 'c']);
  const [refused] = running.events;
  assert.deepEqual(
    [refused?.pod, refused?.message],
    [
      'q',
      `0/1 nodes are available: 1 ${NONE}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`,
    ],
  );
  await running.stop();
});

for (const c of [
  {
    name: 'waits for the claim of an ephemeral volume',
    claims: [],
    message: 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v"',
  },
  {
    name: 'has a claim of another owner in place of its own',
    claims: [claim('p-v')],
    message: 'PVC ns/p-v was not created for pod ns/p (pod is not owner)',
  },
]) {
  test(`the scheduler is told by VolumeBinding of a pod that ${c.name}`, async () => {
    const running = await startScheduler((server) => {
      server.seed(nodes, inZone('n-a', 'a'));
      server.seed(persistentvolumeclaims, ...c.claims);
      server.seed(pods, pod('p', {}, { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: {} } } }] as never }));
    });
    await running.until(() => running.events.find(({ reason }) => reason === 'FailedScheduling'));
    await running.stop();
    const [refused] = running.events;
    assert.equal(refused?.message, `0/1 nodes are available: ${c.message}. not found`);
  });
}

const reservesVolume = (server: FakeServer): void => {
  server.seed(nodes, inZone('n-a', 'a'));
  server.seed(storageclasses, NO_PROVISIONER);
  server.seed(persistentvolumes, volume('v', 'a'));
  server.seed(persistentvolumeclaims, claim('c'));
  server.seed(pods, withClaims('c'));
};
const provisionsVolume = (server: FakeServer): void => {
  server.seed(nodes, inZone('n-a', 'a'));
  server.seed(storageclasses, made);
  server.seed(persistentvolumeclaims, claim('c'));
  server.seed(pods, withClaims('c'));
};
/** Whether what was decided of the volumes is written. */
const isDecided = (server: FakeServer): true | undefined =>
  server.stored(persistentvolumes)[0]?.spec.claimRef !== undefined ||
  server.stored(persistentvolumeclaims)[0]?.metadata.annotations?.[ANNOTATION.selectedNode] !== undefined
    ? true
    : undefined;

// Source: pkg/scheduler/framework/plugins/volumebinding/binder_test.go, the cases of checkBindings.
for (const c of [
  {
    name: 'the volume is not reserved for it any more',
    prepare: reservesVolume,
    change: (server: FakeServer) =>
      server.change(persistentvolumes, 'v', undefined, ({ spec: { claimRef: _, ...spec }, ...object }) => ({ ...object, spec })),
    message: 'ClaimRef got reset for pv "v"',
  },
  {
    name: 'the volume is gone',
    prepare: reservesVolume,
    change: (server: FakeServer) => server.erase(persistentvolumes, 'v'),
    message: 'failed to check binding: could not find v1.PersistentVolume "v"',
  },
  {
    name: 'the volume cannot be reached from the node any more',
    prepare: reservesVolume,
    change: (server: FakeServer) =>
      server.change(persistentvolumes, 'v', undefined, (object) => ({
        ...object,
        spec: { ...object.spec, nodeAffinity: volume('v', 'b').spec.nodeAffinity },
      })),
    message: 'pv "v" node affinity doesn\'t match node "n-a": no matching NodeSelectorTerms',
  },
  {
    name: 'the claim is gone',
    prepare: provisionsVolume,
    change: (server: FakeServer) => server.erase(persistentvolumeclaims, 'c', 'ns'),
    message: 'failed to check provisioning pvc: could not find v1.PersistentVolumeClaim "ns/c"',
  },
  {
    name: 'the provisioner gives the node back',
    prepare: provisionsVolume,
    change: (server: FakeServer) =>
      server.change(persistentvolumeclaims, 'c', 'ns', (object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { other: '' } },
      })),
    message: 'provisioning failed for PVC "c"',
  },
  {
    name: 'the node is gone',
    prepare: provisionsVolume,
    change: (server: FakeServer) => server.erase(nodes, 'n-a'),
    message: 'failed to get node "n-a": node "n-a" not found',
  },
]) {
  test(`the scheduler gives a binding up when ${c.name}`, async () => {
    const running = await startScheduler(c.prepare);
    await running.until(() => isDecided(running.server));
    c.change(running.server);
    await running.until(() => running.events.find(({ reason }) => reason === 'FailedScheduling'));
    await running.stop();
    const [refused] = running.events;
    assert.equal(refused?.message, `running PreBind plugin "VolumeBinding": binding volumes: ${c.message}`);
  });
}

test('the scheduler gives the binding of a pod up that is gone', async () => {
  let gauges: Gauges | undefined;
  const running = await startScheduler(provisionsVolume, { metrics: { ...noMetrics, follow: (given) => void (gauges = given) } });
  await running.until(() => isDecided(running.server));
  assert.equal(gauges?.underWay().binding, 1);
  running.server.erase(pods, 'p', 'ns');
  await running.until(() => (gauges?.underWay().binding === 0 ? true : undefined));
  await running.stop();
});
