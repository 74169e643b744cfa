import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/types.ts';
import { everything } from '#apimachinery/labels.ts';
import { profileOf } from '../framework/profile.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { nodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { schedulingGates } from '../plugins/scheduling-gates.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { explainPlacement } from './explain-placement.ts';

const plugins = [
  schedulingGates,
  nodeUnschedulable,
  taintToleration,
  nodeAffinity(),
  nodePorts,
  nodeResourcesFit(),
  podTopologySpread(() => everything),
  interPodAffinity(() => undefined),
];
const profile = profileOf(
  'default-scheduler',
  plugins.map((plugin) => ({ plugin, weight: 1 })),
);

const host = (name: string): Node => node(name, { metadata: { labels: { 'kubernetes.io/hostname': name, zone: name } } });
const web = { metadata: { labels: { app: 'web' } } };
const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' };
const antiAffinity = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
const port80 = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' as const }] }] };
const spread = (maxSkew: number) => ({
  topologySpreadConstraints: [
    { maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' as const, labelSelector: { matchLabels: { app: 'web' } } },
  ],
});

interface Case {
  readonly name: string;
  readonly pod: Pod;
  readonly nodes: readonly Node[];
  readonly placed?: readonly Pod[];
  readonly plugin: string;
  readonly changes: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'lowers a request to what is free',
    pod: pod('p', { cpu: '3' }),
    nodes: [host('n')],
    placed: [pod('a', { cpu: '2500m' }, { nodeName: 'n' })],
    plugin: 'NodeResourcesFit',
    changes: ['lower the request for cpu from 3 to 1500m'],
  },
  {
    name: 'lowers two requests together',
    pod: pod('p', { cpu: '5', memory: '9Gi' }),
    nodes: [host('n')],
    plugin: 'NodeResourcesFit',
    changes: ['lower the request for cpu from 5 to 4 and the request for memory from 9Gi to 8Gi'],
  },
  {
    name: 'removes a pod where nothing is left',
    pod: pod('p', { cpu: '1' }),
    nodes: [host('n')],
    placed: [pod('a', { cpu: '4' }, { nodeName: 'n' })],
    plugin: 'NodeResourcesFit',
    changes: ['remove pod ns/a'],
  },
  {
    name: 'tolerates one taint after the other',
    pod: pod('p'),
    nodes: [
      node('n', {
        spec: {
          taints: [
            { key: 'a', value: 'b', effect: 'NoSchedule' },
            { key: 'c', effect: 'NoExecute' },
          ],
        },
      }),
    ],
    plugin: 'TaintToleration',
    changes: ['add a toleration for a=b:NoSchedule', 'add a toleration for c:NoExecute'],
  },
  {
    name: 'uncordons a node',
    pod: pod('p'),
    nodes: [node('n', { spec: { unschedulable: true } })],
    plugin: 'NodeUnschedulable',
    changes: ['uncordon node n'],
  },
  {
    name: 'labels a node',
    pod: pod('p', {}, { nodeSelector: { disk: 'ssd' } }),
    nodes: [host('n')],
    plugin: 'NodeAffinity',
    changes: ['label node n disk=ssd'],
  },
  {
    name: 'takes a misspelled selector for the label that is there',
    pod: pod('p', {}, { nodeSelector: { zone: 'n', disktype: 'sdd' } }),
    nodes: [node('n', { metadata: { labels: { zone: 'n', disktype: 'ssd' } } })],
    plugin: 'NodeAffinity',
    changes: ["ask for disktype=ssd instead of disktype=sdd in the pod's nodeSelector"],
  },
  {
    name: 'puts a node into a place that others are in',
    pod: pod(
      'p',
      {},
      { ...spread(1), topologySpreadConstraints: [{ ...spread(1).topologySpreadConstraints[0], topologyKey: 'rack' }] as never },
      web,
    ),
    nodes: [node('n'), node('m', { metadata: { labels: { rack: '7' } }, spec: { unschedulable: true } })],
    plugin: 'PodTopologySpread',
    changes: ['label node n rack=7'],
  },
  {
    name: 'changes the pod rather than the name of a host',
    pod: pod('p', {}, { nodeSelector: { 'kubernetes.io/hostname': 'm' } }),
    nodes: [host('n')],
    plugin: 'NodeAffinity',
    changes: ["take kubernetes.io/hostname out of the pod's nodeSelector"],
  },
  {
    name: 'frees a port',
    pod: pod('p', {}, port80),
    nodes: [host('n')],
    placed: [pod('a', {}, { ...port80, nodeName: 'n' })],
    plugin: 'NodePorts',
    changes: ['free host port 80/TCP: remove pod ns/a'],
  },
  {
    name: 'drops a term of anti-affinity',
    pod: pod('p', {}, antiAffinity, web),
    nodes: [host('n')],
    placed: [pod('a', {}, { nodeName: 'n' }, web)],
    plugin: 'InterPodAffinity',
    changes: ["drop the pod's required podAntiAffinity term over kubernetes.io/hostname"],
  },
  {
    name: 'removes the pod that wants to be alone',
    pod: pod('p', {}, {}, web),
    nodes: [host('n')],
    placed: [pod('a', {}, { ...antiAffinity, nodeName: 'n' }, web)],
    plugin: 'InterPodAffinity',
    changes: ['remove pod ns/a'],
  },
  {
    name: 'raises a skew by as little as does it',
    pod: pod('p', {}, spread(1), web),
    nodes: [host('n'), node('m', { metadata: { labels: { zone: 'm' } }, spec: { unschedulable: true } })],
    placed: ['a', 'b'].map((name) => pod(name, {}, { nodeName: 'n' }, web)),
    plugin: 'PodTopologySpread',
    changes: ['raise maxSkew over zone from 1 to 3'],
  },
  {
    name: 'names changes for several plugins in a row',
    pod: pod('p', { cpu: '8' }, { nodeSelector: { disk: 'ssd' } }),
    nodes: [host('n')],
    plugin: 'NodeAffinity',
    changes: ['label node n disk=ssd', 'lower the request for cpu from 8 to 4'],
  },
];

for (const c of CASES) {
  test(`explainPlacement ${c.name}`, () => {
    const cluster = clusterOf(c.nodes, c.placed);
    const found = explainPlacement(c.pod, { profile, cluster }).nodes.find(({ node: name }) => name === 'n');
    assert.deepEqual([found?.plugin, found?.changes.map(({ text }) => text), found?.verified], [c.plugin, c.changes, true]);
    assert.deepEqual([...cluster.pods.keys()].toSorted(), (c.placed ?? []).map(({ metadata }) => metadata.uid).toSorted());
    assert.equal(cluster.nodes[cluster.slotOf('n') as number], c.nodes[0]);
  });
}

test('explainPlacement finds the node that takes the fewest changes', () => {
  const far = node('far', { spec: { unschedulable: true, taints: [{ key: 'a', effect: 'NoSchedule' }] } });
  const near = node('near', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } });
  const { smallest } = explainPlacement(pod('p'), { profile, cluster: clusterOf([far, near]) });
  assert.deepEqual([smallest?.node, smallest?.changes.length], ['near', 1]);
});

test('explainPlacement tells of gates, and of a node that has room', () => {
  const gated = pod('p', {}, { schedulingGates: [{ name: 'example.com/wait' }] });
  const { before, smallest } = explainPlacement(gated, { profile, cluster: clusterOf([host('n')]) });
  assert.equal(before?.plugin, 'SchedulingGates');
  assert.deepEqual(smallest, { node: 'n', changes: [], verified: true });
});

test('explainPlacement seeks changes for so many nodes only, nearest first', () => {
  const cluster = clusterOf([node('a', { spec: { unschedulable: true } }), host('b')], [pod('x', { cpu: '4' }, { nodeName: 'b' })]);
  const { nodes, unsought } = explainPlacement(pod('p', { cpu: '1' }), { profile, cluster, mostNodes: 1 });
  assert.deepEqual(
    nodes.map(({ node: name, verified }) => [name, verified]),
    [
      ['a', false],
      ['b', true],
    ],
  );
  assert.equal(unsought, 1);
});
