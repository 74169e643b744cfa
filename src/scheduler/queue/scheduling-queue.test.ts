import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import type { Pod } from '#api/types.ts';
import { unresolvable } from '../framework/status.ts';
import { ASSIGNED_POD_ADD, ASSIGNED_POD_DELETE, NODE_ADD, UNSCHEDULED_POD_ADD } from '../framework/cluster-event.ts';
import type { Plugin } from '../framework/plugin.ts';
import { profileOf } from '../framework/profile.ts';
import { nodeResourcesFit } from '../plugins/node-resources.ts';
import { prioritySort } from '../plugins/priority-sort.ts';
import { schedulingGates } from '../plugins/scheduling-gates.ts';
import { node, pod } from '../testing.ts';
import { backoffDuration } from './backoff.ts';
import { KeyedHeap } from './heap.ts';
import type { QueuedPod } from './queued-pod.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

const profileWith = (...plugins: readonly Plugin[]) =>
  profileOf(
    'default-scheduler',
    plugins.map((plugin) => ({ plugin, weight: 1 })),
  );
const FIT = new Set(['NodeResourcesFit']);

function setUp(profile = profileWith(schedulingGates, nodeResourcesFit())) {
  let now = Date.UTC(2026, 0, 1);
  const queue = new SchedulingQueue({
    profiles: new Map([[profile.schedulerName, profile]]),
    compare: prioritySort.queueSort,
    now: () => now,
    backoff: { initialMs: 1000, maxMs: 10_000 },
    maxUnschedulableMs: 300_000,
    incoming: () => {},
    askHint: (_, __, ask) => ask(),
  });
  const sizes = () => Object.values(queue.sizes);
  const names = (): string[] => {
    const popped: string[] = [];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) popped.push(next.pod.metadata.name);
    return popped;
  };
  /** Comes, is tried, and is refused by `plugins`. */
  const refuse = (each: Pod, plugins: ReadonlySet<string> = FIT): QueuedPod => {
    queue.add(each, UNSCHEDULED_POD_ADD);
    const queued = queue.pop() as QueuedPod;
    queued.unschedulablePlugins = plugins;
    queue.addUnschedulable(queued);
    return queued;
  };
  return { queue, sizes, names, refuse, pass: (ms: number) => (now += ms) };
}

test('SchedulingQueue gives pods by priority, then by time, then as they came', () => {
  const { queue, names, pass } = setUp();
  queue.add(pod('first'), UNSCHEDULED_POD_ADD);
  queue.add(pod('second'), UNSCHEDULED_POD_ADD);
  pass(5);
  queue.add(pod('late'), UNSCHEDULED_POD_ADD);
  queue.add(pod('important', {}, { priority: 9 }), UNSCHEDULED_POD_ADD);
  assert.deepEqual(names(), ['important', 'first', 'second', 'late']);
});

test('SchedulingQueue keeps a refused pod until an event that its plugin wants, and then until its back-off is over', () => {
  const { queue, sizes, refuse, pass } = setUp();
  refuse(pod('p', { cpu: '2' }));
  assert.deepEqual(sizes(), [0, 0, 1, 0]);
  queue.moveAll(ASSIGNED_POD_ADD, undefined, pod('other', {}, { nodeName: 'n' }));
  queue.moveAll(NODE_ADD, undefined, node('small', { status: { allocatable: { cpu: '1', pods: '9' } } }));
  assert.deepEqual(sizes(), [0, 0, 1, 0]);
  queue.moveAll(NODE_ADD, undefined, node('big'));
  assert.deepEqual(sizes(), [0, 1, 0, 0]);
  queue.flush();
  assert.deepEqual(sizes(), [0, 1, 0, 0]);
  pass(2000);
  queue.flush();
  assert.deepEqual(sizes(), [1, 0, 0, 0]);
});

test('SchedulingQueue counts a pod as refused until it is tried again', () => {
  const { queue, refuse, pass } = setUp();
  const refusals = () => [...queue.refusals()];
  refuse(pod('p', { cpu: '2' }));
  assert.deepEqual(refusals(), [[['NodeResourcesFit', 'default-scheduler'], 1]]);
  queue.moveAll(NODE_ADD, undefined, node('big'));
  pass(2000);
  queue.flush();
  assert.deepEqual(refusals(), [[['NodeResourcesFit', 'default-scheduler'], 1]]);
  queue.pop();
  assert.deepEqual(refusals(), []);
});

test('SchedulingQueue gives a pod ahead of its back-off when no other waits, but not after an error', () => {
  const { queue, names, refuse } = setUp();
  refuse(pod('p', { cpu: '2' }));
  refuse(pod('broken'), new Set());
  queue.moveAll(NODE_ADD, undefined, node('big'));
  assert.deepEqual(names(), ['p']);
});

test('SchedulingQueue takes into account what happened while the pod was tried', () => {
  const { queue, sizes } = setUp();
  queue.add(pod('p', { cpu: '2' }), UNSCHEDULED_POD_ADD);
  const queued = queue.pop() as QueuedPod;
  queue.moveAll(ASSIGNED_POD_DELETE, pod('gone', {}, { nodeName: 'n' }), undefined);
  queued.unschedulablePlugins = FIT;
  queue.addUnschedulable(queued);
  assert.deepEqual(sizes(), [0, 1, 0, 0]);
});

test('SchedulingQueue holds gated pods until their gates are gone, and wakes them by nothing else', () => {
  const { queue, sizes, names } = setUp();
  const gated = pod('p', {}, { schedulingGates: [{ name: 'g' }] });
  queue.add(gated, UNSCHEDULED_POD_ADD);
  queue.moveAll(NODE_ADD, undefined, node('n'));
  assert.deepEqual(sizes(), [0, 0, 0, 1]);
  queue.update(gated, pod('p'));
  assert.deepEqual(sizes(), [1, 0, 0, 0]);
  assert.deepEqual(names(), ['p']);
});

test('SchedulingQueue asks a gate again when the pod itself changes, whatever its plugin wants to hear of', () => {
  let isOpen = false;
  const gate: Plugin = { name: 'Gate', events: [], preEnqueue: () => (isOpen ? undefined : unresolvable('Gate', 'closed')) };
  const { queue, sizes } = setUp(profileWith(gate, nodeResourcesFit()));
  const waiting = pod('p', { cpu: '8' });
  queue.add(waiting, UNSCHEDULED_POD_ADD);
  assert.deepEqual(sizes(), [0, 0, 0, 1]);
  const [smaller, smallest] = [pod('p', { cpu: '2' }), pod('p', { cpu: '1' })];
  queue.update(waiting, smaller);
  assert.deepEqual(sizes(), [0, 0, 0, 1]);
  isOpen = true;
  queue.moveAll(NODE_ADD, undefined, node('big'));
  assert.deepEqual(sizes(), [0, 0, 0, 1]);
  queue.activate(['p']);
  const queued = queue.pop() as QueuedPod;
  queued.unschedulablePlugins = FIT;
  isOpen = false;
  queue.moveAll(NODE_ADD, undefined, node('big'));
  queue.addUnschedulable(queued);
  assert.deepEqual([sizes(), queued.gatingPlugin], [[0, 0, 0, 1], 'Gate']);
  isOpen = true;
  queue.update(smaller, smallest);
  assert.deepEqual(sizes(), [0, 1, 0, 0]);
});

// Source: moveToActiveQ.
test('SchedulingQueue dates the first attempt from when nothing held the pod back', () => {
  const { queue, pass } = setUp();
  const start = pass(0);
  const gated = pod('p', {}, { schedulingGates: [{ name: 'g' }] });
  queue.add(gated, UNSCHEDULED_POD_ADD);
  pass(5000);
  queue.update(gated, pod('p'));
  pass(5000);
  const queued = queue.pop() as QueuedPod;
  assert.equal(queued.firstAttempt, start + 5000);
  queued.unschedulablePlugins = FIT;
  queue.addUnschedulable(queued);
  queue.activate(['p']);
  assert.equal(queue.pop()?.firstAttempt, start + 5000);
});

test('SchedulingQueue tries an unschedulable pod after five minutes whatever happens', () => {
  const { queue, sizes, refuse, pass } = setUp();
  refuse(pod('p', { cpu: '2' }));
  const due = queue.nextFlush() as number;
  pass(300_000);
  queue.flush();
  assert.deepEqual(sizes(), [0, 0, 1, 0]);
  assert.equal(pass(1), due);
  queue.flush();
  assert.deepEqual(sizes(), [1, 0, 0, 0]);
});

test('SchedulingQueue forgets a deleted pod wherever it waits', () => {
  const { queue, sizes, refuse } = setUp();
  refuse(pod('unschedulable', { cpu: '2' }));
  refuse(pod('broken'), new Set());
  queue.add(pod('active'), UNSCHEDULED_POD_ADD);
  for (const uid of ['unschedulable', 'broken', 'active']) queue.delete(uid);
  assert.deepEqual(sizes(), [0, 0, 0, 0]);
});

test('SchedulingQueue activates a pod without back-off', () => {
  const { queue, sizes, refuse } = setUp();
  refuse(pod('p', { cpu: '2' }));
  queue.activate(['p']);
  assert.deepEqual(sizes(), [1, 0, 0, 0]);
});

for (const [failures, ms] of [
  [0, 0],
  [1, 1000],
  [2, 2000],
  [4, 8000],
  [5, 10_000],
  [400, 10_000],
] as const) {
  test(`backoffDuration after ${failures} failures is ${ms} ms`, () => {
    assert.equal(backoffDuration(failures, { initialMs: 1000, maxMs: 10_000 }), ms);
  });
}

test('KeyedHeap gives its entries in order whatever is put, moved and removed', () => {
  const ids = seededIds(3);
  const heap = new KeyedHeap<{ readonly key: string; readonly rank: number }>(
    ({ key }) => key,
    (a, b) => a.rank - b.rank,
  );
  const model = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const key = `k${Math.floor(ids.fraction() * 100)}`;
    const rank = ids.fraction();
    if (ids.fraction() < 0.3) {
      assert.equal(heap.delete(key), model.delete(key));
    } else {
      heap.set({ key, rank });
      model.set(key, rank);
    }
    assert.deepEqual([heap.size, heap.peek()?.rank], [model.size, model.size === 0 ? undefined : Math.min(...model.values())]);
  }
});

test('SchedulingQueue says of a pod that it was tried without an event, until it is refused again', () => {
  const { queue, refuse, pass } = setUp();
  refuse(pod('p', { cpu: '2' }));
  pass(300_001);
  queue.flush();
  const flushed = queue.pop();
  assert.equal(flushed?.wasFlushed, true);
  flushed.unschedulablePlugins = FIT;
  queue.addUnschedulable(flushed);
  queue.moveAll(NODE_ADD, undefined, node('big'));
  assert.equal(queue.pop()?.wasFlushed, false);
});

test('SchedulingQueue tells what happened while pods are in flight', () => {
  const { queue } = setUp();
  queue.add(pod('p'), UNSCHEDULED_POD_ADD);
  queue.moveAll(NODE_ADD, undefined, node('before'));
  const { pod: popped } = queue.pop() as QueuedPod;
  queue.moveAll(NODE_ADD, undefined, node('meanwhile'));
  assert.deepEqual(queue.inFlightEvents, { PodPopped: 1, NodeAdd: 1 });
  queue.done(popped.metadata.uid);
  assert.deepEqual(queue.inFlightEvents, {});
});
