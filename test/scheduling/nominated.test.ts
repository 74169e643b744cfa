// What becomes of nominations: set by preemption, taken over, given up, cleared. Source: test/integration/scheduler
// nominated_node_name_test.go, preemption/nominatednodename.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podCondition } from '#api/pods.ts';
import { nodes, pods, priorityclasses } from '#api/resources.ts';
import { type Scheduled, startScheduled } from './scheduled.ts';

let s: Scheduled;
before(async () => {
  s = await startScheduled();
  for (const [name, value] of [
    ['low', 1],
    ['medium', 10],
    ['high', 100],
  ] as const)
    await s.cluster.client.create(priorityclasses, { metadata: { name }, value });
});
after(() => s.stop());

interface Asked {
  readonly cpu: string;
  readonly priority?: string;
  readonly nodeName?: string;
  readonly gated?: true;
}

/** Gated pods are looked at when `open` says so: until then their status can be written. */
const GATES = [{ name: 'example.com/wait' }];

const create = (test: string, name: string, { cpu, priority = 'low', nodeName, gated }: Asked) =>
  s.create({
    name: `${test}-${name}`,
    test,
    cpu,
    spec: {
      priorityClassName: priority,
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(gated === undefined ? {} : { schedulingGates: GATES }),
    },
  });

const nominate = (name: string, nominatedNodeName: string) =>
  s.cluster.client.patch(
    pods,
    { name, namespace: 'ns' },
    { type: 'merge', body: { status: { nominatedNodeName } } },
    { subresource: 'status' },
  );
const open = (name: string) =>
  s.cluster.client.patch(pods, { name, namespace: 'ns' }, { type: 'merge', body: { spec: { schedulingGates: null } } });

/** Until the pod is nominated to `node`; '' for none. */
const nominated = (name: string, node: string) =>
  s.cluster.until(async () => ((await s.find(name))?.status.nominatedNodeName ?? '') === node || undefined);

/** Pods that are to go stay until this says that they have stopped. */
const stopped = (name: string) => s.cluster.client.delete(pods, { name, namespace: 'ns' }, { gracePeriodSeconds: 0 });

/** Until it was looked at and not placed. */
const waits = (name: string) =>
  s.cluster.until(async () => podCondition((await s.find(name))?.status, 'PodScheduled')?.reason === 'Unschedulable' || undefined);

test('a preemptor is nominated, and nominated no more once it is bound', async () => {
  await s.node('basic');
  await create('basic', 'victim', { cpu: '4', nodeName: 'basic' });
  await create('basic', 'preemptor', { cpu: '2', priority: 'high' });
  await nominated('basic-preemptor', 'basic');
  assert.equal(await s.placed('basic-preemptor'), 'basic');
  assert.equal((await s.find('basic-preemptor'))?.status.nominatedNodeName, undefined);
});

test('preemption nominates another node where fewer pods have to go', async () => {
  await s.node('over-1', { test: 'over' });
  await s.node('over-2', { test: 'over' });
  for (const i of [1, 2]) await create('over', `victim-${i}`, { cpu: '2', nodeName: 'over-1' });
  await create('over', 'victim-3', { cpu: '3', nodeName: 'over-2' });
  await create('over', 'preemptor', { cpu: '4', priority: 'high', gated: true });
  await nominate('over-preemptor', 'over-1');
  await open('over-preemptor');
  await nominated('over-preemptor', 'over-2');
  assert.equal(await s.placed('over-preemptor'), 'over-2');
});

test('a nomination of a pod that can never fit keeps nobody away, and goes', async () => {
  await s.node('never');
  await create('never', 'large', { cpu: '5', gated: true });
  await nominate('never-large', 'never');
  await create('never', 'fits', { cpu: '3', gated: true });
  await open('never-large');
  await waits('never-large');
  await nominated('never-large', '');
  await open('never-fits');
  assert.equal(await s.placed('never-fits'), 'never');
});

test('a nomination keeps nobody away who is more important, and goes when that one is there', async () => {
  await s.node('yield');
  await create('yield', 'low', { cpu: '4', gated: true });
  await nominate('yield-low', 'yield');
  await create('yield', 'high', { cpu: '4', priority: 'high' });
  assert.equal(await s.placed('yield-high'), 'yield');
  await open('yield-low');
  await waits('yield-low');
  await nominated('yield-low', '');
});

test('a nomination without preemption is taken, and cleared by the binding', async () => {
  await s.node('free-1', { test: 'free' });
  await s.node('free-2', { test: 'free' });
  // The other is emptier, so only the nomination leads here.
  await create('free', 'there', { cpu: '3', nodeName: 'free-1' });
  await create('free', 'pod', { cpu: '1', gated: true });
  await nominate('free-pod', 'free-1');
  await open('free-pod');
  assert.equal(await s.placed('free-pod'), 'free-1');
  assert.equal((await s.find('free-pod'))?.status.nominatedNodeName, undefined);
});

test('a more important pod that preempts on the node, too, takes the nomination of the one before', async () => {
  await s.node('taken');
  await create('taken', 'low', { cpu: '900m', nodeName: 'taken' });
  await create('taken', 'stays', { cpu: '2700m', priority: 'medium', nodeName: 'taken' });
  await create('taken', 'medium', { cpu: '1200m', priority: 'medium' });
  await nominated('taken-medium', 'taken');
  await create('taken', 'high', { cpu: '3500m', priority: 'high' });
  await nominated('taken-high', 'taken');
  await nominated('taken-medium', '');
});

test('a more important pod goes to what room there is, and the one that waited for it is nominated no more', async () => {
  await s.node('room');
  await create('room', 'low', { cpu: '2', nodeName: 'room' });
  await create('room', 'medium', { cpu: '4', priority: 'medium' });
  await nominated('room-medium', 'room');
  await create('room', 'high', { cpu: '2', priority: 'high' });
  await s.cluster.until(async () => (await s.find('room-high'))?.spec.nodeName);
  await stopped('room-low');
  await nominated('room-medium', '');
});

for (const { others, name } of [
  { name: 'the only node', others: [] },
  { name: 'the only node that is not tainted', others: ['tainted'] },
]) {
  const at = others.length === 0 ? 'gone' : 'left';
  test(`a nomination goes with ${name}`, async () => {
    await s.node(at);
    for (const other of others) {
      await s.node(`${at}-${other}`, { test: at });
      const body = { spec: { taints: [{ key: 'example.com/keep', effect: 'NoSchedule' }] } };
      await s.cluster.client.patch(nodes, { name: `${at}-${other}` }, { type: 'merge', body });
    }
    await create(at, 'low', { cpu: '4', nodeName: at });
    await create(at, 'medium', { cpu: '4', priority: 'medium' });
    await nominated(`${at}-medium`, at);
    await s.cluster.client.delete(nodes, { name: at });
    await stopped(`${at}-low`);
    await nominated(`${at}-medium`, '');
  });
}
