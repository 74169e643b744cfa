import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything } from '#apimachinery/labels.ts';
import { seededIds } from '#base/ids.ts';
import { podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { PostFilterResult } from '../framework/plugin.ts';
import { type Profile, profileOf } from '../framework/profile.ts';
import { defaultPreemption } from '../plugins/default-preemption.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { balancedAllocation, nodeResourcesFit } from '../plugins/node-resources.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { fitMessage } from '../framework/fit-error.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { type Decision, PodPlacer } from './place-pod.ts';

const profile: Profile = profileOf(
  'default-scheduler',
  [
    taintToleration,
    nodeAffinity(),
    nodePorts,
    nodeResourcesFit(),
    podTopologySpread(() => everything),
    interPodAffinity(() => ({})),
    balancedAllocation(),
    imageLocality,
  ].map((plugin) => ({ plugin, weight: 1 })),
);

const placer = (cluster: ClusterState, seed = 1): PodPlacer => {
  const ids = seededIds(seed);
  return new PodPlacer({ profile, cluster, fraction: () => ids.fraction() });
};

const place = (cluster: ClusterState, incoming: Pod): string => {
  const decision = placer(cluster).place(cluster.podInfos.of(incoming));
  if (decision.kind === 'placed') return decision.node;
  return decision.kind === 'refused' ? fitMessage(decision.diagnosis) : decision.kind;
};

test('PodPlacer tells that there are no nodes', () => assert.equal(place(clusterOf([]), pod('p')), 'no-nodes'));

const FAULT: Status = { code: 'Error', reasons: ['out of order'], plugin: 'Broken' };
for (const [where, result, message] of [
  ['before it looks at nodes', { kind: 'rejected', status: FAULT }, 'running PreFilter plugin "Broken": out of order'],
  ['at a node', { kind: 'filter', filter: { scope: 'node', check: () => FAULT } }, 'running "Broken" filter plugin: out of order'],
] as const) {
  test(`PodPlacer says which plugin failed ${where}`, () => {
    const cluster = clusterOf([node('n')]);
    const broken = profileOf('default-scheduler', [{ plugin: { name: 'Broken', preFilter: () => result }, weight: 1 }]);
    const decision = new PodPlacer({ profile: broken, cluster, fraction: () => 0 }).place(cluster.podInfos.of(pod('p')));
    assert.deepEqual(decision, { kind: 'failed', message });
  });
}

test('PodPlacer looks only at the nodes that affinity names', () => {
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: ['b'] }] }];
  const spec = { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } } };
  assert.equal(place(clusterOf([node('a'), node('b')]), pod('p', {}, spec)), 'b');
  assert.equal(
    place(clusterOf([node('a'), node('c')]), pod('p', {}, spec)),
    "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  );
});

test('PodPlacer leaves room for pods nominated to a node that are as important', () => {
  const cluster = clusterOf([node('n')]);
  const nominate = (priority: number): void => cluster.nominator.nominate(pod('other', { cpu: '3' }, { priority }), 'n');
  const incoming = pod('p', { cpu: '2' }, { priority: 5 });
  nominate(5);
  assert.equal(place(cluster, incoming), '0/1 nodes are available: 1 Insufficient cpu.');
  nominate(4);
  assert.equal(place(cluster, incoming), 'n');
  assert.equal(podPriority(incoming), 5);
});

test('PodPlacer tries the node first that was nominated for the pod', () => {
  const cluster = clusterOf([node('empty'), node('busy')], [pod('a', { cpu: '3' }, { nodeName: 'busy' })]);
  assert.equal(place(cluster, pod('p', { cpu: '1' }, {}, { status: { nominatedNodeName: 'busy' } })), 'busy');
});

test('PodPlacer chooses among equal nodes by chance, each in turn', () => {
  const cluster = clusterOf(['a', 'b', 'c'].map((name) => node(name)));
  const chosen = placer(cluster);
  const seen = new Set(Array.from({ length: 50 }, () => JSON.stringify(chosen.place(cluster.podInfos.of(pod('p'))))));
  assert.equal(seen.size, 3);
});

const NO_BUDGETS = [] as const;

function shown(result: PostFilterResult | undefined): unknown {
  if (result?.kind !== 'nominated') return result;
  const { node: best, candidates } = result;
  return { best, candidates: candidates().map(({ victims, ...candidate }) => ({ ...candidate, victims: victims.map(({ uid }) => uid) })) };
}

/** A pod of one of several kinds, some with a word to say of others. */
function anyPod(i: number, pick: (count: number) => number): Pod {
  const app = `app-${pick(3)}`;
  const labelSelector = { matchLabels: { app } };
  const term = { topologyKey: 'zone', labelSelector };
  const specs = [
    {},
    { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, topologyKey: 'host' }] } } },
    { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 9, podAffinityTerm: term }] } } },
    { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' as const, labelSelector }] },
    { tolerations: [{ operator: 'Exists' as const }] },
  ];
  const spec = { ...specs[pick(specs.length)], priority: pick(3) };
  return pod(`p${i}`, { cpu: `${100 * (1 + pick(4))}m` }, spec, { metadata: { labels: { app } } });
}

test('PodPlacer decides with kept results as it would without, whatever changes in between', () => {
  const ids = seededIds(11);
  const pick = (count: number): number => Math.floor(ids.fraction() * count);
  const anyNode = (i: number) =>
    node(`n${i}`, {
      metadata: { labels: { host: `n${i}`, zone: `z${pick(3)}` } },
      spec: pick(4) === 0 ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {},
      status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
    });
  const cluster = clusterOf(Array.from({ length: 20 }, (_, i) => anyNode(i)));
  // Always the first among equals, so that answers can be compared.
  const first = (): PodPlacer => new PodPlacer({ profile, cluster, fraction: () => 0 });
  const kept = first();
  const preemption = defaultPreemption({ budgets: () => NO_BUDGETS, fraction: () => 0, isPreempting: () => false });
  const placed: string[] = [];
  const nominated = new Map<string, Pod>();
  let evictions = 0;
  for (let i = 0; i < 600; i++) {
    const waiting = [...nominated.values()];
    const incoming = cluster.podInfos.of(pick(3) === 0 && waiting.length > 0 ? (waiting[pick(waiting.length)] as Pod) : anyPod(i, pick));
    const summary = (decision: Decision): unknown =>
      decision.kind === 'refused' ? [fitMessage(decision.diagnosis), shown(preemption.postFilter?.(decision.refusal, cluster))] : decision;
    const decision = first().place(incoming);
    assert.deepEqual(summary(kept.place(incoming)), summary(decision), `pod ${i}`);
    if (decision.kind === 'refused') {
      const way = preemption.postFilter?.(decision.refusal, cluster);
      if (way?.kind === 'nominated') {
        nominated.set(incoming.uid, incoming.pod);
        cluster.nominator.nominate(incoming.pod, way.node);
        for (const { uid } of way.victims.slice(pick(2))) cluster.removePod(uid);
        evictions++;
      }
    }
    if (pick(20) === 0) cluster.nominator.remove(`p${pick(i + 1)}`);
    if (decision.kind === 'placed') {
      cluster.assume(incoming, decision.node);
      cluster.nominator.remove(incoming.uid);
      nominated.delete(incoming.uid);
      placed.push(incoming.uid);
    }
    if (pick(3) === 0 && placed.length > 0) cluster.removePod(placed.splice(pick(placed.length), 1)[0] as string);
    if (pick(25) === 0) cluster.setNode(anyNode(pick(20)));
    if (pick(60) === 0) cluster.removeNode(`n${pick(20)}`);
  }
  assert.ok(placed.length > 50 && evictions > 20, `${placed.length} placed, ${evictions} evictions`);
});
