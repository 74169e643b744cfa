// Shapes of upstream's scheduler_perf volumes/ and of preemption in misc/performance-config.yaml.
import type { New, Pod } from '#api/types.ts';
import { storageclasses } from '#api/resources.ts';
import type { InProcess } from '../in-process.ts';
import { container, NAMESPACE, plainPod, plainPods, type Shape } from '../shape.ts';

/** Nodes full of pods of the lowest priority: four of 900m on 4 cpu. */
const lowPods = (nodes: number) => ({
  pods: nodes * 4,
  pod: (i: number) => plainPod(`low-${i}`, { containers: container('900m', '500Mi'), nodeName: `node-${i % nodes}` }),
});
const highPod = (name: string, spec: New<Pod['spec']> = {}): New<Pod> =>
  plainPod(name, { containers: container('3', '500Mi'), priority: 10, ...spec });

const DRIVER = 'ebs.csi.aws.com';
const claims = (name: string) => [{ name: 'vol', persistentVolumeClaim: { claimName: name } }];
const claimant = (i: number): New<Pod> => plainPod(`pod-${i}`, { volumes: claims(`pvc-${i}`) });

/** A bound claim and its volume for each pod. */
const boundVolumes =
  (source: (i: number) => object) =>
  (server: InProcess, _: number, pods: number): void => {
    for (let i = 0; i < pods; i++) {
      const [name, claim] = [`pv-${i}`, `pvc-${i}`];
      const claimRef = { name: claim, namespace: NAMESPACE, uid: claim };
      server.addVolume({
        metadata: { name },
        spec: { accessModes: ['ReadOnlyMany'], capacity: { storage: '1Gi' }, claimRef, ...source(i) },
        status: { phase: 'Bound' },
      });
      server.addClaim({
        metadata: { name: claim, namespace: NAMESPACE, annotations: { 'pv.kubernetes.io/bind-completed': 'true' } },
        spec: { accessModes: ['ReadOnlyMany'], volumeName: name, resources: { requests: { storage: '1Gi' } } },
        status: { phase: 'Bound' },
      });
    }
  };

const csiNodes = (server: InProcess, nodes: number): void => {
  for (let i = 0; i < nodes; i++) server.addCSINode(`node-${i}`, DRIVER, 39);
};

/** Volumes of one node each, and claims that wait for their pods. */
function lateVolumes(server: InProcess, nodes: number, pods: number): void {
  server.add(storageclasses, {
    metadata: { name: 'late' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  for (let i = 0; i < pods; i++) {
    const here = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [`node-${i % nodes}`] }] } as const;
    server.addVolume({
      metadata: { name: `pv-${i}` },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        storageClassName: 'late',
        local: { path: `/mnt/${i}` },
        nodeAffinity: { required: { nodeSelectorTerms: [here] } },
      },
      status: { phase: 'Available' },
    });
    server.addClaim({
      metadata: { name: `pvc-${i}`, namespace: NAMESPACE },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'late', resources: { requests: { storage: '1Gi' } } },
      status: { phase: 'Pending' },
    });
  }
}

export const VOLUME_SHAPES: Readonly<Record<string, Shape>> = {
  secrets: {
    gate: 790,
    source: 'SchedulingSecrets 5000Nodes_10000Pods',
    pods: 10_000,
    existing: plainPods(1000),
    pod: (i) => plainPod(`pod-${i}`, { volumes: [{ name: 'secret', secret: { secretName: 'secret' } }] }),
  },
  'intree-pvs': {
    gate: 290,
    source: 'SchedulingInTreePVs 5000Nodes_2000Pods',
    pods: 2000,
    prepare: boundVolumes((i) => ({ awsElasticBlockStore: { volumeID: `vol-${i}` } })),
    existing: plainPods(1000),
    pod: claimant,
  },
  'migrated-pvs': {
    gate: 100,
    source: 'SchedulingMigratedInTreePVs 5000Nodes_5000Pods',
    pods: 5000,
    prepare(server, nodes, pods) {
      boundVolumes((i) => ({ awsElasticBlockStore: { volumeID: `vol-${i}` } }))(server, nodes, pods);
      csiNodes(server, nodes);
    },
    existing: plainPods(5000),
    pod: claimant,
  },
  'csi-pvs': {
    gate: 100,
    source: 'SchedulingCSIPVs 5000Nodes_5000Pods',
    pods: 5000,
    prepare(server, nodes, pods) {
      boundVolumes((i) => ({ csi: { driver: DRIVER, volumeHandle: `vol-${i}` } }))(server, nodes, pods);
      csiNodes(server, nodes);
    },
    existing: plainPods(5000),
    pod: claimant,
  },
  'late-pvs': {
    source: 'none: claims of WaitForFirstConsumer, volumes local to nodes',
    pods: 2000,
    prepare: lateVolumes,
    pod: claimant,
  },
  preemption: {
    source: 'PreemptionBasic at 1,000 nodes; none at 5,000, where it fails',
    pods: 5000,
    existing: lowPods,
    pod: (i) => highPod(`pod-${i}`),
  },
  'preemption-async': {
    gate: 570,
    source: 'PreemptionAsync 5000Nodes_AsyncPreemptionEnabled',
    pods: 5000,
    existing: lowPods,
    pod: (i) => plainPod(`pod-${i}`),
    churn: { everyMs: 200, act: (server, i) => server.addPod(highPod(`high-${i}`)) },
  },
  'preemption-pvs': {
    source: 'PreemptionPVs at 1,000 nodes; none at 5,000, where it fails',
    pods: 5000,
    prepare: boundVolumes(() => ({ awsElasticBlockStore: { volumeID: 'shared', readOnly: true } })),
    existing: lowPods,
    pod: (i) => highPod(`pod-${i}`, { volumes: claims(`pvc-${i}`) }),
  },
};
