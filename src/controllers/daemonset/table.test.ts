// Upstream's tables: so many pods on so many nodes come to so many creations and deletions. Source: daemon_controller_test.go,
// update_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet, Node, Pod, Taint } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { newDaemonPod, suits } from './daemon-pod.ts';
import { type Observed, planDaemonSet } from './plan.ts';

const NOW = Date.UTC(2026, 0, 1);
const SECOND = 1000;

const ON_DELETE = { type: 'OnDelete' } as const;
const rolling = (maxUnavailable: number | string, maxSurge: number | string = 0) =>
  ({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } }) as const;
const STRATEGIES = [ON_DELETE, rolling(1)];

function daemonSet(updateStrategy: object = rolling(1), podSpec: object = {}, spec: object = {}): DaemonSet {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c' }], ...podSpec } };
  return {
    metadata: { name: 'foo', namespace: 'ns', uid: 'ds', generation: 1 },
    spec: { selector: { matchLabels: { app: 'x' } }, template, updateStrategy, ...spec },
    status: {},
  } as unknown as DaemonSet;
}

const node = (name: string, labels: object = {}, taints: readonly Taint[] = []): Node =>
  ({ metadata: { name, labels }, spec: { taints }, status: {} }) as unknown as Node;
const nodes = (from: number, count: number, labels: object = {}): readonly Node[] =>
  Array.from({ length: count }, (_, i) => node(`node-${from + i}`, labels));

interface PodFacts {
  readonly hash?: string;
  readonly phase?: string;
  /** Seconds since it became ready. */
  readonly ready?: number;
  readonly created?: number;
  readonly going?: boolean;
}

let serial = 0;
function pod(on: string, { hash = 'new', phase = 'Running', ready, created = 0, going = false }: PodFacts = {}): Pod {
  const name = `${on}-${++serial}`;
  const lastTransitionTime = formatTime(NOW - (ready ?? 0) * SECOND);
  return {
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      labels: { app: 'x', 'controller-revision-hash': hash },
      creationTimestamp: formatTime(NOW + created * SECOND),
      ...(going ? { deletionTimestamp: formatTime(NOW) } : {}),
    },
    spec: { nodeName: on },
    status: { phase, conditions: ready === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime }] },
  } as unknown as Pod;
}
const pods = (on: string, count: number, facts: PodFacts = {}): readonly Pod[] => Array.from({ length: count }, () => pod(on, facts));

const observed = (ds: DaemonSet, where: readonly Node[], there: readonly Pod[]): Observed => ({
  ds,
  nodes: where,
  pods: there,
  hash: 'new',
  now: NOW,
  backoff: () => 0,
});

/** How many are created, how many deleted. */
function counts(ds: DaemonSet, where: readonly Node[], there: readonly Pod[]): readonly [number, number] {
  const plan = planDaemonSet(observed(ds, where, there));
  return [plan.create.length, plan.delete.length];
}

const blue = { color: 'blue' };
const NO_SCHEDULE = { key: 'dedicated', value: 'user1', effect: 'NoSchedule' } as Taint;
const NO_EXECUTE = { key: 'dedicated', value: 'user1', effect: 'NoExecute' } as Taint;
const named = (name: string): Taint => ({ key: `node.kubernetes.io/${name}`, effect: 'NoSchedule' }) as Taint;
const inColor = (color: string) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'color', operator: 'In', values: [color] }] }],
      },
    },
  },
});
const mixed = [...nodes(0, 4), ...nodes(4, 3, blue)];

interface Case {
  readonly name: string;
  readonly podSpec?: object;
  readonly nodes: readonly Node[];
  readonly pods?: readonly Pod[];
  readonly wants: readonly [number, number];
}

const PLACES: readonly Case[] = [
  { name: 'one a node', nodes: nodes(0, 5), wants: [5, 0] },
  { name: 'none without nodes', nodes: [], wants: [0, 0] },
  { name: 'one node without others', nodes: nodes(0, 1), wants: [1, 0] },
  {
    name: 'those that are too many',
    nodes: nodes(0, 5),
    pods: [...pods('node-1', 1), ...pods('node-2', 2), ...pods('node-3', 5)],
    wants: [2, 5],
  },
  { name: 'where the selector says', podSpec: { nodeSelector: blue }, nodes: mixed, wants: [3, 0] },
  {
    name: 'not where it does not say so any more',
    podSpec: { nodeSelector: blue },
    nodes: [...nodes(0, 5), ...nodes(5, 5, blue)],
    pods: [...pods('node-1', 3), ...pods('node-4', 1)],
    wants: [5, 4],
  },
  {
    name: 'all of it at once',
    podSpec: { nodeSelector: blue },
    nodes: [...nodes(0, 5), ...nodes(5, 5, blue)],
    pods: [...pods('node-0', 1), ...pods('node-1', 3), ...pods('node-2', 4), ...pods('node-6', 13), ...pods('node-9', 1)],
    wants: [3, 20],
  },
  { name: 'nowhere by a selector of no node', podSpec: { nodeSelector: { color: 'red' } }, nodes: mixed, wants: [0, 0] },
  { name: 'by name', podSpec: { nodeName: 'node-0' }, nodes: nodes(0, 5), wants: [1, 0] },
  { name: 'not by another name', podSpec: { nodeName: 'node-10' }, nodes: nodes(0, 5), wants: [0, 0] },
  { name: 'by name and selector', podSpec: { nodeName: 'node-6', nodeSelector: blue }, nodes: mixed, wants: [1, 0] },
  { name: 'not by one of them', podSpec: { nodeName: 'node-0', nodeSelector: blue }, nodes: mixed, wants: [0, 0] },
  { name: 'by affinity', podSpec: inColor('blue'), nodes: mixed, wants: [3, 0] },
  { name: 'rests', nodes: nodes(0, 1), pods: pods('node-0', 1), wants: [0, 0] },
  { name: 'a failed pod, its follower later', nodes: nodes(0, 1), pods: pods('node-0', 1, { phase: 'Failed' }), wants: [0, 1] },
  {
    name: 'a failed pod among others',
    nodes: nodes(0, 1),
    pods: [...pods('node-0', 1, { phase: 'Failed' }), ...pods('node-0', 3)],
    wants: [0, 3],
  },
  { name: 'failed pods one by one', nodes: nodes(0, 1), pods: pods('node-0', 3, { phase: 'Failed' }), wants: [0, 1] },
  { name: 'a pod that stays on a node that got a taint', nodes: [node('t', {}, [NO_SCHEDULE])], pods: pods('t', 1), wants: [0, 0] },
  { name: 'and one that may not', nodes: [node('t', {}, [NO_EXECUTE])], pods: pods('t', 1), wants: [0, 1] },
  { name: 'none on a node with a taint', nodes: [node('t', {}, [NO_SCHEDULE])], wants: [0, 0] },
  {
    name: 'unless it is tolerated',
    podSpec: { tolerations: [{ key: 'dedicated', value: 'user1', effect: 'NoSchedule' }] },
    nodes: [node('t', {}, [NO_SCHEDULE])],
    wants: [1, 0],
  },
  { name: 'under pressure', nodes: [node('t', {}, ['disk-pressure', 'memory-pressure', 'pid-pressure'].map(named))], wants: [1, 0] },
  { name: 'while it is cordoned', nodes: [node('t', {}, [named('unschedulable')])], wants: [1, 0] },
  { name: 'beside one that goes: none', nodes: nodes(0, 1), pods: pods('node-0', 1, { going: true }), wants: [0, 0] },
  {
    name: 'beside one that has ended and goes: its follower',
    nodes: nodes(0, 1),
    pods: pods('node-0', 1, { going: true, phase: 'Failed' }),
    wants: [1, 0],
  },
];

for (const { name, podSpec, nodes: where, pods: there = [], wants } of PLACES)
  for (const strategy of STRATEGIES)
    test(`${strategy.type}: ${name}`, () => assert.deepEqual(counts(daemonSet(strategy, podSpec), where, there), wants));

for (const strategy of STRATEGIES)
  test(`${strategy.type}: a pod that waits for a node that is gone is taken, one that was there is left to others`, () => {
    const ds = daemonSet(strategy);
    const waiting = { ...pod(''), spec: newDaemonPod(ds, 'node-2', 'new').spec } as Pod;
    const plan = planDaemonSet(observed(ds, nodes(0, 1), [pod('node-0'), pod('node-1'), waiting]));
    assert.deepEqual([plan.create, plan.delete.map((victim) => victim.pod)], [[], [waiting]]);
  });

const five = nodes(0, 5);
const old = (count: number, facts: PodFacts = { ready: 60 }): readonly Pod[] =>
  Array.from({ length: count }, (_, i) => pod(`node-${i}`, { hash: 'old', ...facts }));

for (const [name, strategy, there, wants, spec] of [
  ['as many as may be missing', rolling(2), old(5), [0, 2]],
  ['makes those it took', rolling(2), old(3), [2, 0]],
  ['and waits for them', rolling(2), [...old(3), pod('node-3'), pod('node-4')], [0, 0]],
  ['the next two', rolling(2), [...old(3), pod('node-3', { ready: 60 }), pod('node-4', { ready: 60 })], [0, 2]],
  ['the last one', rolling(2), [...old(1), ...[1, 2, 3, 4].map((i) => pod(`node-${i}`, { ready: 60 }))], [0, 1]],
  ['all that do not serve', rolling(3), old(5, {}), [0, 5]],
  ['nothing of the same template', rolling(3), five.map((one) => pod(one.metadata.name, { ready: 60 })), [0, 0]],
  ['a part of them', rolling('50%'), old(5), [0, 3]],
  ['at least one', rolling(0), old(5), [0, 1]],
  ['surges', rolling(0, 2), old(5), [2, 0]],
  ['and waits for what it surged', rolling(0, 2), [...old(5), pod('node-0'), pod('node-1')], [0, 0]],
  ['surges wherever none serves', rolling(0, 3), old(5, {}), [5, 0]],
  ['takes the old ones that do not serve', rolling(0, 3), [...old(5, {}), ...five.map((one) => pod(one.metadata.name))], [0, 5]],
  ['surges a part', rolling(0, '50%'), old(5), [3, 0]],
  [
    'keeps an old pod that serves, not two of them',
    rolling(0, 1),
    [pod('node-1', { created: 100 }), ...[50, 60].map((created) => pod('node-1', { hash: 'old', ready: 60, created })), pod('node-2')],
    [3, 1],
  ],
  [
    'surges again where an old pod goes',
    rolling(0, 1),
    [
      pod('node-0'),
      pod('node-0', { hash: 'old', ready: 60 }),
      ...[1, 2, 3, 4].map((i) => pod(`node-${i}`, { hash: 'old', ready: 60, going: i === 4 })),
    ],
    [1, 0],
  ],
  [
    'takes old pods that do not serve',
    rolling(0, 1),
    [
      pod('node-1', { created: 100 }),
      pod('node-1', { hash: 'old', created: 50 }),
      pod('node-1', { hash: 'old', ready: 60, created: 60 }),
      pod('node-2'),
    ],
    [3, 2],
  ],
  [
    'keeps them while the new one is not ready long enough',
    rolling(0, 1),
    [
      pod('node-1', { created: 100, ready: 10 }),
      ...[50, 60].map((created) => pod('node-1', { hash: 'old', ready: 60, created })),
      pod('node-2'),
    ],
    [3, 1],
    { minReadySeconds: 15 },
  ],
  [
    'and takes them then',
    rolling(0, 1),
    [
      pod('node-1', { created: 100, ready: 20 }),
      ...[50, 60].map((created) => pod('node-1', { hash: 'old', ready: 60, created })),
      pod('node-2'),
    ],
    [3, 2],
    { minReadySeconds: 15 },
  ],
] as readonly (readonly [string, object, readonly Pod[], readonly [number, number], object?])[])
  test(`a roll-out: ${name}`, () => assert.deepEqual(counts(daemonSet(strategy, {}, spec), five, there), wants));

// The node may keep its pod and takes no other one.
const sunset = [...nodes(1, 1), node('node-0', {}, [NO_SCHEDULE])];
for (const [name, there, wants] of [
  ['goes at once when it does not serve', [pod('node-0', { hash: 'old' }), pod('node-1')], [0, 1]],
  ['stays while it alone serves', [pod('node-0', { hash: 'old', ready: 60 }), pod('node-1')], [0, 0]],
  ['goes when enough others serve', [pod('node-0', { hash: 'old', ready: 60 }), pod('node-1', { ready: 60 })], [0, 1]],
] as readonly (readonly [string, readonly Pod[], readonly [number, number]])[])
  test(`a surge: an old pod where none may come ${name}`, () => assert.deepEqual(counts(daemonSet(rolling(0, 1)), sunset, there), wants));

for (const [name, podSpec, run, stay] of [
  ['anything', {}, true, true],
  ['another node by name', { nodeName: 'other' }, false, false],
  ['more than there is', { containers: [{ name: 'c', resources: { requests: { memory: '200M' } } }] }, true, true],
  ['another label', { nodeSelector: { color: 'red' } }, false, false],
  ['its label', { nodeSelector: blue }, true, true],
  ['another affinity', inColor('red'), false, false],
  ['its affinity', inColor('blue'), true, true],
] as const)
  test(`a node suits a template that asks for ${name}: ${run}`, () =>
    assert.deepEqual(suits(daemonSet(rolling(1), podSpec), node('n', blue)), { run, stay }));
