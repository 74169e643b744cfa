// Which pods an event gives another try, plugin by plugin, through the handlers of informers and the queue. Source:
// test/integration/scheduler/queueing/queue.go CoreResourceEnqueueTestCases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceClass } from '#api/gen/resource-v1.ts';
import type { Node, Pod } from '#api/types.ts';
import { everything } from '#apimachinery/labels.ts';
import { requeued, type Requeue } from './requeue-testing.ts';
import { interPodAffinity } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { DEFAULT_FIT_ARGS, type IsOfDevices, nodeResourcesFit } from './plugins/node-resources.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { podTopologySpread } from './plugins/pod-topology-spread.ts';
import { taintToleration } from './plugins/taint-toleration.ts';
import { node, pod } from './testing.ts';

type Labels = Readonly<Record<string, string>>;
type Spec = NonNullable<Parameters<typeof pod>[2]>;

const fit = nodeResourcesFit();
const devicesFit = (isOfDevices: IsOfDevices) => nodeResourcesFit(DEFAULT_FIT_ARGS, isOfDevices);
const affinity = interPodAffinity(() => undefined);
const spread = podTopologySpread(() => everything);

const having = (allocatable: Labels, labels: Labels = {}, name = 'n') =>
  node(name, { metadata: { labels }, status: { allocatable: { pods: '110', ...allocatable } } });
const labelled = (name: string, labels: Labels, spec: Node['spec'] = {}): Node => node(name, { metadata: { labels }, spec });
const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;
const tainted = (key: string, labels: Labels = {}): Node => labelled('n', labels, { taints: [{ ...NOT_READY, key }] });
const tolerant = (...keys: readonly string[]): Spec => ({ tolerations: keys.map((key) => ({ key, operator: 'Exists' as const })) });
const inGroup = (...values: readonly string[]): Spec => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'group', operator: 'In', values }] }],
      },
    },
  },
});
const onNode = (name: string): Spec => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
      },
    },
  },
});
const term = (label: string, topologyKey: string) => ({
  requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey, labelSelector: { matchExpressions: [{ key: label, operator: 'Exists' as const }] } },
  ],
});
const near = (label: string, topologyKey: string): Spec => ({ affinity: { podAffinity: term(label, topologyKey) } });
const away = (label: string, topologyKey: string): Spec => ({ affinity: { podAntiAffinity: term(label, topologyKey) } });
const spreading = (label: string, topologyKey: string, minDomains = 3): Spec => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'DoNotSchedule',
      minDomains,
      labelSelector: { matchExpressions: [{ key: label, operator: 'Exists' }] },
    },
  ],
});
const labelledPod = (name: string, labels: Labels, spec: Spec = {}): Pod => pod(name, {}, spec, { metadata: { labels } });
const on = (name: string, nodeName: string, labels: Labels, spec: Spec = {}): Pod => labelledPod(name, labels, { ...spec, nodeName });
const port = (hostPort: number): Spec => ({
  containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080, hostPort, protocol: 'TCP' }] }],
});
const CARD = 'example.com/gpu';
const cards = (extendedResourceName?: string): DeviceClass =>
  ({ metadata: { name: 'cards' }, spec: extendedResourceName === undefined ? {} : { extendedResourceName } }) as unknown as DeviceClass;

interface Case extends Requeue {
  readonly name: string;
  readonly wants: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'more cpu on a node whose taint stays',
    plugins: [taintToleration, fit],
    nodes: [{ ...having({ cpu: '2' }), spec: { taints: [NOT_READY] } }],
    pods: [pod('intolerant', { cpu: '4' }), pod('large', { cpu: '4' }, tolerant(NOT_READY.key))],
    happens: (w) => w.setNode({ ...having({ cpu: '4' }), spec: { taints: [NOT_READY] } }),
    wants: ['large'],
  },
  {
    name: 'another taint',
    plugins: [taintToleration],
    nodes: [tainted(NOT_READY.key)],
    pods: [pod('it', {}, tolerant('a')), pod('other', {}, tolerant('b')), pod('none')],
    happens: (w) => w.setNode(tainted('a')),
    wants: ['it'],
  },
  {
    name: 'a node with a taint that one tolerates',
    plugins: [taintToleration],
    nodes: [tainted(NOT_READY.key)],
    pods: [pod('it', {}, tolerant('a')), pod('none')],
    happens: (w) => w.setNode({ ...tainted('a'), metadata: { ...tainted('a').metadata, name: 'm', uid: 'm' } }),
    wants: ['it'],
  },
  {
    name: 'a toleration of its own',
    plugins: [taintToleration],
    nodes: [tainted('a')],
    pods: [pod('it'), pod('other')],
    happens: (w) => w.setPod(pod('it', {}, tolerant('a'))),
    wants: ['it'],
  },
  {
    name: 'a label of its own, which says nothing of taints',
    plugins: [taintToleration],
    nodes: [tainted('a')],
    pods: [pod('it')],
    happens: (w) => w.setPod(labelledPod('it', { key: 'value' })),
    wants: [],
  },
  {
    name: 'a label that node affinity asks for',
    plugins: [nodeAffinity()],
    nodes: [labelled('n', { group: 'a' })],
    pods: [pod('b', {}, inGroup('b')), pod('c', {}, inGroup('c'))],
    happens: (w) => w.setNode(labelled('n', { group: 'b' })),
    wants: ['b'],
  },
  {
    name: 'a label of a node that node affinity was content with',
    plugins: [nodeAffinity(), fit],
    nodes: [having({ cpu: '2' }, { group: 'a' }), labelled('m', { group: 'b' })],
    pods: [pod('it', { cpu: '4' }, inGroup('a'))],
    happens: (w) => w.setNode(having({ cpu: '2' }, { group: 'a', other: 'x' })),
    wants: [],
  },
  {
    name: 'a node with a label that node affinity asks for',
    plugins: [nodeAffinity()],
    nodes: [labelled('n', { group: 'a' })],
    pods: [pod('b', {}, inGroup('b')), pod('c', {}, inGroup('c'))],
    happens: (w) => w.setNode(labelled('m', { group: 'b' })),
    wants: ['b'],
  },
  {
    name: 'more room on the only node that node affinity names',
    plugins: [nodeAffinity(), fit],
    nodes: [having({ cpu: '2' }), having({ cpu: '2' }, {}, 'm')],
    pods: [pod('it', { cpu: '4' }, onNode('n'))],
    happens: (w) => w.setNode(having({ cpu: '4' })),
    wants: ['it'],
  },
  {
    name: 'less that it asks for itself',
    plugins: [fit],
    nodes: [having({ cpu: '2' })],
    pods: [pod('it', { cpu: '4' })],
    happens: (w) => w.setPod(pod('it', { cpu: '2' })),
    wants: ['it'],
  },
  {
    name: 'a pod that leaves',
    plugins: [fit],
    nodes: [having({ cpu: '2' })],
    placed: [pod('gone', { cpu: '2' }, { nodeName: 'n' })],
    pods: [pod('it', { cpu: '2' })],
    happens: (w) => w.deletePod('gone'),
    wants: ['it'],
  },
  {
    name: 'a node with room for one of them',
    plugins: [fit],
    nodes: [having({ cpu: '2' })],
    pods: [pod('four', { cpu: '4' }), pod('five', { cpu: '5' })],
    happens: (w) => w.setNode(having({ cpu: '4' }, {}, 'm')),
    wants: ['four'],
  },
  {
    name: 'room for one of them on a node that was there',
    plugins: [fit],
    nodes: [having({ cpu: '2' })],
    pods: [pod('four', { cpu: '4' }), pod('five', { cpu: '5' })],
    happens: (w) => w.setNode(having({ cpu: '4' })),
    wants: ['four'],
  },
  {
    name: 'more of what it does not ask for',
    plugins: [nodeAffinity(), fit],
    nodes: [having({ cpu: '4' }), having({ cpu: '2' }, { group: 'b' }, 'm')],
    pods: [pod('it', { cpu: '4' }, inGroup('b'))],
    happens: (w) => w.setNode(having({ cpu: '4', memory: '4000' })),
    wants: [],
  },
  {
    name: 'more of what it asks for, on a node that affinity refuses',
    plugins: [nodeAffinity(), fit],
    nodes: [having({ cpu: '4' }), having({ cpu: '2' }, { group: 'b' }, 'm')],
    pods: [pod('it', { cpu: '4' }, inGroup('b'))],
    happens: (w) => w.setNode(having({ cpu: '5' })),
    wants: ['it'],
  },
  {
    name: 'room for more pods',
    plugins: [nodeAffinity(), fit],
    nodes: [having({ pods: '2' }), having({ pods: '1' }, { group: 'b' }, 'm')],
    placed: [on('there', 'm', {})],
    pods: [pod('it', {}, inGroup('b'))],
    happens: (w) => w.setNode(having({ pods: '3' })),
    wants: ['it'],
  },
  {
    name: 'unrelated memory, with a resource that the node has too little of',
    plugins: [fit],
    nodes: [having({ cpu: '4', [CARD]: '1' })],
    pods: [pod('it', { cpu: '5', [CARD]: '1' })],
    happens: (w) => w.setNode(having({ cpu: '4', memory: '4000', [CARD]: '1' })),
    wants: [],
  },
  {
    name: 'unrelated memory, with a resource that nothing stands for',
    plugins: [fit],
    nodes: [having({ cpu: '4' })],
    pods: [pod('it', { [CARD]: '1' })],
    happens: (w) => w.setNode(having({ cpu: '4', memory: '4000' })),
    wants: [],
  },
  {
    name: 'unrelated memory, with a resource that devices stand for: they may have it',
    plugins: (_, isOfDevices) => [nodeAffinity(), devicesFit(isOfDevices)],
    nodes: [having({ cpu: '4' }), having({ cpu: '2' }, { group: 'b' }, 'm')],
    classes: [cards(CARD)],
    pods: [pod('it', { cpu: '4', [CARD]: '1' }, inGroup('b'))],
    happens: (w) => w.setNode(having({ cpu: '4', memory: '4000' })),
    wants: ['it'],
  },
  {
    name: 'a class that stands for what it asks for',
    plugins: (_, isOfDevices) => [devicesFit(isOfDevices)],
    nodes: [having({ cpu: '4' })],
    pods: [pod('it', { cpu: '4', [CARD]: '1' }), pod('other', { cpu: '4', 'example.com/other': '1' })],
    happens: (w) => w.setClass(cards(CARD)),
    wants: ['it'],
  },
  {
    name: 'a class that stands for what it asks for from now on',
    plugins: (_, isOfDevices) => [devicesFit(isOfDevices)],
    nodes: [having({ cpu: '4' })],
    classes: [cards()],
    pods: [pod('it', { cpu: '4', [CARD]: '1' }), pod('other', { cpu: '4', 'example.com/other': '1' })],
    happens: (w) => w.setClass(cards(CARD)),
    wants: ['it'],
  },
  {
    name: 'a label that went from a pod it keeps away from',
    plugins: [affinity],
    nodes: [labelled('n', { node: 'n' })],
    placed: [on('there', 'n', { x: 'x', y: 'y' })],
    pods: [labelledPod('x', {}, away('x', 'node')), labelledPod('y', {}, away('y', 'node'))],
    happens: (w) => w.setPod(on('there', 'n', { y: 'y' })),
    wants: ['x'],
  },
  {
    name: 'a pod that goes and that it keeps away from',
    plugins: [affinity],
    nodes: [labelled('n', { node: 'n' })],
    placed: [on('a', 'n', { x: 'x' }), on('b', 'n', { y: 'y' })],
    pods: [labelledPod('x', {}, away('x', 'node')), labelledPod('y', {}, away('y', 'node'))],
    happens: (w) => w.deletePod('a'),
    wants: ['x'],
  },
  {
    name: 'a pod that goes and that kept it away',
    plugins: [affinity],
    nodes: [labelled('n', { node: 'n' })],
    placed: [on('a', 'n', {}, away('x', 'node')), on('b', 'n', {}, away('y', 'node'))],
    pods: [labelledPod('x', { x: 'x' }), labelledPod('y', { y: 'y' })],
    happens: (w) => w.deletePod('a'),
    wants: ['x'],
  },
  {
    name: 'a label of a pod that it wants to be near to',
    plugins: [affinity],
    nodes: [labelled('n', { node: 'n' })],
    placed: [on('there', 'n', {})],
    pods: [pod('x', {}, near('x', 'node')), pod('y', {}, near('y', 'node'))],
    happens: (w) => w.setPod(on('there', 'n', { x: 'x' })),
    wants: ['x'],
  },
  {
    name: 'a node in a place that affinity asks for',
    plugins: [affinity],
    nodes: [labelled('n', { other: 'n' })],
    pods: [pod('zone', {}, near('x', 'zone')), pod('region', {}, near('y', 'region'))],
    happens: (w) => w.setNode(labelled('m', { zone: 'z' })),
    wants: ['zone'],
  },
  {
    name: 'a node that comes to, or moves between, places that affinity asks for',
    plugins: [nodeAffinity(), affinity],
    nodes: [labelled('n', { region: '1' }), labelled('m', { region: '2', group: 'b' })],
    placed: [on('there', 'n', { x: 'x' })],
    pods: [
      labelledPod('node', { x: 'x' }, near('x', 'node')),
      labelledPod('other', { x: 'x' }, near('x', 'other')),
      pod('region', {}, { affinity: { ...inGroup('b').affinity, ...near('x', 'region').affinity } }),
    ],
    happens: (w) => w.setNode(labelled('n', { node: 'n', region: '2' })),
    wants: ['node', 'region'],
  },
  {
    name: 'a node that leaves, or moves between, places that anti-affinity names',
    plugins: [affinity],
    nodes: [labelled('n', { node: 'n', service: 'a', other: 'n' })],
    placed: [on('there', 'n', { x: 'x' })],
    pods: ['node', 'service', 'other'].map((key) => labelledPod(key, { x: 'x' }, away('x', key))),
    happens: (w) => w.setNode(labelled('n', { service: 'b', region: 'n', other: 'n' })),
    wants: ['node', 'service'],
  },
  {
    name: 'a node, for all that keep away from pods elsewhere',
    plugins: [affinity],
    nodes: [labelled('n', { zone: 'z', node: 'n' })],
    placed: [on('there', 'n', { x: 'x' })],
    pods: [pod('zone', {}, away('x', 'zone')), pod('node', {}, away('x', 'node'))],
    happens: (w) => w.setNode(labelled('m', { zone: 'y' })),
    wants: ['zone', 'node'],
  },
  {
    name: 'a pod that leaves a port',
    plugins: [nodePorts],
    nodes: [node('n')],
    placed: [on('a', 'n', {}, port(8080)), on('b', 'n', {}, port(8081))],
    pods: [pod('8080', {}, port(8080)), pod('8081', {}, port(8081))],
    happens: (w) => w.deletePod('a'),
    wants: ['8080'],
  },
  {
    name: 'a node with all its ports',
    plugins: [nodePorts],
    nodes: [node('n')],
    placed: [on('a', 'n', {}, port(8080))],
    pods: [pod('it', {}, port(8080))],
    happens: (w) => w.setNode(node('m')),
    wants: ['it'],
  },
  {
    name: 'a node that is uncordoned',
    plugins: [nodeUnschedulable],
    nodes: [labelled('n', {}, { unschedulable: true })],
    pods: [pod('it')],
    happens: (w) => w.setNode(labelled('n', {})),
    wants: ['it'],
  },
  {
    name: 'a node that is cordoned from the start',
    plugins: [nodeUnschedulable],
    nodes: [labelled('n', {}, { unschedulable: true })],
    pods: [pod('it')],
    happens: (w) => w.setNode(labelled('m', {}, { unschedulable: true })),
    wants: [],
  },
  ...(
    [
      ['a pod that is placed and counts', (w) => w.setPod(on('new', 'n', { x: 'x' }))],
      ['a pod that counts no more', (w) => w.setPod(on('a', 'n', { z: 'z' }))],
      ['a pod that counted and goes', (w) => w.deletePod('a')],
    ] satisfies readonly (readonly [string, Requeue['happens']])[]
  ).map(([name, happens]) => ({
    name: `${name} in spreading`,
    plugins: [spread],
    nodes: [labelled('n', { node: 'n' })],
    placed: [on('a', 'n', { x: 'x' }), on('b', 'n', { y: 'y' })],
    pods: [labelledPod('x', { x: 'x' }, spreading('x', 'node')), labelledPod('y', { y: 'y' }, spreading('y', 'node'))],
    happens,
    wants: ['x'],
  })),
  {
    name: 'a node in a place that pods spread over',
    plugins: [spread],
    nodes: [labelled('n', { node: 'n' }), labelled('m', { zone: 'z' })],
    placed: [on('a', 'n', { x: 'x' }), on('b', 'm', { x: 'x' })],
    pods: [labelledPod('node', { x: 'x' }, spreading('x', 'node', 2)), labelledPod('zone', { x: 'x' }, spreading('x', 'zone', 2))],
    happens: (w) => w.setNode(labelled('o', { node: 'n' })),
    wants: ['node'],
  },
  {
    name: 'a node that leaves, comes to or moves between places that pods spread over',
    plugins: [spread],
    nodes: ['n', 'm'].map((name) => labelled(name, { node: 'n', region: 'n', service: 'a' })),
    placed: [on('a', 'n', { x: 'x' }), on('b', 'm', { x: 'x' }), on('c', 'm', { x: 'x' }), on('d', 'm', { x: 'x' })],
    pods: ['node', 'zone', 'region', 'other', 'service'].map((key) => labelledPod(key, { x: 'x' }, spreading('x', key))),
    happens: (w) => w.setNode(labelled('m', { zone: 'n', region: 'n', service: 'b' })),
    wants: ['node', 'zone', 'service'],
  },
  {
    name: 'a node that goes from a place that pods spread over',
    plugins: [spread],
    nodes: [labelled('n', { node: 'n' }), labelled('m', { zone: 'z' })],
    placed: [on('a', 'n', { x: 'x' }), on('b', 'm', { x: 'x' })],
    pods: [labelledPod('node', { x: 'x' }, spreading('x', 'node')), labelledPod('zone', { x: 'x' }, spreading('x', 'zone'))],
    happens: (w) => w.deleteNode('m'),
    wants: ['zone'],
  },
  {
    name: 'another taint of a node in a place that pods spread over',
    plugins: [spread],
    nodes: [labelled('a', { node: 'a' }), labelled('b', { zone: 'z' }), tainted(NOT_READY.key, { zone: 'z' })],
    placed: [on('p', 'a', { x: 'x' }), on('q', 'b', { x: 'x' })],
    pods: [
      labelledPod('node', { x: 'x' }, spreading('x', 'node')),
      labelledPod('zone', { x: 'x' }, { ...spreading('x', 'zone'), ...tolerant('a') }),
    ],
    happens: (w) => w.setNode(tainted('a', { zone: 'z' })),
    wants: ['zone'],
  },
];

for (const { name, wants, ...given } of CASES) {
  test(`another try after ${name}`, () => assert.deepEqual(requeued(given), wants.toSorted()));
}
