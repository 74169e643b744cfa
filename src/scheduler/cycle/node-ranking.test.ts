// What is kept of the nodes from pod to pod must lead to the node that asking every plugin about every node leads to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { seededIds } from '#base/ids.ts';
import type { New, Pod } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { type Profile, profileOf, UNLIKE_ANY } from '../framework/profile.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { balancedAllocation, nodeResourcesFit } from '../plugins/node-resources.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { type Decision, PodPlacer } from './place-pod.ts';

/** More than a block of the ranking. */
const NODES = 150;
const STEPS = 700;

/** Values of the label `app` of pods that a Service stands for; they come and go. */
const served = new Set(['app-0']);

const profile: Profile = profileOf(
  'default-scheduler',
  [
    taintToleration,
    nodeAffinity(),
    nodeResourcesFit(),
    podTopologySpread(({ metadata: { labels = {} } }) => selectorFromSet(served.has(labels['app'] ?? '') ? labels : {})),
    interPodAffinity(() => ({})),
    balancedAllocation(),
    imageLocality,
  ].map((plugin, i) => ({ plugin, weight: 1 + (i % 3) })),
);

/** The same plugins, each of which finds every pod like no other, so that nothing is kept. */
const keepingNothing: Profile = {
  ...profile,
  score: profile.score.map((each) => ({ ...each, plugin: { ...each.plugin, sign: () => UNLIKE_ANY } })),
};

type Pick = (count: number) => number;

function specs(app: string): readonly New<Pod['spec']>[] {
  const labelSelector = { matchLabels: { app } };
  const near = { topologyKey: LABEL.zone, labelSelector };
  const spread = (topologyKey: string, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway', more: object = {}) => ({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable, labelSelector, ...more }],
  });
  const required = [{ ...near }];
  const inZone = { matchExpressions: [{ key: LABEL.zone, operator: 'In' as const, values: ['z0'] }] };
  return [
    {},
    { tolerations: [{ operator: 'Exists' }] },
    spread(LABEL.zone, 'DoNotSchedule'),
    spread(LABEL.hostname, 'DoNotSchedule'),
    spread(LABEL.zone, 'DoNotSchedule', { minDomains: 5, nodeTaintsPolicy: 'Honor' }),
    spread(LABEL.zone, 'ScheduleAnyway'),
    spread(LABEL.hostname, 'ScheduleAnyway'),
    { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } },
    { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...near, topologyKey: LABEL.hostname }] } } },
    { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 3, podAffinityTerm: near }] } } },
    { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 7, preference: inZone }] } } },
  ];
}

function anyPod(i: number, pick: Pick): Pod {
  const app = `app-${pick(2)}`;
  const kinds = specs(app);
  const spec = kinds[pick(kinds.length)] ?? {};
  return pod(`p${i}`, { cpu: pick(8) === 0 ? '1' : '300m' }, spec, { metadata: { labels: { app } } });
}

const TAINTS = [[], [], [], [{ key: 'k', effect: 'NoSchedule' as const }], [{ key: 'k', effect: 'PreferNoSchedule' as const }]];

const anyNode = (i: number, pick: Pick) =>
  node(`n${i}`, {
    metadata: { labels: { [LABEL.hostname]: `n${i}`, ...(pick(12) === 0 ? {} : { [LABEL.zone]: `z${pick(3)}` }) } },
    spec: { taints: TAINTS[pick(TAINTS.length)] ?? [] },
    status: {
      allocatable: { cpu: String(1 + pick(3)), memory: '4Gi', pods: '5' },
      images: pick(5) === 0 ? [{ names: ['i:latest'], sizeBytes: 500_000_000 }] : [],
    },
  });

/** Any node will do for those who were asked, so that each is looked at. */
const everyNode = (cluster: ClusterState) => ({
  passed: new Map(cluster.nodes.flatMap((each) => (each === undefined ? [] : [[each.metadata.name, 0] as const]))),
  refused: new Map(),
});

const told = (decision: Decision): unknown => (decision.kind === 'placed' ? decision : decision.kind);

for (const seed of [1, 2, 3, 4]) {
  test(`NodeRanking leads to the node that asking about all of them leads to (seed ${seed})`, () => {
    const ids = seededIds(seed);
    const pick: Pick = (count) => Math.floor(ids.fraction() * count);
    const cluster = clusterOf(Array.from({ length: NODES }, (_, i) => anyNode(i, pick)));
    let chance = 0;
    const kept = new PodPlacer({ profile, cluster, fraction: () => chance });
    const plain = new PodPlacer({ profile: keepingNothing, cluster, fraction: () => chance });
    const placed: string[] = [];
    const seen = new Map<string, number>();
    for (let i = 0; i < STEPS; i++) {
      const incoming = cluster.podInfos.of(anyPod(i, pick));
      chance = ids.fraction();
      const decision = kept.place(incoming);
      assert.deepEqual(told(decision), told(plain.place(incoming, everyNode(cluster))), `pod ${i}`);
      seen.set(decision.kind, (seen.get(decision.kind) ?? 0) + 1);
      if (decision.kind === 'placed') {
        cluster.assume(incoming, decision.node);
        placed.push(incoming.uid);
      } else if (pick(2) === 0) cluster.nominator.nominate(incoming.pod, `n${pick(NODES)}`);
      if (pick(6) === 0) cluster.nominator.remove(`p${pick(i + 1)}`);
      while (placed.length > 0 && pick(5) < 2) cluster.removePod(placed.splice(pick(placed.length), 1)[0] as string);
      if (pick(50) === 0 && !served.delete('app-1')) served.add('app-1');
      if (pick(80) === 0) cluster.setNode(anyNode(pick(NODES), pick));
      if (pick(200) === 0) cluster.removeNode(`n${pick(NODES)}`);
    }
    assert.ok((seen.get('placed') ?? 0) > 300 && (seen.get('refused') ?? 0) > 5, JSON.stringify([...seen]));
  });
}

test('NodeRanking lets the first pod of a group go anywhere, and the others only near it', () => {
  const zones = Array.from({ length: 6 }, (_, i) =>
    node(`n${i}`, { metadata: { labels: { [LABEL.hostname]: `n${i}`, [LABEL.zone]: `z${i % 3}` } } }),
  );
  const cluster = clusterOf(zones);
  const term = { topologyKey: LABEL.zone, labelSelector: { matchLabels: { app: 'a' } } };
  const spec = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  const placer = new PodPlacer({ profile, cluster, fraction: () => 0 });
  const feasible = (name: string): unknown => {
    const incoming = cluster.podInfos.of(pod(name, {}, spec, { metadata: { labels: { app: 'a' } } }));
    const decision = placer.place(incoming);
    if (decision.kind !== 'placed') return decision.kind;
    cluster.assume(incoming, decision.node);
    return decision.feasible;
  };
  // One with such terms that stays, so that kept results are not made anew when the group is gone.
  const other = { ...spec, nodeName: 'n0' };
  cluster.setPod(pod('other', {}, other));
  assert.deepEqual([feasible('a'), feasible('b')], [6, 2]);
  for (const uid of ['a', 'b']) cluster.removePod(uid);
  assert.deepEqual([feasible('c'), feasible('d')], [6, 2]);
});
