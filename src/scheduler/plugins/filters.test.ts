import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { New, Node, Pod } from '#api/types.ts';
import type { Plugin } from '../framework/plugin.ts';
import { clusterOf, node, pod, refusals } from '../testing.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { DEFAULT_FIT_ARGS, nodeResourcesFit } from './node-resources.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';

interface Case {
  readonly name: string;
  readonly plugin: Plugin;
  readonly pod: Pod;
  readonly node?: New<Node>;
  readonly placed?: readonly Pod[];
  readonly refusal: string;
}

const fit = nodeResourcesFit();
const ON = { nodeName: 'n' };
const hostPort = (hostPort: number, hostIP?: string, protocol = 'TCP') => ({
  containers: [
    { name: 'c', image: 'i', ports: [{ hostPort, containerPort: 80, protocol, ...(hostIP === undefined ? {} : { hostIP }) }] },
  ] as never,
});
const PORT_TAKEN = "node(s) didn't have free ports for the requested pod ports";
const required = (...terms: readonly unknown[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms as never } } },
});
const AFFINITY = "node(s) didn't match Pod's node affinity/selector";
const labels = { metadata: { labels: { zone: 'a', cores: '8' } } };
const taint = (effect: string) => ({ spec: { taints: [{ key: 'k', value: 'v', effect: effect as 'NoSchedule' }] } });

const cases: readonly Case[] = [
  {
    name: 'takes a pod that fits exactly',
    plugin: fit,
    pod: pod('p', { cpu: '1', memory: '2Gi' }),
    placed: [pod('a', { cpu: '3', memory: '6Gi' }, ON)],
    refusal: '',
  },
  {
    name: 'tells all that is short',
    plugin: fit,
    pod: pod('p', { cpu: '2', memory: '3Gi' }),
    placed: [pod('a', { cpu: '3', memory: '6Gi' }, ON)],
    refusal: 'Insufficient cpu, Insufficient memory',
  },
  {
    name: 'counts pods',
    plugin: fit,
    pod: pod('p'),
    node: { status: { allocatable: { cpu: '1', pods: '1' } } },
    placed: [pod('a', {}, ON)],
    refusal: 'Too many pods',
  },
  { name: 'counts extended resources', plugin: fit, pod: pod('p', { 'example.com/gpu': '1' }), refusal: 'Insufficient example.com/gpu' },
  {
    name: 'leaves out ignored extended resources',
    plugin: nodeResourcesFit({ ...DEFAULT_FIT_ARGS, ignoredResourceGroups: ['example.com'] }),
    pod: pod('p', { 'example.com/gpu': '1' }),
    refusal: '',
  },
  { name: 'lets a pod without requests onto a full node', plugin: fit, pod: pod('p'), placed: [pod('a', { cpu: '4' }, ON)], refusal: '' },
  {
    name: 'counts the greatest init container',
    plugin: fit,
    pod: pod('p', { cpu: '1' }, { initContainers: [{ name: 'i', resources: { requests: { cpu: '5' } } }] }),
    refusal: 'Insufficient cpu',
  },
  { name: 'counts overhead', plugin: fit, pod: pod('p', { cpu: '4' }, { overhead: { cpu: '1m' } }), refusal: 'Insufficient cpu' },
  { name: 'takes a pod that names the node', plugin: nodeName, pod: pod('p', {}, ON), refusal: '' },
  {
    name: 'refuses a pod that names another',
    plugin: nodeName,
    pod: pod('p', {}, { nodeName: 'm' }),
    refusal: "node(s) didn't match the requested node name",
  },
  {
    name: 'refuses a cordoned node',
    plugin: nodeUnschedulable,
    pod: pod('p'),
    node: { spec: { unschedulable: true } },
    refusal: 'node(s) were unschedulable',
  },
  {
    name: 'lets a pod that tolerates it onto a cordoned node',
    plugin: nodeUnschedulable,
    pod: pod('p', {}, { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }),
    node: { spec: { unschedulable: true } },
    refusal: '',
  },
  {
    name: 'refuses an untolerated taint',
    plugin: taintToleration,
    pod: pod('p'),
    node: taint('NoSchedule'),
    refusal: 'node(s) had untolerated taint(s)',
  },
  {
    name: 'refuses an untolerated NoExecute',
    plugin: taintToleration,
    pod: pod('p'),
    node: taint('NoExecute'),
    refusal: 'node(s) had untolerated taint(s)',
  },
  { name: 'lets PreferNoSchedule pass', plugin: taintToleration, pod: pod('p'), node: taint('PreferNoSchedule'), refusal: '' },
  {
    name: 'lets a tolerated taint pass',
    plugin: taintToleration,
    pod: pod('p', {}, { tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }] }),
    node: taint('NoSchedule'),
    refusal: '',
  },
  {
    name: 'refuses a node selector that differs',
    plugin: nodeAffinity(),
    pod: pod('p', {}, { nodeSelector: { zone: 'b' } }),
    node: labels,
    refusal: AFFINITY,
  },
  {
    name: 'takes one of several terms',
    plugin: nodeAffinity(),
    pod: pod(
      'p',
      {},
      required(
        { matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] },
        { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }] },
      ),
    ),
    node: labels,
    refusal: '',
  },
  {
    name: 'wants all expressions of a term',
    plugin: nodeAffinity(),
    pod: pod(
      'p',
      {},
      required({
        matchExpressions: [
          { key: 'zone', operator: 'In', values: ['a'] },
          { key: 'cores', operator: 'Lt', values: ['4'] },
        ],
      }),
    ),
    node: labels,
    refusal: AFFINITY,
  },
  { name: 'takes no node for an empty term', plugin: nodeAffinity(), pod: pod('p', {}, required({})), node: labels, refusal: AFFINITY },
  {
    name: 'tells terms that contradict each other',
    plugin: nodeAffinity(),
    pod: pod(
      'p',
      {},
      required({
        matchFields: [
          { key: 'metadata.name', operator: 'In', values: ['n'] },
          { key: 'metadata.name', operator: 'In', values: ['m'] },
        ],
      }),
    ),
    refusal: 'pod affinity terms conflict',
  },
  {
    name: 'enforces added affinity',
    plugin: nodeAffinity({
      addedAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] }],
        },
      },
    }),
    pod: pod('p'),
    node: labels,
    refusal: "node(s) didn't match scheduler-enforced node affinity",
  },
  {
    name: 'refuses a taken port',
    plugin: nodePorts,
    pod: pod('p', {}, hostPort(80)),
    placed: [pod('a', {}, { ...ON, ...hostPort(80) })],
    refusal: PORT_TAKEN,
  },
  {
    name: 'tells protocols apart',
    plugin: nodePorts,
    pod: pod('p', {}, hostPort(80, undefined, 'UDP')),
    placed: [pod('a', {}, { ...ON, ...hostPort(80) })],
    refusal: '',
  },
  {
    name: 'tells addresses apart',
    plugin: nodePorts,
    pod: pod('p', {}, hostPort(80, '127.0.0.1')),
    placed: [pod('a', {}, { ...ON, ...hostPort(80, '127.0.0.2') })],
    refusal: '',
  },
  {
    name: 'lets no address beside any',
    plugin: nodePorts,
    pod: pod('p', {}, hostPort(80, '127.0.0.1')),
    placed: [pod('a', {}, { ...ON, ...hostPort(80) })],
    refusal: PORT_TAKEN,
  },
  {
    name: 'lets any address beside none',
    plugin: nodePorts,
    pod: pod('p', {}, hostPort(80)),
    placed: [pod('a', {}, { ...ON, ...hostPort(80, '127.0.0.1') })],
    refusal: PORT_TAKEN,
  },
];

for (const c of cases) {
  test(`${c.plugin.name} ${c.name}`, () => {
    assert.deepEqual(refusals(c.plugin, c.pod, clusterOf([node('n', c.node)], c.placed)), { n: c.refusal });
  });
}

test('NodeResourcesFit calls only that unresolvable which an empty node would lack too', () => {
  const cluster = clusterOf([node('n')], [pod('a', { cpu: '3' }, ON)]);
  const codeFor = (cpu: string): string | undefined => {
    const result = fit.preFilter?.(cluster.podInfos.of(pod('p', { cpu })), cluster);
    return result?.kind === 'filter' ? result.filter.check(0)?.code : undefined;
  };
  assert.deepEqual([codeFor('1'), codeFor('2'), codeFor('5')], [undefined, 'Unschedulable', 'UnschedulableAndUnresolvable']);
});

test('SchedulingGates names the gates', () => {
  const gated = pod('p', {}, { schedulingGates: [{ name: 'a' }, { name: 'b' }] });
  assert.deepEqual(schedulingGates.preEnqueue?.(gated)?.reasons, ['waiting for scheduling gates: [a b]']);
});

for (const c of [
  { name: 'a node that has room', previous: undefined, current: node('n'), hint: 'queue' },
  { name: 'a node too small', previous: undefined, current: node('n', { status: { allocatable: { cpu: '1', pods: '9' } } }), hint: 'skip' },
  {
    name: 'a node that grew',
    previous: node('n', { status: { allocatable: { cpu: '2', pods: '9' } } }),
    current: node('n'),
    hint: 'queue',
  },
  {
    name: 'a node that grew in something else',
    previous: node('n', { status: { allocatable: { cpu: '4', memory: '1Gi', pods: '110' } } }),
    current: node('n'),
    hint: 'skip',
  },
]) {
  test(`NodeResourcesFit answers ${c.hint} to ${c.name}`, () => {
    const hint = fit.events?.find(({ event }) => event.resource === 'Node')?.hint;
    assert.equal(hint?.(pod('p', { cpu: '2' }), c.previous, c.current), c.hint);
  });
}

test('NodePorts wakes a pod only for a port that it wants', () => {
  const hint = nodePorts.events?.find(({ event }) => event.resource === 'Pod')?.hint;
  const waiting = pod('p', {}, hostPort(80));
  const gone = (spec: object): unknown => pod('a', {}, { ...ON, ...spec });
  assert.deepEqual([hint?.(waiting, gone(hostPort(80)), undefined), hint?.(waiting, gone(hostPort(81)), undefined)], ['queue', 'skip']);
});
