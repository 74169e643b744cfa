import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything } from '#apimachinery/labels.ts';
import { seededIds } from '#base/ids.ts';
import { podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { type Profile, profileOf } from '../framework/profile.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { balancedAllocation, nodeResourcesFit } from '../plugins/node-resources.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { fitMessage } from '../framework/fit-error.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { type Decision, type Nominations, PodPlacer } from './place-pod.ts';

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
const nobody: Nominations = { size: 0, entries: () => [] };

const placer = (cluster: ClusterState, nominations = nobody, seed = 1): PodPlacer => {
  const ids = seededIds(seed);
  return new PodPlacer({ profile, cluster, nominations, fraction: () => ids.fraction() });
};

const place = (cluster: ClusterState, incoming: Pod, nominations = nobody): string => {
  const decision = placer(cluster, nominations).place(cluster.podInfos.of(incoming));
  if (decision.kind === 'placed') return decision.node;
  return decision.kind === 'refused' ? fitMessage(decision.diagnosis) : decision.kind;
};

test('PodPlacer tells that there are no nodes', () => assert.equal(place(clusterOf([]), pod('p')), 'no-nodes'));

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
  const nominate = (priority: number): Nominations => ({
    size: 1,
    entries: () => [['n', [cluster.podInfos.of(pod('other', { cpu: '3' }, { priority }))]]],
  });
  const incoming = pod('p', { cpu: '2' }, { priority: 5 });
  assert.equal(place(cluster, incoming, nominate(5)), '0/1 nodes are available: 1 Insufficient cpu.');
  assert.equal(place(cluster, incoming, nominate(4)), 'n');
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
  return pod(`p${i}`, { cpu: `${100 * (1 + pick(4))}m` }, specs[pick(specs.length)] ?? {}, { metadata: { labels: { app } } });
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
  const first = (): PodPlacer => new PodPlacer({ profile, cluster, nominations: nobody, fraction: () => 0 });
  const kept = first();
  const placed: string[] = [];
  for (let i = 0; i < 600; i++) {
    const incoming = cluster.podInfos.of(anyPod(i, pick));
    const summary = (decision: Decision): unknown => (decision.kind === 'refused' ? fitMessage(decision.diagnosis) : decision);
    const decision = first().place(incoming);
    assert.deepEqual(summary(kept.place(incoming)), summary(decision), `pod ${i}`);
    if (decision.kind === 'placed') {
      cluster.assume(incoming, decision.node);
      placed.push(incoming.uid);
    }
    if (pick(3) === 0 && placed.length > 0) cluster.removePod(placed.splice(pick(placed.length), 1)[0] as string);
    if (pick(25) === 0) cluster.setNode(anyNode(pick(20)));
    if (pick(60) === 0) cluster.removeNode(`n${pick(20)}`);
  }
  assert.ok(placed.length > 50);
});
