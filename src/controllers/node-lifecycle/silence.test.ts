import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import { nodes, pods } from '#api/resources.ts';
import type { New, Node, Pod } from '#api/types.ts';
import { type Simulation, simulate } from '../testing/simulation.ts';
import { nodeLifecycleController } from './controller.ts';

const THEN = '2026-01-01T12:00:00Z';
const BEFORE = '2026-01-01T11:00:00Z';

/** A node whose kubelet says that it is ready, or not, or nothing yet, with a pod that is ready. */
async function withNode(ready?: 'True' | 'False'): Promise<Simulation> {
  const world = await simulate([nodeLifecycleController], 1);
  const { client } = world;
  const write = (resource: typeof nodes | typeof pods, ref: { name: string; namespace?: string }, status: object) =>
    client.patch(
      resource as typeof pods,
      ref as { name: string; namespace: string },
      { type: 'merge', body: { status } },
      { subresource: 'status' },
    );
  const said = { type: 'Ready', status: ready, lastHeartbeatTime: THEN, lastTransitionTime: THEN };
  await client.create(nodes, { metadata: { name: 'n1' }, spec: {} } as New<Node>);
  await write(nodes, { name: 'n1' }, { conditions: ready === undefined ? [] : [said] });
  await client.create(pods, { metadata: { name: 'p', namespace: 'ns' }, spec: { nodeName: 'n1' } } as unknown as New<Pod>);
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: THEN }];
  await write(pods, { name: 'p', namespace: 'ns' }, { phase: 'Running', conditions });
  return world;
}

const isReady = async ({ client }: Simulation): Promise<boolean> => isPodReady(await client.get(pods, { name: 'p', namespace: 'ns' }));
const conditionOf = async ({ client }: Simulation) => findCondition((await client.get(nodes, { name: 'n1' })).status.conditions, 'Ready');

test('nodes are told of when they come, and by each controller that starts', async () => {
  const world = await simulate([nodeLifecycleController], 1);
  const told = () => world.events.filter((event) => event.includes(' RegisteredNode '));
  world.server.seed(nodes, { metadata: { name: 'n1' }, spec: {}, status: {} } as never);
  await world.turns(40);
  const once = ['Normal RegisteredNode Node n1 event: Registered Node n1 in Controller'];
  assert.deepEqual(told(), once);
  await world.restart();
  await world.turns(40);
  assert.deepEqual(told(), [...once, ...once]);
  await world.stop();
});

test('pods of a node that falls silent are not ready any more, and both are told of', async () => {
  const world = await withNode('True');
  await world.turns(40);
  assert.equal(await isReady(world), true);
  world.clock.advance(50_000);
  await world.turns(80);
  assert.deepEqual([(await conditionOf(world))?.status, (await conditionOf(world))?.reason], ['Unknown', 'NodeStatusUnknown']);
  assert.equal(await isReady(world), false);
  assert.deepEqual(
    world.events.filter((event) => event.includes(' NodeNotReady ')),
    ['Normal NodeNotReady Node n1 status is now: NodeNotReady', 'Warning NodeNotReady Node is not ready'],
  );
  await world.stop();
});

test('a kubelet that says itself that it is not ready keeps the say over its pods', async () => {
  const world = await withNode('False');
  await world.turns(80);
  assert.equal(await isReady(world), true);
  world.clock.advance(50_000);
  await world.turns(80);
  assert.equal((await conditionOf(world))?.status, 'Unknown');
  assert.equal(await isReady(world), false);
  assert.deepEqual(
    world.events.filter((event) => event.includes(' NodeNotReady ')),
    ['Warning NodeNotReady Node is not ready'],
  );
  await world.stop();
});

// Source: node_lifecycle_controller_test.go TestMonitorNodeHealthMarkPodsNotReadyWithWorkerSize, processPod.
test('a pod that comes to a node that says it is not ready is not ready either, and those before it are left', async () => {
  const world = await withNode('False');
  const { client } = world;
  const late = { name: 'late', namespace: 'ns' };
  const say = (status: object) => client.patch(pods, late, { type: 'merge', body: { status } }, { subresource: 'status' });
  const ready = [{ type: 'Ready', status: 'True', reason: 'Own', lastTransitionTime: BEFORE }];
  await client.create(pods, { metadata: late, spec: {} } as unknown as New<Pod>);
  await say({ conditions: ready });
  await world.turns(80);
  await client.patch(pods, late, { type: 'merge', body: { spec: { nodeName: 'n1' } } });
  await world.turns(80);
  const { status } = await client.get(pods, late);
  const { lastTransitionTime, ...condition } = findCondition(status.conditions, 'Ready') ?? {};
  assert.deepEqual(condition, { type: 'Ready', status: 'False', reason: 'Own', observedGeneration: 2 });
  assert.notEqual(lastTransitionTime, BEFORE);
  assert.equal(await isReady(world), true);
  await say({ conditions: ready });
  await world.turns(80);
  assert.equal(isPodReady(await client.get(pods, late)), true, 'its kubelet has the say from then on');
  await world.stop();
});

test('a node that never said anything has a minute', async () => {
  const world = await withNode();
  await world.turns(40);
  world.clock.advance(59_000);
  await world.turns(40);
  assert.equal(await conditionOf(world), undefined);
  world.clock.advance(1_000);
  await world.turns(40);
  const { creationTimestamp } = (await world.client.get(nodes, { name: 'n1' })).metadata;
  const { status, reason, lastHeartbeatTime } = (await conditionOf(world)) ?? {};
  assert.deepEqual([status, reason, lastHeartbeatTime], ['Unknown', 'NodeStatusNeverUpdated', creationTimestamp]);
  await world.stop();
});

test('labels of old are given to a node with the taints that it needs, in one write', async () => {
  const world = await withNode('True');
  await world.turns(40);
  const labels = { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
  const before = world.server.actions.length;
  await world.client.patch(nodes, { name: 'n1' }, { type: 'merge', body: { metadata: { labels }, spec: { unschedulable: true } } });
  await world.turns(40);
  const { metadata, spec } = await world.client.get(nodes, { name: 'n1' });
  assert.deepEqual([metadata.labels?.['beta.kubernetes.io/os'], metadata.labels?.['beta.kubernetes.io/arch']], ['linux', 'amd64']);
  assert.deepEqual(
    spec.taints?.map(({ key }) => key),
    ['node.kubernetes.io/unschedulable'],
  );
  const writes = world.server.actions.slice(before).filter(({ verb, resource }) => verb === 'patch' && resource === 'nodes');
  assert.equal(writes.length, 2, 'the one of this test and one of the controller');
  await world.stop();
});
