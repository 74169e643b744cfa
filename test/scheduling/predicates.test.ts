// SchedulerPredicates as conformance walks them, on two nodes. Source: test/e2e/scheduling/predicates.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podCondition } from '#api/pods.ts';
import { nodes } from '#api/resources.ts';
import { type Scheduled, startScheduled } from './scheduled.ts';

let s: Scheduled;
before(async () => {
  s = await startScheduled();
});
after(() => s.stop());

/** Once the event of its refusal is there, its condition is, too: upstream's tests look at it at once. */
async function isUnschedulable(name: string): Promise<string> {
  const { involvedObject, message, type } = await s.event(name, 'FailedScheduling');
  assert.deepEqual([involvedObject.kind, involvedObject.name, type], ['Pod', name, 'Warning']);
  const pod = await s.find(name);
  assert.equal(pod?.spec.nodeName, undefined);
  const condition = podCondition(pod?.status, 'PodScheduled');
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'Unschedulable']);
  assert.equal(condition?.message, message);
  return message ?? '';
}

test('validates resource limits of pods that are allowed to run', async () => {
  for (const node of ['limits-a', 'limits-b']) {
    await s.node(node, { test: 'limits' });
    await s.create({ name: `filler-${node}`, test: 'limits', cpu: '2800m', spec: { affinity: inNode(node) } as never });
    assert.equal(await s.placed(`filler-${node}`), node);
    const { message, action, reportingComponent, eventTime, source } = await s.event(`filler-${node}`, 'Scheduled');
    assert.deepEqual([action, reportingComponent, source], ['Binding', 'default-scheduler', {}]);
    assert.ok(eventTime !== null && eventTime !== undefined);
    assert.equal(message, `Successfully assigned ns/filler-${node} to ${node}`);
    assert.equal(podCondition((await s.find(`filler-${node}`))?.status, 'PodScheduled')?.status, 'True');
  }
  await s.create({ name: 'additional-pod', test: 'limits', cpu: '2' });
  assert.match(await isUnschedulable('additional-pod'), /2 Insufficient cpu/);
  await s.create({ name: 'fitting-pod', test: 'limits', cpu: '1' });
  assert.match(await s.placed('fitting-pod'), /^limits-/);
});

/** By a label that upstream's test gives each node. */
const inNode = (node: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
    },
  },
});

test('validates that NodeSelector is respected if not matching', async () => {
  await s.create({ name: 'restricted-pod', test: 'nonempty' });
  assert.match(await isUnschedulable('restricted-pod'), /node\(s\) didn't match Pod's node affinity\/selector/);
});

test('validates that NodeSelector is respected if matching: also a label that comes later', async () => {
  await s.node('labelled');
  await s.node('unlabelled');
  await s.create({ name: 'with-labels', test: 'late', spec: { nodeSelector: { 'kubernetes.io/e2e-late': '42' } } });
  await isUnschedulable('with-labels');
  const labels = { 'kubernetes.io/e2e-late': '42' };
  await s.cluster.client.patch(nodes, { name: 'labelled' }, { type: 'strategic', body: { metadata: { labels } } });
  assert.equal(await s.placed('with-labels'), 'labelled');
});

test('validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP', async () => {
  await s.node('ports');
  const withPort = (hostIP: string, protocol: 'TCP' | 'UDP') => ({
    containers: [
      { name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 54322, protocol, ...(hostIP === '' ? {} : { hostIP }) }] },
    ],
  });
  await s.create({ name: 'pod4', test: 'ports', spec: withPort('', 'TCP') });
  assert.equal(await s.placed('pod4'), 'ports');
  await s.create({ name: 'pod5', test: 'ports', spec: withPort('127.0.0.1', 'TCP') });
  assert.match(await isUnschedulable('pod5'), /node\(s\) didn't have free ports for the requested pod ports/);
  await s.create({ name: 'pod6', test: 'ports', spec: withPort('127.0.0.1', 'UDP') });
  assert.equal(await s.placed('pod6'), 'ports');
});

test('there is no conflict between pods with the same hostPort but different hostIP and protocol', async () => {
  await s.node('addresses');
  for (const [name, hostIP, protocol] of [
    ['pod1', '127.0.0.1', 'TCP'],
    ['pod2', '10.0.0.1', 'TCP'],
    ['pod3', '10.0.0.1', 'UDP'],
  ] as const) {
    const ports = [{ containerPort: 80, hostPort: 54321, hostIP, protocol }];
    await s.create({ name, test: 'addresses', spec: { containers: [{ name: 'c', image: 'i', ports }] } });
    assert.equal(await s.placed(name), 'addresses');
  }
});
