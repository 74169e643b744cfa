// The cluster and the pods of each shape, after upstream's test/integration/scheduler_perf.
import type { New, Node, Pod } from '#api/types.ts';

export interface Shape {
  /** Upstream's gate for 5,000 nodes on large machines, pods/s. */
  readonly gate: string;
  readonly node: (i: number, nodes: number) => New<Node>;
  /** Pods that are there before, each on a node; none when absent. */
  readonly existing?: (i: number, nodes: number) => { readonly pods: number; readonly pod: (i: number) => New<Pod> };
  readonly pod: (i: number) => New<Pod>;
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

const plainPod = (name: string, spec: New<Pod['spec']> = {}, labels: Readonly<Record<string, string>> = {}): New<Pod> => ({
  metadata: { name, namespace: 'bench', labels },
  spec: { containers: container('100m', '500Mi'), ...spec },
});

const blue = { color: 'blue' };
const green = { color: 'green' };
const term = (topologyKey: string, matchLabels: Readonly<Record<string, string>>) => ({ labelSelector: { matchLabels }, topologyKey });

export const SHAPES: Readonly<Record<string, Shape>> = {
  basic: { gate: '680 (later 810)', node: plainNode, pod: (i) => plainPod(`pod-${i}`) },
  'node-affinity': {
    gate: '220',
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
  'preferred-pod-affinity': {
    gate: 'none given',
    node: plainNode,
    pod: (i) => {
      const preferred = [{ weight: 1, podAffinityTerm: term(HOST, { color: 'red' }) }];
      return plainPod(
        `pod-${i}`,
        { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } },
        { color: 'red' },
      );
    },
  },
  'required-pod-affinity': {
    gate: '35',
    node: plainNode,
    pod: (i) =>
      plainPod(`pod-${i}`, { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(ZONE, blue)] } } }, blue),
  },
  'anti-affinity': {
    gate: '60',
    node: plainNode,
    pod: (i) =>
      plainPod(
        `pod-${i}`,
        { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(HOST, green)] } } },
        green,
      ),
  },
  'topology-spread': {
    gate: 'none given',
    node: plainNode,
    pod: (i) => {
      const constraint = {
        maxSkew: 5,
        topologyKey: ZONE,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: blue },
      } as const;
      return plainPod(`pod-${i}`, { topologySpreadConstraints: [constraint] }, blue);
    },
  },
  preemption: {
    gate: 'none given',
    node: plainNode,
    existing: (_, nodes) => ({
      pods: nodes * 4,
      pod: (i) => plainPod(`low-${i}`, { containers: container('900m', '500Mi'), nodeName: `node-${i % nodes}` }),
    }),
    pod: (i) => plainPod(`high-${i}`, { containers: container('3', '500Mi'), priority: 10 }),
  },
  unschedulable: {
    gate: 'none given',
    node: plainNode,
    existing: () => ({ pods: 200, pod: (i) => plainPod(`huge-${i}`, { containers: container('9', '500Mi') }) }),
    pod: (i) => plainPod(`pod-${i}`),
  },
};
