import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ingressclasses,
  ingresses,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  runtimeclasses,
  storageclasses,
  volumeattributesclasses,
} from '#api/resources.ts';
import type { Ingress, KubeObject, PersistentVolumeClaim, Pod } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { MemoryReader } from '../authorization/testing.ts';
import { defaultIngressClass, defaultStorageClass } from './default-class.ts';
import { nodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { podResizeValidator } from './pod-resize.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { mergeTolerations, runtimeClassAdmission } from './runtime-class.ts';
import { storageObjectInUseProtection } from './storage-object-in-use.ts';
import { admitted, refused, write } from './testing.ts';
import { persistentVolumeClaimResize } from './volume-claim-resize.ts';

const meta = (name: string, more: object = {}) => ({ name, namespace: 'a', ...more });
const marked = (name: string, annotation: string, creationTimestamp: string) => ({
  metadata: { name, annotations: { [annotation]: 'true' }, creationTimestamp },
});
const STORAGE_DEFAULT = 'storageclass.kubernetes.io/is-default-class';

test('DefaultStorageClass takes the newest default, the first by name of equals', async () => {
  const reader = new MemoryReader();
  const plugin = defaultStorageClass({ reader });
  const resolve = async (spec: object, metadata = meta('c')) =>
    (
      await admitted<PersistentVolumeClaim>(
        plugin,
        write(persistentvolumeclaims, { object: { metadata, spec } as never }),
        assert.deepEqual,
      )
    ).spec.storageClassName;
  assert.equal(await resolve({}), undefined, 'no default at all');
  reader.put(storageclasses, marked('old', STORAGE_DEFAULT, '2025-01-01T00:00:00Z') as never);
  reader.put(storageclasses, marked('b', 'storageclass.beta.kubernetes.io/is-default-class', '2026-01-01T00:00:00Z') as never);
  reader.put(storageclasses, marked('a', STORAGE_DEFAULT, '2026-01-01T00:00:00Z') as never);
  assert.equal(await resolve({}), 'a');
  assert.equal(await resolve({ storageClassName: '' }), '', 'none is a choice');
  assert.equal(await resolve({}, meta('c', { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } })), undefined);
});

test('DefaultIngressClass fills the class of an ingress without one', async () => {
  const reader = new MemoryReader();
  reader.put(ingressclasses, marked('nginx', 'ingressclass.kubernetes.io/is-default-class', '2026-01-01T00:00:00Z') as never);
  const resolve = async (spec: object, metadata = meta('i')) =>
    (await admitted<Ingress>(defaultIngressClass({ reader }), write(ingresses, { object: { metadata, spec } as never }), assert.deepEqual))
      .spec.ingressClassName;
  assert.equal(await resolve({}), 'nginx');
  assert.equal(await resolve({ ingressClassName: 'mine' }), 'mine');
  assert.equal(await resolve({}, meta('i', { annotations: { 'kubernetes.io/ingress.class': 'old' } })), undefined);
});

for (const [resource, finalizer] of [
  [persistentvolumes, 'kubernetes.io/pv-protection'],
  [persistentvolumeclaims, 'kubernetes.io/pvc-protection'],
  [volumeattributesclasses, 'kubernetes.io/vac-protection'],
] as readonly (readonly [Resource, string])[]) {
  test(`StorageObjectInUseProtection protects ${resource.resource}`, async () => {
    const object = await admitted<KubeObject>(
      storageObjectInUseProtection,
      write(resource, { object: { metadata: { name: 'x', finalizers: ['mine'] } } as never }),
      assert.deepEqual,
    );
    assert.deepEqual(object.metadata.finalizers, ['mine', finalizer]);
  });
}

test('PersistentVolumeClaimResize lets bound claims of an expanding class grow', async () => {
  const reader = new MemoryReader();
  reader.put(storageclasses, { metadata: { name: 'grows' }, allowVolumeExpansion: true } as never);
  reader.put(storageclasses, { metadata: { name: 'fixed' } } as never);
  const claim = (storage: string, storageClassName = 'grows', phase = 'Bound') => ({
    metadata: meta('c'),
    spec: { storageClassName, resources: { requests: { storage } } },
    status: { phase },
  });
  const change = (from: object, to: object) =>
    refused(persistentVolumeClaimResize({ reader }), write(persistentvolumeclaims, { object: to as never, oldObject: from as never }));
  assert.equal(await change(claim('1Gi'), claim('2Gi')), undefined);
  assert.equal(await change(claim('1Gi', 'fixed'), claim('1024Mi', 'fixed')), undefined, 'the same in other words');
  assert.equal(
    await change(claim('1Gi', 'grows', 'Pending'), claim('2Gi', 'grows', 'Pending')),
    'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
  );
  assert.match(
    (await change(claim('1Gi', 'fixed'), claim('2Gi', 'fixed'))) ?? '',
    /the storageclass that provisions the pvc must support resize/,
  );
});

function runtimes() {
  const reader = new MemoryReader();
  const overhead = { podFixed: { cpu: '250m' } };
  const scheduling = { nodeSelector: { runtime: 'vm' }, tolerations: [{ key: 'vm', operator: 'Exists' }] };
  reader.put(runtimeclasses, { metadata: { name: 'vm' }, handler: 'kata', overhead, scheduling } as never);
  return { reader, plugin: runtimeClassAdmission({ reader }) };
}
const podOf = (spec: object) => ({ metadata: meta('p'), spec: { containers: [], ...spec } });

test('RuntimeClass gives a pod the overhead and place of its class', async () => {
  const { plugin } = runtimes();
  const object = podOf({ runtimeClassName: 'vm', nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'x', operator: 'Exists' }] });
  const pod = await admitted<Pod>(plugin, write(pods, { object: object as never }), assert.deepEqual);
  assert.deepEqual(
    [pod.spec.overhead, pod.spec.nodeSelector, pod.spec.tolerations],
    [
      { cpu: '250m' },
      { disk: 'ssd', runtime: 'vm' },
      [
        { key: 'x', operator: 'Exists' },
        { key: 'vm', operator: 'Exists' },
      ],
    ],
  );
});

test('RuntimeClass gives a pod labels whose names all objects inherit', async () => {
  const reader = new MemoryReader();
  const scheduling = { nodeSelector: { constructor: 'vm' } };
  reader.put(runtimeclasses, { metadata: { name: 'vm' }, handler: 'kata', scheduling } as never);
  const object = podOf({ runtimeClassName: 'vm' });
  const pod = await admitted<Pod>(runtimeClassAdmission({ reader }), write(pods, { object: object as never }), assert.deepEqual);
  assert.deepEqual(pod.spec.nodeSelector, scheduling.nodeSelector);
});

for (const [spec, why] of [
  [{ runtimeClassName: 'gone' }, 'pod rejected: RuntimeClass "gone" not found'],
  [{ runtimeClassName: 'vm', overhead: { cpu: '1' } }, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"],
  [{ overhead: { cpu: '1' } }, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
  [
    { runtimeClassName: 'vm', nodeSelector: { runtime: 'runc' } },
    'conflict: runtimeClass.scheduling.nodeSelector[runtime] = vm; pod.spec.nodeSelector[runtime] = runc',
  ],
] as const) {
  test(`RuntimeClass refuses ${JSON.stringify(spec)}`, async () =>
    assert.equal(await refused(runtimes().plugin, write(pods, { object: podOf(spec) as never })), `pods "p" is forbidden: ${why}`));
}

test('RuntimeClass takes an overhead in other words', async () => {
  assert.equal(
    await refused(runtimes().plugin, write(pods, { object: podOf({ runtimeClassName: 'vm', overhead: { cpu: '0.25' } }) as never })),
    undefined,
  );
});

for (const [first, second, merged] of [
  [[{ key: 'a', operator: 'Exists', effect: 'NoSchedule' }], [{ key: 'a', operator: 'Exists' }], [{ key: 'a', operator: 'Exists' }]],
  [[{ operator: 'Exists' }], [{ key: 'a', operator: 'Equal', value: 'b' }], [{ operator: 'Exists' }]],
  [
    [{ key: 'a', operator: 'Equal', value: 'b' }],
    [{ key: 'a', operator: 'Equal', value: 'c' }],
    [
      { key: 'a', operator: 'Equal', value: 'b' },
      { key: 'a', operator: 'Equal', value: 'c' },
    ],
  ],
  [
    [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
    [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }],
    [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }],
  ],
] as const) {
  test(`mergeTolerations of ${JSON.stringify([first, second])}`, () => assert.deepEqual(mergeTolerations(first, second), merged));
}

test('PodTopologyLabels copies zone and region on binding and on creation', async () => {
  const reader = new MemoryReader();
  reader.put(nodes, {
    metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r', other: 'x' } },
  });
  const plugin = podTopologyLabels({ reader });
  const labels = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' };
  const binding = {
    ...write(pods, { object: { metadata: meta('p'), target: { kind: 'Node', name: 'n' } } as never, subresource: 'binding' }),
  };
  assert.deepEqual((await admitted<KubeObject>(plugin, binding, assert.deepEqual)).metadata.labels, labels);
  const created = write(pods, {
    object: { metadata: meta('p', { labels: { 'topology.kubernetes.io/zone': 'lie' } }), spec: { containers: [], nodeName: 'n' } } as never,
  });
  assert.deepEqual((await admitted<KubeObject>(plugin, created, assert.deepEqual)).metadata.labels, labels);
  assert.equal(await plugin.admit(write(pods, { object: podOf({}) as never })), undefined);
});

test('PodResizeValidator refuses what the node does not have', async () => {
  const reader = new MemoryReader();
  reader.put(nodes, { metadata: { name: 'n', labels: {} }, status: { allocatable: { cpu: '2', memory: '1Gi' } } } as never);
  const resize = (cpu: string, generation = 2) => {
    const object = {
      metadata: meta('p', { generation }),
      spec: { nodeName: 'n', containers: [{ name: 'c', resources: { requests: { cpu } } }] },
    };
    return refused(
      podResizeValidator({ reader }),
      write(pods, {
        object: object as never,
        oldObject: { ...object, metadata: meta('p', { generation: 1 }) } as never,
        subresource: 'resize',
      }),
    );
  };
  assert.equal(await resize('2'), undefined);
  assert.equal(
    await resize('2500m'),
    'pods "p" is forbidden: node didn\'t have enough allocatable resources: cpu, requested: 2500, allocatable: 2000',
  );
  assert.equal(await resize('2500m', 1), undefined, 'nothing changed');
});

test('NodeDeclaredFeatureValidator refuses what the node does not say it can do', async () => {
  const reader = new MemoryReader();
  const plugin = nodeDeclaredFeatureValidator({ reader });
  const cpu = (amount: string) => ({ requests: { cpu: amount } });
  const pod = (whole: string, init: string, restartPolicy?: string) => ({
    metadata: meta('p'),
    spec: { nodeName: 'n', resources: cpu(whole), containers: [], initContainers: [{ name: 'i', resources: cpu(init), restartPolicy }] },
  });
  const change = (object: object, oldObject: object = pod('1', '1')) =>
    refused(plugin, write(pods, { object: object as never, oldObject: oldObject as never, subresource: 'resize' }));
  assert.equal(await change(pod('1000m', '1')), undefined, 'nothing changed');
  assert.equal(await change(pod('2', '1')), 'pods "p" is forbidden: node "n" not found');
  reader.put(nodes, { metadata: { name: 'n' }, status: {} } as never);
  assert.equal(
    await change(pod('2', '2')),
    'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling, InPlacePodVerticalScalingInitContainers which are not available on node "n"',
  );
  assert.equal(await change(pod('1', '2', 'Always'), pod('1', '1', 'Always')), undefined, 'a sidecar is like any container');
  reader.put(nodes, { metadata: { name: 'n' }, status: { declaredFeatures: ['InPlacePodLevelResourcesVerticalScaling'] } } as never);
  assert.equal(await change(pod('2', '1')), undefined);
  assert.match(String(await change(pod('2', '2'))), /requires features InPlacePodVerticalScalingInitContainers which/);
});
