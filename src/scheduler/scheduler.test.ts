import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internalError } from '#apimachinery/errors.ts';
import { nodes, pods, services } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { node, pod, type RunningScheduler, startScheduler } from './testing.ts';

function stored({ server }: RunningScheduler, name: string): Pod {
  const found = server.stored(pods).find(({ metadata }) => metadata.name === name);
  assert.ok(found);
  return found;
}

const nodeOf = (running: RunningScheduler, name: string): string | undefined => stored(running, name).spec.nodeName;

const scheduled =
  (running: RunningScheduler, name: string): (() => Pod['status'] | undefined) =>
  () => {
    const { status } = stored(running, name);
    return status.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False') === true ? status : undefined;
  };

test('the scheduler binds every pod that fits, on the emptiest nodes', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'), node('n2'));
    server.seed(pods, ...['a', 'b', 'c', 'd'].map((name) => pod(name, { cpu: '1', memory: '1Gi' })));
  });
  const on = await running.until(() => {
    const names = ['a', 'b', 'c', 'd'].map((name) => nodeOf(running, name));
    return names.includes(undefined) ? undefined : names;
  });
  assert.equal(on.filter((name) => name === 'n1').length, 2);
  await running.stop();
  const first = running.events.find((event) => event.pod === 'a');
  assert.deepEqual(first, {
    pod: 'a',
    type: 'Normal',
    reason: 'Scheduled',
    message: `Successfully assigned ns/a to ${nodeOf(running, 'a')}`,
  });
  const bindings = running.server.actions.filter(({ resource }) => resource === 'pods/binding');
  assert.deepEqual(bindings[0]?.body, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: 'a', namespace: 'ns', uid: 'a' },
    target: { kind: 'Node', name: nodeOf(running, 'a') },
  });
});

test('the scheduler says of a pod that fits nowhere why, and binds it when a node comes that takes it', async () => {
  const taint = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' } as const;
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1', { spec: { taints: [taint] } }), node('n2', { spec: { taints: [taint] } }));
    server.seed(nodes, node('small', { status: { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } } }));
    server.seed(pods, pod('a', { cpu: '2' }));
  });
  const status = await running.until(scheduled(running, 'a'));
  const condition = status.conditions?.find(({ type }) => type === 'PodScheduled');
  const message =
    '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.';
  assert.deepEqual([condition?.reason, condition?.message], ['Unschedulable', message]);
  assert.deepEqual(running.events[0], { pod: 'a', type: 'Warning', reason: 'FailedScheduling', message });

  running.server.seed(nodes, node('big'));
  assert.equal(await running.until(() => nodeOf(running, 'a')), 'big');
  await running.stop();
});

test('the scheduler holds a gated pod back until its gates are gone', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'));
    server.seed(pods, pod('gated', {}, { schedulingGates: [{ name: 'example.com/wait' }] }), pod('free'));
  });
  await running.until(() => nodeOf(running, 'free'));
  assert.equal(nodeOf(running, 'gated'), undefined);
  running.server.change(pods, 'gated', 'ns', ({ spec: { schedulingGates: _, ...spec }, ...object }) => ({ ...object, spec }));
  assert.equal(await running.until(() => nodeOf(running, 'gated')), 'n1');
  await running.stop();
});

test('the scheduler leaves pods of other schedulers alone', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'));
    server.seed(pods, pod('other', {}, { schedulerName: 'mine' }), pod('ours'));
  });
  await running.until(() => nodeOf(running, 'ours'));
  assert.equal(nodeOf(running, 'other'), undefined);
  await running.stop();
});

test('the scheduler tries a pod again whose binding was refused, and frees what it held', async () => {
  const running = await startScheduler((server) => {
    server.failNext({ resource: 'pods', subresource: 'binding' }, internalError(new Error('etcd is away')));
    server.seed(nodes, node('n1'));
    server.seed(pods, pod('a', { cpu: '3' }));
  });
  const status = await running.until(scheduled(running, 'a'));
  assert.equal(status.conditions?.[0]?.reason, 'SchedulerError');
  assert.equal(await running.until(() => nodeOf(running, 'a')), 'n1');
  await running.stop();
  const [failed] = running.events;
  assert.equal(failed?.reason, 'FailedScheduling');
  assert.match(failed?.message ?? '', /^running Bind plugin "DefaultBinder": .*etcd is away$/);
});

test('the scheduler waits for room that a deleted pod leaves', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'));
    server.seed(pods, pod('old', { cpu: '3' }, { nodeName: 'n1' }), pod('new', { cpu: '3' }));
  });
  await running.until(scheduled(running, 'new'));
  running.server.erase(pods, 'old', 'ns');
  assert.equal(await running.until(() => nodeOf(running, 'new')), 'n1');
  await running.stop();
});

test('the scheduler evicts the least important pods for a more important one', async () => {
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1'), node('n2'));
    server.seed(
      pods,
      pod('low-1', { cpu: '3' }, { nodeName: 'n1', priority: 10 }),
      pod('low-2', { cpu: '3' }, { nodeName: 'n2', priority: 5 }),
    );
    server.seed(pods, pod('high', { cpu: '3' }, { priority: 100 }), pod('low-3', { cpu: '2' }, { priority: 1 }));
  });
  await running.until(() => stored(running, 'low-2').metadata.deletionTimestamp);
  assert.equal(stored(running, 'low-2').status.conditions?.at(-1)?.reason, 'PreemptionByScheduler');
  await running.until(() => stored(running, 'high').status.nominatedNodeName);
  running.server.erase(pods, 'low-2', 'ns'); // as its kubelet does when it has stopped
  assert.equal(await running.until(() => nodeOf(running, 'high')), 'n2');
  await running.until(scheduled(running, 'low-3'));
  await running.stop();
  assert.deepEqual(
    running.server.stored(pods).map(({ metadata }) => metadata.name),
    ['high', 'low-1', 'low-3'],
  );
  const evicted = running.events.find(({ reason }) => reason === 'Preempted');
  assert.deepEqual([evicted?.pod, evicted?.message], ['low-2', 'Preempted by pod high on node n2']);
  const refused = running.events.filter((event) => event.pod === 'low-3').at(-1);
  assert.equal(
    refused?.message,
    '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
  );
});

test('the scheduler decides the same when the same happens with the same seed', async () => {
  const run = async (): Promise<readonly (string | undefined)[]> => {
    const names = Array.from({ length: 40 }, (_, i) => `p${i}`);
    const running = await startScheduler((server) => {
      server.seed(nodes, ...Array.from({ length: 9 }, (_, i) => node(`n${i}`)));
      server.seed(pods, ...names.map((name) => pod(name, { cpu: '100m' })));
    });
    await running.until(() => (names.every((name) => nodeOf(running, name) !== undefined) ? true : undefined));
    const on = names.map((name) => nodeOf(running, name));
    await running.stop();
    return on;
  };
  const first = await run();
  assert.ok(new Set(first).size === 9);
  assert.deepEqual(await run(), first);
});

test('the scheduler spreads the pods of a service over zones without being told', async () => {
  const running = await startScheduler((server) => {
    const inZone = (name: string, zone: string) =>
      node(name, { metadata: { labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone } } });
    server.seed(nodes, inZone('a1', 'a'), inZone('a2', 'a'), inZone('b1', 'b'));
    server.seed(services, { metadata: { name: 'web', namespace: 'ns' }, spec: { selector: { app: 'web' } } });
    server.seed(pods, ...['p', 'q'].map((name) => pod(name, {}, {}, { metadata: { labels: { app: 'web' } } })));
  });
  const on = await running.until(() => {
    const names = ['p', 'q'].map((name) => nodeOf(running, name));
    return names.includes(undefined) ? undefined : names;
  });
  assert.deepEqual(new Set(on.map((name) => name?.[0])), new Set(['a', 'b']));
  await running.stop();
});

test('a plugin that breaks over one pod keeps no other one waiting, and that pod is tried again', async () => {
  const all = { operator: 'Exists' } as const;
  const running = await startScheduler((server) => {
    server.seed(nodes, node('n1', { spec: { taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }] } }));
    // No API server lets it in; whatever breaks a plugin, it is one pod's.
    server.seed(pods, pod('poison', {}, { tolerations: [null] as never }));
    server.seed(pods, pod('free', {}, { tolerations: [all] }));
  });
  assert.equal(await running.until(() => nodeOf(running, 'free')), 'n1');
  const status = await running.until(scheduled(running, 'poison'));
  const condition = status.conditions?.find(({ type }) => type === 'PodScheduled');
  assert.equal(condition?.reason, 'SchedulerError');
  assert.match(condition?.message ?? '', /^a plugin broke: Cannot read properties of null/);
  running.server.change(pods, 'poison', 'ns', ({ spec, ...object }) => ({ ...object, spec: { ...spec, tolerations: [all] } }));
  assert.equal(await running.until(() => nodeOf(running, 'poison')), 'n1');
  await running.stop();
});
