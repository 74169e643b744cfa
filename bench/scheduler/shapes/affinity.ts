// Shapes of upstream's scheduler_perf affinity/performance-config.yaml.
import type { New, Pod } from '#api/types.ts';
import type { InProcess } from '../in-process.ts';
import { blue, container, green, greatNode, HOST, NAMESPACE, plainPod, red, type Shape, yellow, ZONE } from '../shape.ts';

type Affinity = NonNullable<New<Pod['spec']>['affinity']>;
type Labels = Readonly<Record<string, string>>;

const term = (topologyKey: string, matchLabels: Labels) => ({ labelSelector: { matchLabels }, topologyKey });
const required = (kind: 'podAffinity' | 'podAntiAffinity', wanted: object): Affinity => ({
  [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [wanted] },
});
const preferred = (kind: 'podAffinity' | 'podAntiAffinity', wanted: object): Affinity => ({
  [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: wanted }] },
});
const affine = (affinity: Affinity, labels: Labels) => (i: number) => plainPod(`pod-${i}`, { affinity }, labels);

/** So many like the pods to come, each on a node of its own as long as there are any. */
const likeThem = (pods: number, pod: (i: number) => New<Pod>) => (nodes: number) => ({
  pods,
  pod: (i: number): New<Pod> => {
    const made = pod(i);
    return { ...made, metadata: { ...made.metadata, name: `there-${i}` }, spec: { ...made.spec, nodeName: `node-${i % nodes}` } };
  },
});

/** Source: namespaces of the label team=devops. */
const inTeam = { namespaceSelector: { matchLabels: { team: 'devops' } } };
const TEAM_NAMESPACES = 100;

function teamNamespaces(server: InProcess): void {
  server.addNamespace(NAMESPACE, { team: 'devops' });
  for (let i = 0; i < TEAM_NAMESPACES; i++) server.addNamespace(`team-${i}`, { team: 'devops' });
}

/** Like pods in each namespace of the team. */
const teamPods = (each: number, affinity: Affinity, labels: Labels) => (nodes: number) => ({
  pods: Math.min(nodes, TEAM_NAMESPACES * each),
  pod: (i: number): New<Pod> => ({
    ...plainPod('', { affinity, nodeName: `node-${i}` }, labels),
    metadata: { name: `there-${i}`, namespace: `team-${i % TEAM_NAMESPACES}`, labels },
  }),
});

const team = (each: number, affinity: Affinity, labels: Labels): Pick<Shape, 'prepare' | 'existing' | 'pod'> => ({
  prepare: teamNamespaces,
  existing: teamPods(each, affinity, labels),
  pod: affine(affinity, labels),
});

const nearBlue = affine(required('podAffinity', term(ZONE, blue)), blue);
const apartFromGreen = affine(required('podAntiAffinity', term(HOST, green)), green);
const nearRed = affine(preferred('podAffinity', term(HOST, red)), red);
const apartFromYellow = affine(preferred('podAntiAffinity', term(HOST, yellow)), yellow);

export const AFFINITY_SHAPES: Readonly<Record<string, Shape>> = {
  'node-affinity': {
    gate: 220,
    source: 'SchedulingNodeAffinity 5000Nodes_10000Pods',
    pods: 10_000,
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
    pods: 5000,
    existing: likeThem(5000, nearBlue),
    pod: nearBlue,
  },
  'required-pod-affinity-ns': {
    gate: 35,
    source: 'SchedulingRequiredPodAffinityWithNSSelector 5000Nodes_2000Pods',
    pods: 2000,
    ...team(50, required('podAffinity', { ...term(ZONE, blue), ...inTeam }), blue),
  },
  'preferred-pod-affinity': {
    gate: 90,
    source: 'SchedulingPreferredPodAffinity 5000Nodes_5000Pods',
    pods: 5000,
    existing: likeThem(5000, nearRed),
    pod: nearRed,
  },
  'preferred-pod-affinity-ns': {
    gate: 90,
    source: 'SchedulingPreferredAffinityWithNSSelector 5000Nodes_5000Pods',
    pods: 5000,
    ...team(50, preferred('podAffinity', { ...term(HOST, red), ...inTeam }), red),
  },
  'anti-affinity': {
    gate: 60,
    source: 'SchedulingPodAntiAffinity 5000Nodes_2000Pods',
    pods: 2000,
    existing: likeThem(1000, apartFromGreen),
    pod: apartFromGreen,
  },
  'anti-affinity-matching': {
    gate: 543,
    source: 'SchedulingPodMatchingAntiAffinity 5000Nodes_5000Pods',
    pods: 5000,
    existing: likeThem(1000, apartFromGreen),
    pod: (i) => plainPod(`pod-${i}`, {}, green),
    // They keep out of the nodes of those that are there, and those have nothing against one another.
  },
  'anti-affinity-ns': {
    gate: 24,
    source: 'SchedulingRequiredPodAntiAffinityWithNSSelector 5000Nodes_2000Pods (6,000 nodes)',
    nodes: 6000,
    pods: 2000,
    ...team(40, required('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
  },
  'preferred-anti-affinity': {
    gate: 90,
    source: 'SchedulingPreferredPodAntiAffinity 5000Nodes_5000Pods',
    pods: 5000,
    existing: likeThem(5000, apartFromYellow),
    pod: apartFromYellow,
  },
  'preferred-anti-affinity-ns': {
    gate: 55,
    source: 'SchedulingPreferredAntiAffinityWithNSSelector 5000Nodes_2000Pods',
    pods: 2000,
    ...team(40, preferred('podAntiAffinity', { ...term(HOST, green), ...inTeam }), green),
  },
  mixed: {
    gate: 140,
    source: 'MixedSchedulingBasePod 5000Nodes_5000Pods',
    pods: 5000,
    existing: (nodes) => {
      const kinds = [(i: number) => plainPod(`pod-${i}`), nearBlue, apartFromGreen, nearRed, apartFromYellow];
      return likeThem(10_000, (i) => (kinds[i % kinds.length] as (i: number) => New<Pod>)(i))(nodes);
    },
    pod: (i) => plainPod(`pod-${i}`),
  },
  'gated-affinity': {
    gate: 110,
    source: 'SchedulingGatedPodsWithPodAffinityImpactForThroughput 1Node_10000GatedPods',
    nodes: 1,
    pods: 20_000,
    node: greatNode,
    existing: () => ({
      pods: 10_000,
      pod: (i) => {
        const affinity = required('podAffinity', term(ZONE, { app: 'scheduler-perf' }));
        return plainPod(`gated-${i}`, { schedulingGates: [{ name: 'hold' }], affinity });
      },
    }),
    pod: (i) => plainPod(`pod-${i}`, { containers: container('10m', '10Mi') }, { app: 'scheduler-perf' }),
  },
};
