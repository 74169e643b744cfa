// The cluster and the pods of each shape, after upstream's test/integration/scheduler_perf (5,000 nodes).
import type { New, Node, Pod } from '#api/types.ts';
import type { InProcess } from './in-process.ts';

export interface Shape {
  /** Upstream's gate for 5,000 nodes on large machines, pods/s; absent where its configuration names none. */
  readonly gate?: number;
  /** The workload and configuration of upstream. */
  readonly source: string;
  readonly node: (i: number) => New<Node>;
  /** What is there beside nodes, before any pod. */
  readonly prepare?: (server: InProcess, nodes: number) => void;
  /** Pods that are there before; those without a node stay waiting. */
  readonly existing?: (nodes: number) => { readonly pods: number; readonly pod: (i: number) => New<Pod> };
  readonly pod: (i: number) => New<Pod>;
  /** What happens meanwhile: called once for each pod that is bound. */
  readonly meanwhile?: (server: InProcess, bound: number, nodes: number) => void;
}

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';
const ZONES = 3;

const plainNode = (i: number): New<Node> => ({
  metadata: { name: `node-${i}`, labels: { [HOST]: `node-${i}`, [ZONE]: `zone-${i % ZONES}` } },
  status: { allocatable: { cpu: '4', memory: '32Gi', pods: '110' } },
});

const container = (cpu: string, memory: string) => [
  { name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu, memory } } },
];

const NAMESPACE = 'bench';

const plainPod = (name: string, spec: New<Pod['spec']> = {}, labels: Readonly<Record<string, string>> = {}): New<Pod> => ({
  metadata: { name, namespace: NAMESPACE, labels },
  spec: { containers: container('100m', '500Mi'), ...spec },
});

const [blue, green, red] = [{ color: 'blue' }, { color: 'green' }, { color: 'red' }];
const term = (topologyKey: string, matchLabels: Readonly<Record<string, string>>) => ({ labelSelector: { matchLabels }, topologyKey });
/** Source: namespaces of the team=devops label, spread over 100 namespaces. */
const inTeam = { namespaceSelector: { matchLabels: { team: 'devops' } } };
const TEAM_NAMESPACES = 100;

type Affinity = NonNullable<New<Pod['spec']>['affinity']>;
const required = (kind: 'podAffinity' | 'podAntiAffinity', wanted: object): Affinity => ({
  [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [wanted] },
});
const preferred = (kind: 'podAffinity' | 'podAntiAffinity', wanted: object): Affinity => ({
  [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: wanted }] },
});

const affine = (affinity: Affinity, labels: Readonly<Record<string, string>>) => (i: number) => plainPod(`pod-${i}`, { affinity }, labels);

/** Source: initPodsPerNamespace. */
const TEAM_PODS = 40;

/** Like pods in each namespace of the team, every one on a node of its own. */
const teamPods = (affinity: Affinity, labels: Readonly<Record<string, string>>) => (nodes: number) => ({
  pods: Math.min(nodes, TEAM_NAMESPACES * TEAM_PODS),
  pod: (i: number): New<Pod> => ({
    ...plainPod('', { affinity, nodeName: `node-${i}` }, labels),
    metadata: { name: `there-${i}`, namespace: `team-${i % TEAM_NAMESPACES}`, labels },
  }),
});

const teamNamespaces = (server: InProcess): void => {
  server.addNamespace(NAMESPACE, { team: 'devops' });
  for (let i = 0; i < TEAM_NAMESPACES; i++) server.addNamespace(`team-${i}`, { team: 'devops' });
};

const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') => (i: number) =>
  plainPod(
    `pod-${i}`,
    { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: blue } }] },
    blue,
  );

/** As many as there are nodes, each on one, of what the pods to come look for. */
const onePerNode = (pod: (i: number) => New<Pod>) => (nodes: number) => ({
  pods: nodes,
  pod: (i: number): New<Pod> => {
    const made = pod(i);
    return { ...made, metadata: { ...made.metadata, name: `there-${i}` }, spec: { ...made.spec, nodeName: `node-${i}` } };
  },
});

/** Nodes full of pods of the lowest priority: four of 900m on 4 cpu. */
const lowPods = (nodes: number) => ({
  pods: nodes * 4,
  pod: (i: number) => plainPod(`low-${i}`, { containers: container('900m', '500Mi'), nodeName: `node-${i % nodes}` }),
});
const highPod = (i: number): New<Pod> => plainPod(`high-${i}`, { containers: container('3', '500Mi'), priority: 10 });

const DRIVER = 'disk.example.com';
const claims = (name: string) => [{ name: 'vol', persistentVolumeClaim: { claimName: name } }];

/** A bound claim and its volume for each pod. */
const boundVolumes =
  (source: (i: number) => object) =>
  (server: InProcess, nodes: number): void => {
    for (let i = 0; i < nodes * 2; i++) {
      const [name, claim] = [`pv-${i}`, `pvc-${i}`];
      server.addVolume({
        metadata: { name },
        spec: {
          accessModes: ['ReadOnlyMany'],
          capacity: { storage: '1Gi' },
          claimRef: { name: claim, namespace: NAMESPACE, uid: claim },
          ...source(i),
        },
        status: { phase: 'Bound' },
      });
      server.addClaim({
        metadata: { name: claim, namespace: NAMESPACE, annotations: { 'pv.kubernetes.io/bind-completed': 'true' } },
        spec: { accessModes: ['ReadOnlyMany'], volumeName: name, resources: { requests: { storage: '1Gi' } } },
        status: { phase: 'Bound' },
      });
    }
  };

export const SHAPES: Readonly<Record<string, Shape>> = {
  basic: {
    gate: 680,
    source: 'SchedulingBasic 5000Nodes_10000Pods; 810 for 50,000 pods',
    node: plainNode,
    pod: (i) => plainPod(`pod-${i}`),
  },
  'node-affinity': {
    gate: 220,
    source: 'SchedulingNodeAffinity 5000Nodes_10000Pods',
    node: plainNode,
    pod: (i) =>
      plainPod(`pod-${i}`, {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: ['zone-0', 'zone-1'] }] }],
            },
          },
        },
      }),
  },
  'required-pod-affinity': {
    gate: 35,
    source: 'SchedulingPodAffinity 5000Nodes_5000Pods',
    node: plainNode,
    pod: affine(required('podAffinity', term(ZONE, blue)), blue),
  },
  'required-pod-affinity-ns': {
    gate: 35,
    source: 'SchedulingRequiredPodAffinityWithNSSelector 5000Nodes_2000Pods',
    node: plainNode,
    prepare: teamNamespaces,
    existing: teamPods(required('podAffinity', { ...term(ZONE, blue), ...inTeam }), blue),
    pod: affine(required('podAffinity', { ...term(ZONE, blue), ...inTeam }), blue),
  },
  'preferred-pod-affinity': {
    gate: 90,
    source: 'SchedulingPreferredPodAffinity 5000Nodes_5000Pods',
    node: plainNode,
    existing: onePerNode((i) => plainPod(`pod-${i}`, {}, red)),
    pod: affine(preferred('podAffinity', term(HOST, red)), red),
  },
  'preferred-pod-affinity-ns': {
    gate: 90,
    source: 'SchedulingPreferredAffinityWithNSSelector 5000Nodes_5000Pods',
    node: plainNode,
    prepare: teamNamespaces,
    existing: teamPods(preferred('podAffinity', { ...term(HOST, red), ...inTeam }), red),
    pod: affine(preferred('podAffinity', { ...term(HOST, red), ...inTeam }), red),
  },
  'anti-affinity': {
    gate: 60,
    source: 'SchedulingPodAntiAffinity 5000Nodes_2000Pods',
    node: plainNode,
    pod: affine(required('podAntiAffinity', term(HOST, green)), green),
  },
  'anti-affinity-ns': {
    gate: 24,
    source: 'SchedulingRequiredPodAntiAffinityWithNSSelector 5000Nodes_2000Pods',
    node: plainNode,
    prepare: teamNamespaces,
    existing: teamPods(required('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
    pod: affine(required('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
  },
  'preferred-anti-affinity': {
    gate: 90,
    source: 'SchedulingPreferredPodAntiAffinity 5000Nodes_5000Pods',
    node: plainNode,
    pod: affine(preferred('podAntiAffinity', term(HOST, green)), green),
  },
  'preferred-anti-affinity-ns': {
    gate: 55,
    source: 'SchedulingPreferredAntiAffinityWithNSSelector 5000Nodes_5000Pods',
    node: plainNode,
    prepare: teamNamespaces,
    existing: teamPods(preferred('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
    pod: affine(preferred('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
  },
  'topology-spread': { gate: 460, source: 'TopologySpreading 5000Nodes_5000Pods', node: plainNode, pod: spread('DoNotSchedule') },
  'topology-spread-soft': {
    gate: 340,
    source: 'PreferredTopologySpreading 5000Nodes_5000Pods',
    node: plainNode,
    pod: spread('ScheduleAnyway'),
  },
  mixed: {
    gate: 140,
    source: 'MixedSchedulingBasePod 5000Nodes_5000Pods',
    node: plainNode,
    existing: (nodes) => {
      const kinds = [
        plainPod,
        (name: string) => plainPod(name, { affinity: required('podAffinity', term(ZONE, blue)) }, blue),
        (name: string) => plainPod(name, { affinity: required('podAntiAffinity', term(HOST, green)) }, green),
        (name: string) => plainPod(name, { affinity: preferred('podAffinity', term(HOST, red)) }, red),
        (name: string) => plainPod(name, { affinity: preferred('podAntiAffinity', term(HOST, { color: 'yellow' })) }, { color: 'yellow' }),
      ];
      return {
        pods: nodes,
        pod(i) {
          const made = (kinds[i % kinds.length] as (name: string) => New<Pod>)(`there-${i}`);
          return { ...made, spec: { ...made.spec, nodeName: `node-${i}` } };
        },
      };
    },
    pod: (i) => plainPod(`pod-${i}`),
  },
  preemption: { source: 'PreemptionBasic at 1,000 nodes; none at 5,000, where it fails', node: plainNode, existing: lowPods, pod: highPod },
  'preemption-async': {
    gate: 570,
    source: 'PreemptionAsync 5000Nodes',
    node: plainNode,
    existing: lowPods,
    // One pod in five evicts; the rest fits beside the others.
    pod: (i) => (i % 5 === 0 ? highPod(i) : plainPod(`pod-${i}`, { containers: container('20m', '10Mi'), priority: 5 })),
  },
  'preemption-pvs': {
    source: 'PreemptionPVs at 1,000 nodes; none at 5,000',
    node: plainNode,
    prepare: boundVolumes(() => ({ gcePersistentDisk: { pdName: 'shared', readOnly: true } })),
    existing: lowPods,
    pod: (i) => plainPod(`high-${i}`, { containers: container('3', '500Mi'), priority: 10, volumes: claims(`pvc-${i}`) }),
  },
  unschedulable: {
    gate: 590,
    source: 'Unschedulable 5kNodes/100Init/10kPods',
    node: plainNode,
    existing: () => ({ pods: 100, pod: (i) => plainPod(`huge-${i}`, { containers: container('9', '500Mi'), priority: 10 }) }),
    pod: (i) => plainPod(`pod-${i}`),
    // Pods that fit nowhere keep coming.
    meanwhile: (server, bound) => {
      if (bound % 50 === 0) server.addPod(plainPod(`churn-${bound}`, { containers: container('9', '500Mi'), priority: 10 }));
    },
  },
  secrets: {
    gate: 790,
    source: 'SchedulingSecrets 5000Nodes_10000Pods',
    node: plainNode,
    pod: (i) => plainPod(`pod-${i}`, { volumes: [{ name: 'secret', secret: { secretName: 'secret' } }] }),
  },
  'intree-pvs': {
    gate: 290,
    source: 'SchedulingInTreePVs 5000Nodes_2000Pods',
    node: plainNode,
    prepare: boundVolumes((i) => ({ awsElasticBlockStore: { volumeID: `vol-${i}` } })),
    pod: (i) => plainPod(`pod-${i}`, { volumes: claims(`pvc-${i}`) }),
  },
  'csi-pvs': {
    gate: 100,
    source: 'SchedulingCSIPVs 5000Nodes_5000Pods',
    node: plainNode,
    prepare(server, nodes) {
      boundVolumes((i) => ({ csi: { driver: DRIVER, volumeHandle: `vol-${i}` } }))(server, nodes);
      for (let i = 0; i < nodes; i++) server.addCSINode(`node-${i}`, DRIVER, 39);
    },
    pod: (i) => plainPod(`pod-${i}`, { volumes: claims(`pvc-${i}`) }),
  },
  'event-handling': {
    source: 'EventHandlingPodDelete at 50 nodes, none given',
    node: plainNode,
    existing: (nodes) => ({
      pods: nodes + 1000,
      pod: (i) =>
        i < nodes ? plainPod(`there-${i}`, { nodeName: `node-${i}` }) : plainPod(`waiting-${i}`, { containers: container('9', '500Mi') }),
    }),
    pod: (i) => plainPod(`pod-${i}`),
    meanwhile: (server, bound, nodes) => {
      if (bound <= nodes) server.removePod(`there-${bound - 1}`);
    },
  },
  gated: {
    gate: 910,
    source: 'SchedulingWhileGated 1Node_10000GatedPods',
    node: plainNode,
    existing: () => ({
      pods: 10_000,
      pod: (i) => plainPod(`gated-${i}`, { schedulingGates: [{ name: 'hold' }] }, { batch: `b${i % 10}` }),
    }),
    pod: (i) => plainPod(`pod-${i}`),
    meanwhile: (server, bound, nodes) => {
      if (bound % 10 === 0 && bound <= nodes) server.removePod(`pod-${bound - 1}`);
    },
  },
};
