import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything, selectorFromSet } from '#apimachinery/labels.ts';
import type { Pod, TopologySpreadConstraint } from '#api/types.ts';
import { clusterOf, node, pod, refusals, scoresOf } from '../testing.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

const SKEWED = "node(s) didn't match pod topology spread constraints";
const NO_LABEL = `${SKEWED} (missing required label)`;
const plugin = podTopologySpread(() => everything);
const inZone = (name: string, zone: string, taints: readonly string[] = []) =>
  node(name, { metadata: { labels: { zone } }, spec: { taints: taints.map((key) => ({ key, effect: 'NoSchedule' as const })) } });
const nodes = [inZone('a', 'a'), inZone('b', 'b'), node('none')];

const constraint = (more: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey: 'zone',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
  ...more,
});
const web = (
  name: string,
  on: string,
  more: { readonly version?: string; readonly namespace?: string; readonly leaving?: true } = {},
): Pod =>
  pod(name, {}, on === '' ? {} : { nodeName: on }, {
    metadata: {
      labels: { app: 'web', ...(more.version === undefined ? {} : { version: more.version }) },
      namespace: more.namespace ?? 'ns',
      ...(more.leaving === undefined ? {} : { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
  });
const spreading = (...constraints: readonly TopologySpreadConstraint[]): Pod =>
  pod('p', {}, { topologySpreadConstraints: constraints }, { metadata: { labels: { app: 'web', version: '2' } } });

for (const c of [
  { name: 'takes any place when none is ahead', pod: spreading(constraint()), placed: [], refused: { a: '', b: '', none: NO_LABEL } },
  {
    name: 'takes the place that is behind',
    pod: spreading(constraint()),
    placed: [web('1', 'a')],
    refused: { a: SKEWED, b: '', none: NO_LABEL },
  },
  {
    name: 'lets the skew that is allowed',
    pod: spreading(constraint({ maxSkew: 2 })),
    placed: [web('1', 'a')],
    refused: { a: '', b: '', none: NO_LABEL },
  },
  {
    name: 'counts its own namespace only',
    pod: spreading(constraint()),
    placed: [web('1', 'a', { namespace: 'other' })],
    refused: { a: '', b: '', none: NO_LABEL },
  },
  {
    name: 'counts no pod that leaves',
    pod: spreading(constraint()),
    placed: [web('1', 'a', { leaving: true })],
    refused: { a: '', b: '', none: NO_LABEL },
  },
  {
    name: 'counts like ones by matchLabelKeys',
    pod: spreading(constraint({ matchLabelKeys: ['version'] })),
    placed: [web('1', 'a', { version: '1' }), web('2', 'b', { version: '2' })],
    refused: { a: '', b: SKEWED, none: NO_LABEL },
  },
  {
    name: 'takes the least as 0 below minDomains',
    pod: spreading(constraint({ minDomains: 3 })),
    placed: [web('1', 'a'), web('2', 'b')],
    refused: { a: SKEWED, b: SKEWED, none: NO_LABEL },
  },
  {
    name: 'takes what every object inherits for no label of a node',
    pod: spreading(constraint({ topologyKey: 'constructor' })),
    placed: [],
    refused: { a: NO_LABEL, b: NO_LABEL, none: NO_LABEL },
  },
  {
    name: 'takes what every object inherits for no label of a pod',
    pod: spreading(constraint({ matchLabelKeys: ['constructor'] })),
    placed: [web('1', 'a')],
    refused: { a: SKEWED, b: '', none: NO_LABEL },
  },
  {
    name: 'does not filter by soft constraints',
    pod: spreading(constraint({ whenUnsatisfiable: 'ScheduleAnyway' })),
    placed: [web('1', 'a')],
    refused: { a: '', b: '', none: '' },
  },
]) {
  test(`PodTopologySpread ${c.name}`, () => assert.deepEqual(refusals(plugin, c.pod, clusterOf(nodes, c.placed)), c.refused));
}

test('PodTopologySpread counts tainted nodes unless told to honour taints', () => {
  const cluster = clusterOf([inZone('a', 'a'), inZone('b', 'b', ['k'])], [web('1', 'a')]);
  assert.equal(refusals(plugin, spreading(constraint()), cluster)['a'], SKEWED);
  assert.equal(refusals(plugin, spreading(constraint({ nodeTaintsPolicy: 'Honor' })), cluster)['a'], '');
});

test('PodTopologySpread prefers the emptier place by soft constraints', () => {
  const cluster = clusterOf(nodes, [web('1', 'a'), web('2', 'a'), web('3', 'b')]);
  const scores = scoresOf(plugin, spreading(constraint({ whenUnsatisfiable: 'ScheduleAnyway' })), cluster);
  // ln(2 + 2) each: 2.77 → 3, 1.39 → 1; 100 × (3 + 1 - score) / 3. The node without a zone is left out.
  assert.deepEqual(scores, { a: 33, b: 100, none: 0 });
});

test('PodTopologySpread spreads pods of a service over hosts and zones by default', () => {
  const defaulted = podTopologySpread(() => selectorFromSet({ app: 'web' }));
  const host = (name: string, zone: string) =>
    node(name, { metadata: { labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone } } });
  const cluster = clusterOf([host('a1', 'a'), host('a2', 'a'), host('b1', 'b')], [web('1', 'a1')]);
  const scores = scoresOf(defaulted, web('p', ''), cluster);
  assert.ok(scores !== undefined);
  assert.ok((scores['b1'] as number) > (scores['a2'] as number) && (scores['a2'] as number) > (scores['a1'] as number));
  assert.equal(scoresOf(plugin, web('p', ''), cluster), undefined);
});
