// Shapes of upstream's scheduler_perf misc/, topology_spreading/ and event_handling/performance-config.yaml.
import type { New, Pod } from '#api/types.ts';
import { services } from '#api/resources.ts';
import { blue, container, greatNode, hugePod, NAMESPACE, plainNode, plainPod, plainPods, type Shape, ZONE } from '../shape.ts';

const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway') => (i: number) =>
  plainPod(
    `pod-${i}`,
    { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: blue } }] },
    blue,
  );

const lightPod = (name: string, spec: New<Pod['spec']> = {}): New<Pod> => plainPod(name, { containers: container('10m', '10Mi'), ...spec });

/** Of the shape `many-deployments`. */
const DEPLOYMENTS = 1000;

/** Source: churn of the Unschedulable and PreemptionAsync workloads. */
const CHURN_MS = 200;

const unschedulable = (before: number, gate: number): Shape => ({
  gate,
  source: `Unschedulable 5kNodes/${before < 1000 ? before : `${before / 1000}k`}Init/10kPods`,
  pods: 10_000,
  existing: plainPods(before),
  pod: (i) => plainPod(`pod-${i}`),
  // Pods that fit nowhere keep coming.
  churn: { everyMs: CHURN_MS, act: (server, i) => server.addPod(hugePod(`churn-${i}`)) },
});

export const BASIC_SHAPES: Readonly<Record<string, Shape>> = {
  basic: {
    gate: 680,
    source: 'SchedulingBasic 5000Nodes_10000Pods',
    pods: 10_000,
    existing: plainPods(1000),
    pod: (i) => plainPod(`pod-${i}`),
  },
  'basic-50000': {
    gate: 810,
    source: 'SchedulingBasic 5000Nodes_50000Pods',
    pods: 50_000,
    existing: plainPods(5000),
    pod: (i) => plainPod(`pod-${i}`),
  },
  'many-deployments': {
    source: 'none of upstream: a thousand Deployments side by side, each behind a Service, so that its pods are spread',
    pods: 10_000,
    prepare: (server) => {
      for (let i = 0; i < DEPLOYMENTS; i++)
        server.add(services, { metadata: { name: `app-${i}`, namespace: NAMESPACE }, spec: { selector: { app: `app-${i}` } } });
    },
    existing: plainPods(1000),
    pod: (i) => plainPod(`pod-${i}`, {}, { app: `app-${i % DEPLOYMENTS}` }),
  },
  daemonset: {
    gate: 1100,
    source: 'SchedulingDaemonset 15000Nodes',
    nodes: 15_000,
    pods: 30_000,
    node: (i) => (i === 0 ? greatNode(i) : plainNode(i)),
    pod: (i) => {
      const only = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-0'] }] } as const;
      const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [only] } };
      return lightPod(`pod-${i}`, { affinity: { nodeAffinity } });
    },
  },
  unschedulable: unschedulable(100, 590),
  'unschedulable-20k': unschedulable(20_000, 600),
  'mixed-churn': {
    gate: 710,
    source: 'SchedulingWithMixedChurn 5000Nodes_10000Pods',
    pods: 10_000,
    pod: (i) => plainPod(`pod-${i}`),
    churn: {
      everyMs: 1000,
      act(server, i) {
        const node = plainNode(1_000_000);
        if (i > 0) {
          server.removeNode('node-1000000');
          server.remove(services, { metadata: { name: 'churn', namespace: NAMESPACE } });
          server.removePod(`huge-${i - 1}`);
        }
        server.addNode(node);
        server.add(services, { metadata: { name: 'churn', namespace: NAMESPACE }, spec: { selector: { app: 'foo' } } });
        server.addPod(hugePod(`huge-${i}`));
      },
    },
  },
  gated: {
    gate: 910,
    source: 'SchedulingWhileGated 1Node_10000GatedPods',
    nodes: 1,
    pods: 20_000,
    node: greatNode,
    existing: () => ({
      pods: 30_000,
      pod: (i) =>
        i < 10_000
          ? lightPod(`gated-${i}`, { schedulingGates: [{ name: 'hold' }] })
          : lightPod(`going-${i - 10_000}`, { nodeName: 'node-0' }),
    }),
    pod: (i) => lightPod(`pod-${i}`),
    churn: { everyMs: 20, act: (server, i) => server.removePod(`going-${i}`) },
  },
  'deleted-with-finalizers': {
    gate: 830,
    source: 'SchedulingDeletedPodsWithFinalizers 5000Node_5000DeletingPods',
    pods: 5000,
    existing: () => ({
      pods: 5000,
      pod: (i) => {
        const pod = lightPod(`deleting-${i}`);
        return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['example.com/hold'] } };
      },
    }),
    pod: (i) => lightPod(`pod-${i}`),
  },
  'extended-resource': {
    gate: 180,
    source: 'SchedulingWithExtendedResource 5000pods_5000nodes (device plugins)',
    pods: 5000,
    node: (i) => ({ ...plainNode(i), status: { allocatable: { ...plainNode(i).status?.allocatable, 'foo.com/bar': '1' } } }),
    pod: (i) => plainPod(`pod-${i}`, { containers: container('100m', '500Mi', { 'foo.com/bar': '1' }) }),
  },
  'topology-spread': {
    gate: 460,
    source: 'TopologySpreading 5000Nodes_5000Pods',
    pods: 5000,
    existing: plainPods(5000),
    pod: spread('DoNotSchedule'),
  },
  'topology-spread-soft': {
    gate: 340,
    source: 'PreferredTopologySpreading 5000Nodes_5000Pods',
    pods: 5000,
    existing: plainPods(5000),
    pod: spread('ScheduleAnyway'),
  },
  'topology-spread-default': {
    gate: 160,
    source: 'DefaultTopologySpreading 5000Nodes_50000Pods',
    pods: 50_000,
    prepare: (server) =>
      server.add(services, { metadata: { name: 'service', namespace: NAMESPACE }, spec: { selector: { app: 'spread' } } }),
    existing: plainPods(5000),
    pod: (i) => plainPod(`pod-${i}`, {}, { app: 'spread' }),
  },
  'node-inclusion-policy': {
    gate: 270,
    source: 'SchedulingWithNodeInclusionPolicy 5000Nodes',
    pods: 4000,
    node: (i) => (i % 5 === 0 ? { ...plainNode(i), spec: { taints: [{ key: 'foo', value: '', effect: 'NoSchedule' }] } } : plainNode(i)),
    pod: (i) =>
      plainPod(
        `pod-${i}`,
        {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: blue },
              nodeAffinityPolicy: 'Honor',
              nodeTaintsPolicy: 'Honor',
            },
          ],
        },
        blue,
      ),
  },
  'event-handling': {
    source: 'EventHandlingPodDelete at 50 nodes, none given',
    pods: 5000,
    existing: (nodes) => ({
      pods: nodes + 1000,
      pod: (i) => (i < nodes ? plainPod(`there-${i}`, { nodeName: `node-${i}` }) : hugePod(`waiting-${i}`)),
    }),
    pod: (i) => plainPod(`pod-${i}`),
    meanwhile: (server, bound, nodes) => {
      if (bound <= nodes) server.removePod(`there-${bound - 1}`);
    },
  },
};
