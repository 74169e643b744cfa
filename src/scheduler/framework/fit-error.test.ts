import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node, pod } from '../testing.ts';
import { ACTION, clusterEvent, matchesEvent, nodeChanges, podChanges } from './cluster-event.ts';
import { fitMessage, truncateNote } from './fit-error.ts';
import { unresolvable, unschedulable } from './status.ts';

const cpu = unschedulable('Fit', 'Insufficient cpu', 'Insufficient memory');
const taint = unresolvable('Taints', 'node(s) had untolerated taint(s)');

for (const c of [
  {
    name: 'sorts reasons as text, ten before two',
    statuses: [
      [cpu, 2],
      [taint, 10],
    ],
    message: '0/12 nodes are available: 10 node(s) had untolerated taint(s), 2 Insufficient cpu, 2 Insufficient memory.',
  },
  {
    name: 'adds what preemption says',
    statuses: [[taint, 1]],
    after: 'preemption: not helpful',
    message: '0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: not helpful',
  },
  {
    name: 'tells a refusal before nodes instead',
    statuses: [],
    before: 'no such claim',
    message: '0/3 nodes are available: no such claim.',
    nodes: 3,
  },
] as const) {
  test(`fitMessage ${c.name}`, () => {
    const statuses = new Map(c.statuses as readonly (readonly [typeof cpu, number])[]);
    const nodeCount = 'nodes' in c ? c.nodes : [...statuses.values()].reduce((sum, count) => sum + count, 0);
    const messages = { ...('before' in c ? { preFilterMessage: c.before } : {}), ...('after' in c ? { postFilterMessage: c.after } : {}) };
    assert.equal(fitMessage({ nodeCount, statuses, ...messages }), c.message);
  });
}

test('truncateNote cuts at the length of a note', () => {
  const cut = truncateNote('x'.repeat(2000));
  assert.deepEqual([cut.length, cut.slice(-5), truncateNote('short')], [1024, 'x ...', 'short']);
});

const labels = (event: readonly { readonly label: string }[]): readonly string[] => event.map(({ label }) => label);

for (const c of [
  {
    name: 'a heartbeat',
    node: node('n', {
      status: {
        allocatable: node('n').status.allocatable,
        conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' }],
      },
    }),
    before: node('n', { status: { allocatable: node('n').status.allocatable, conditions: [{ type: 'Ready', status: 'True' }] } }),
    changes: [],
  },
  {
    name: 'more room',
    node: node('n', { status: { allocatable: { cpu: '8' } } }),
    before: node('n'),
    changes: ['NodeUpdateNodeAllocatable'],
  },
  { name: 'being uncordoned', node: node('n'), before: node('n', { spec: { unschedulable: true } }), changes: ['NodeUpdateNodeTaint'] },
  { name: 'a label', node: node('n', { metadata: { labels: { a: 'b' } } }), before: node('n'), changes: ['NodeUpdateNodeLabel'] },
  {
    name: 'the end of a label named as what every object inherits',
    node: node('n', { metadata: { labels: {} } }),
    before: node('n', { metadata: { labels: { constructor: 'b' } } }),
    changes: ['NodeUpdateNodeLabel'],
  },
]) {
  test(`nodeChanges tells ${c.name}`, () => assert.deepEqual(labels(nodeChanges(c.node, c.before)), c.changes));
}

for (const c of [
  {
    name: 'gates that are gone',
    pod: pod('p'),
    before: pod('p', {}, { schedulingGates: [{ name: 'g' }] }),
    changes: ['UnschedulablePodUpdatePodSchedulingGatesEliminated'],
  },
  {
    name: 'smaller requests',
    pod: pod('p', { cpu: '1' }, { nodeName: 'n' }),
    before: pod('p', { cpu: '2' }, { nodeName: 'n' }),
    changes: ['AssignedPodUpdatePodScaleDown'],
  },
  {
    name: 'a new toleration',
    pod: pod('p', {}, { tolerations: [{ operator: 'Exists' }] }),
    before: pod('p'),
    changes: ['UnschedulablePodUpdatePodToleration'],
  },
  {
    name: 'anything else as an update',
    pod: pod('p', {}, {}, { metadata: { annotations: { a: 'b' } } }),
    before: pod('p'),
    changes: ['UnschedulablePodUpdate'],
  },
]) {
  test(`podChanges tells ${c.name}`, () => assert.deepEqual(labels(podChanges(c.pod, c.before)), c.changes));
}

for (const c of [
  { registered: clusterEvent('Pod', ACTION.Delete), incoming: clusterEvent('AssignedPod', ACTION.Delete), matches: true },
  { registered: clusterEvent('Node', ACTION.Update), incoming: clusterEvent('Node', ACTION.UpdateNodeTaint), matches: true },
  { registered: clusterEvent('Pod', ACTION.UpdatePodLabel), incoming: clusterEvent('AssignedPod', ACTION.Update), matches: false },
  { registered: clusterEvent('Node', ACTION.Add), incoming: clusterEvent('AssignedPod', ACTION.Add), matches: false },
  { registered: clusterEvent('Pod', ACTION.Add), incoming: clusterEvent('*', ACTION.All), matches: false },
]) {
  test(`matchesEvent: ${c.registered.label} ${c.matches ? 'takes' : 'leaves'} ${c.incoming.label}`, () => {
    assert.equal(matchesEvent(c.registered, c.incoming), c.matches);
  });
}
