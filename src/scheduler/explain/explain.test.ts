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
const ports = (...hostPorts: readonly number[]) => ({
  containers: [{ name: 'c', image: 'i', ports: hostPorts.map((hostPort) => ({ containerPort: 1, hostPort, protocol: 'TCP' as const })) }],
});
const named = (name: string) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: [name] }] }],
      },
    },
  },
});
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
    name: 'gets a node well rather than have the pod bear with it',
    pod: pod('p'),
    nodes: [
      node('n', {
        spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
        status: {
          conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'no CNI' }],
          allocatable: { cpu: '4', pods: '9' },
        },
      } as never),
    ],
    plugin: 'TaintToleration',
    changes: ['get node n ready (KubeletNotReady: no CNI)'],
  },
  {
    name: 'frees the disk of a node that is full',
    pod: pod('p'),
    nodes: [node('n', { spec: { taints: [{ key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' }] } })],
    plugin: 'TaintToleration',
    changes: ['free room on the disk of node n'],
  },
  {
    name: 'waits for pods that go anyhow rather than ask for less',
    pod: pod('p', { cpu: '3' }),
    nodes: [host('n')],
    placed: [pod('a', { cpu: '2' }, { nodeName: 'n' }, { metadata: { deletionTimestamp: '2026-01-01T00:01:00Z' } })],
    plugin: 'NodeResourcesFit',
    changes: ['wait until pod ns/a, already being deleted, is gone'],
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
    name: 'puts a node into a place of its own where none is known',
    pod: pod('p', {}, { topologySpreadConstraints: [{ ...spread(1).topologySpreadConstraints[0], topologyKey: 'rack' }] as never }, web),
    nodes: [node('n')],
    plugin: 'PodTopologySpread',
    changes: ['label node n rack=n'],
  },
  {
    name: 'puts a node into a place by a label named as what every object inherits',
    pod: pod(
      'p',
      {},
      { topologySpreadConstraints: [{ ...spread(1).topologySpreadConstraints[0], topologyKey: 'constructor' }] as never },
      web,
    ),
    nodes: [node('n', { metadata: { labels: { zone: 'a' } } })],
    plugin: 'PodTopologySpread',
    changes: ['label node n constructor=n'],
  },
  {
    name: 'tolerates a taint named as what every object inherits',
    pod: pod('p'),
    nodes: [node('n', { spec: { taints: [{ key: 'constructor', effect: 'NoSchedule' }] } })],
    plugin: 'TaintToleration',
    changes: ['add a toleration for constructor:NoSchedule'],
  },
  {
    name: 'gets past the names of nodes',
    pod: pod('p', {}, named('gone')),
    nodes: [node('n', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })],
    plugin: 'NodeAffinity',
    changes: ["drop the pod's required node affinity", 'add a toleration for a:NoSchedule'],
  },
  {
    name: 'does without what the node has not',
    pod: pod('p', { cpu: '5', 'example.com/gpu': '1' }),
    nodes: [host('n')],
    plugin: 'NodeResourcesFit',
    changes: ['lower the request for cpu from 5 to 4, and ask for no example.com/gpu, which the node has not'],
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
    pod: pod('p', {}, ports(80, 81)),
    nodes: [host('n')],
    placed: [pod('a', {}, { ...ports(80), nodeName: 'n' }), pod('b', {}, { ...ports(82), nodeName: 'n' })],
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

test('explainPlacement finds the node where least is asked for, whatever the order of nodes', () => {
  const nodes = ['a', 'b', 'c'].map(host);
  const used = [
    pod('x', { cpu: '3500m' }, { nodeName: 'a' }),
    pod('y', { cpu: '1' }, { nodeName: 'b' }),
    pod('z', { cpu: '4' }, { nodeName: 'c' }),
  ];
  for (const mostNodes of [3, 1]) {
    const { smallest } = explainPlacement(pod('p', { cpu: '3200m' }), { profile, cluster: clusterOf(nodes, used), mostNodes });
    assert.deepEqual([smallest?.node, smallest?.changes[0]?.text], ['b', 'lower the request for cpu from 3200m to 3']);
  }
});

test('explainPlacement takes what is nearly there for what was meant, rather than label another node', () => {
  const cluster = clusterOf([node('a'), node('b', { metadata: { labels: { disktype: 'ssd' } } })]);
  const { smallest } = explainPlacement(pod('p', {}, { nodeSelector: { disktyp: 'ssd' } }), { profile, cluster });
  assert.deepEqual(
    [smallest?.node, smallest?.changes],
    ['b', [{ kind: 'spelling', text: "ask for disktype=ssd instead of disktyp=ssd in the pod's nodeSelector" }]],
  );
});

test('explainPlacement leaves the pod of a DaemonSet the node it is made for', () => {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'd', controller: true }];
  const own = pod('p', { cpu: '8' }, named('a'), { metadata: { ownerReferences } });
  const { nodes, smallest } = explainPlacement(own, { profile, cluster: clusterOf([host('a'), host('b')]) });
  assert.deepEqual(nodes.find(({ node: name }) => name === 'b')?.changes, []);
  assert.deepEqual([smallest?.node, smallest?.changes[0]?.text], ['a', 'lower the request for cpu from 8 to 4']);
});

test('explainPlacement has pods run on that run, where a word of the pod is enough', () => {
  const full = clusterOf(
    [host('a'), node('b', { spec: { taints: [{ key: 't', effect: 'NoSchedule' }] } })],
    [pod('x', { cpu: '4' }, { nodeName: 'a' })],
  );
  assert.equal(explainPlacement(pod('p', { cpu: '1' }), { profile, cluster: full }).smallest?.node, 'b');
});

test('explainPlacement rather removes a pod than gives a node another zone', () => {
  const cluster = clusterOf([host('a'), host('b')], [pod('x', {}, { ...ports(80), nodeName: 'a' })]);
  const incoming = pod('p', {}, { ...ports(80), nodeSelector: { zone: 'a' } });
  const { smallest } = explainPlacement(incoming, { profile, cluster });
  assert.deepEqual([smallest?.node, smallest?.changes[0]?.kind], ['a', 'port']);
});

test('explainPlacement tells of gates, and where there is room without them', () => {
  const gated = pod('p', {}, { schedulingGates: [{ name: 'example.com/wait' }] });
  const { before, smallest } = explainPlacement(gated, { profile, cluster: clusterOf([host('n')]) });
  assert.equal(before?.plugin, 'SchedulingGates');
  const changes = [{ kind: 'gate', text: "take example.com/wait out of the pod's schedulingGates" }];
  assert.deepEqual(smallest, { node: 'n', changes, verified: true });
});

test('explainPlacement minds room that is kept for another pod, and puts that back after it tried without', () => {
  const cluster = clusterOf([host('n')]);
  const high = pod('high', { cpu: '3' }, { priority: 9 }, { status: { nominatedNodeName: 'n' } } as object);
  cluster.nominator.nominate(high);
  const explained = (cpu: string) => explainPlacement(pod('p', { cpu }), { profile, cluster }).nodes[0];
  assert.equal(explained('2')?.reason, 'Insufficient cpu; room there is kept for ns/high');
  assert.deepEqual(explained('2')?.changes, [{ kind: 'request', text: 'lower the request for cpu from 2 to 1' }]);
  cluster.setPod(pod('x', { cpu: '1' }, { nodeName: 'n' }));
  assert.deepEqual(explained('1')?.changes, [{ kind: 'eviction', text: 'remove pod ns/x' }]);
  cluster.nominator.nominate(pod('low', { cpu: '1' }, {}, { status: { nominatedNodeName: 'n' } } as object));
  assert.deepEqual(explained('2')?.changes, [{ kind: 'eviction', text: 'remove pod ns/high' }]);
  assert.deepEqual(
    cluster.nominator
      .podsOn('n')
      .map(({ uid }) => uid)
      .toSorted(),
    ['high', 'low'],
  );
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
