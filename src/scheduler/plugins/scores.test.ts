import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf, node, pod, scoresOf } from '../testing.ts';
import { imageLocality, imageScore } from './image-locality.ts';
import { nodeAffinity } from './node-affinity.ts';
import { balancedAllocation, nodeResourcesFit } from './node-resources.ts';
import { balancedScore, resourceScorer, type ScoringStrategy } from './resource-scores.ts';
import { taintToleration } from './taint-toleration.ts';

const usage = (requested: readonly number[], allocatable: readonly number[], allocated = requested) => ({
  requested: Float64Array.from(requested),
  allocated: Float64Array.from(allocated),
  allocatable: Float64Array.from(allocatable),
});
const resources = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];
const shape = [
  { utilization: 0, score: 10 },
  { utilization: 100, score: 0 },
];

// (4000 - 3000) × 100 / 4000 = 25, (10000 - 5000) × 100 / 10000 = 50, (25 + 50) / 2 = 37.
for (const c of [
  { strategy: { type: 'LeastAllocated', resources }, requested: [3000, 5000], allocatable: [4000, 10_000], score: 37 },
  { strategy: { type: 'LeastAllocated', resources }, requested: [3000, 5000], allocatable: [6000, 10_000], score: 50 },
  { strategy: { type: 'LeastAllocated', resources }, requested: [6000, 0], allocatable: [4000, 10_000], score: 50 },
  { strategy: { type: 'LeastAllocated', resources }, requested: [0, 0], allocatable: [0, 0], score: 0 },
  { strategy: { type: 'MostAllocated', resources }, requested: [3000, 5000], allocatable: [4000, 10_000], score: 62 },
  { strategy: { type: 'MostAllocated', resources }, requested: [9000, 5000], allocatable: [4000, 10_000], score: 75 },
  { strategy: { type: 'RequestedToCapacityRatio', resources, shape }, requested: [3000, 5000], allocatable: [4000, 10_000], score: 38 },
  { strategy: { type: 'RequestedToCapacityRatio', resources, shape }, requested: [4000, 5000], allocatable: [4000, 10_000], score: 50 },
] as readonly { strategy: ScoringStrategy; requested: number[]; allocatable: number[]; score: number }[]) {
  test(`resourceScorer ${c.strategy.type} gives ${c.score} for ${c.requested.join('/')} of ${c.allocatable.join('/')}`, () => {
    assert.equal(resourceScorer(c.strategy)(usage(c.requested, c.allocatable)), c.score);
  });
}

for (const c of [
  { name: 'as it was', requested: [2, 2], allocated: [1, 1], score: 75 },
  { name: 'better', requested: [2, 2], allocated: [2, 0], score: 87 },
  { name: 'worse', requested: [4, 0], allocated: [0, 0], score: 50 },
]) {
  test(`balancedScore of a balance that becomes ${c.name} is ${c.score}`, () => {
    assert.equal(balancedScore(usage(c.requested, [4, 4], c.allocated)), c.score);
  });
}

test('NodeResourcesFit counts containers without requests with a default', () => {
  const cluster = clusterOf(
    [node('empty'), node('busy')],
    ['a', 'b'].map((name) => pod(name, {}, { nodeName: 'busy' })),
  );
  const scores = scoresOf(nodeResourcesFit(), pod('p'), cluster);
  assert.ok(scores !== undefined && (scores['empty'] ?? 0) > (scores['busy'] ?? 0));
});

test('NodeResourcesBalancedAllocation says nothing of a pod without requests', () => {
  assert.equal(scoresOf(balancedAllocation(), pod('p'), clusterOf([node('n')])), undefined);
});

test('TaintToleration gives the node with most intolerable taints nothing and the others their share', () => {
  const taints = ['a', 'b'].map((key) => ({ key, effect: 'PreferNoSchedule' as const }));
  const cluster = clusterOf([node('none'), node('one', { spec: { taints: taints.slice(0, 1) } }), node('two', { spec: { taints } })]);
  assert.deepEqual(scoresOf(taintToleration, pod('p'), cluster), { none: 100, one: 50, two: 0 });
});

test('NodeAffinity adds the weights of preferences that hold', () => {
  const prefer = (key: string, weight: number) => ({ weight, preference: { matchExpressions: [{ key, operator: 'Exists' as const }] } });
  const spec = { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [prefer('a', 2), prefer('b', 6)] } } };
  const labelled = (name: string, ...keys: readonly string[]) =>
    node(name, { metadata: { labels: Object.fromEntries(keys.map((key) => [key, ''])) } });
  const cluster = clusterOf([labelled('x', 'a'), labelled('y', 'a', 'b'), labelled('z')]);
  assert.deepEqual(scoresOf(nodeAffinity(), pod('p', {}, spec), cluster), { x: 25, y: 100, z: 0 });
});

test('ImageLocality prefers the node with the image, the less the fewer have it', () => {
  const images = [{ names: ['i:latest'], sizeBytes: 800 * 1024 * 1024 }];
  const cluster = clusterOf([node('with', { status: { images, allocatable: {} } }), node('without')]);
  // Half of the nodes have it: (400 - 23) × 100 / (1000 - 23).
  assert.deepEqual(scoresOf(imageLocality, pod('p'), cluster), { with: 38, without: 0 });
});

test('imageScore clamps what is little and what is much', () => {
  assert.deepEqual(
    [imageScore(0, 1), imageScore(5e9, 1), imageScore(5e9, 9)],
    [0, 100, Math.floor((100 * (5e9 - 23 * 2 ** 20)) / (8977 * 2 ** 20))],
  );
});
