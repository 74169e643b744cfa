// SchedulerPreemption as conformance walks it. Source: test/e2e/scheduling/preemption.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podCondition } from '#api/pods.ts';
import { pods, priorityclasses, replicasets } from '#api/resources.ts';
import type { New, PriorityClass, ReplicaSet } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { asking, onNode, type Scheduled, startScheduled } from './scheduled.ts';

let s: Scheduled;
before(async () => {
  s = await startScheduled();
  for (const [i, name] of ['p1', 'p2', 'p3', 'p4'].entries())
    await s.cluster.client.create(priorityclasses, { metadata: { name }, value: i + 1 });
});
after(() => s.stop());

/** A resource that only the tests know, beside all that a node has. */
const RESOURCE = 'scheduling.k8s.io/foo';

/** Two nodes with five of it each, and two pods on each that hold two; the first is the least important. */
async function fullNodes(test: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const node of [`${test}-a`, `${test}-b`]) {
    await s.node(node, { test });
    const { status } = await s.advertise(node, { [RESOURCE]: '5' });
    assert.deepEqual([status.allocatable?.[RESOURCE], status.allocatable?.['cpu']], ['5', '4']);
    for (const i of [0, 1]) {
      const name = `${node}-${i}`;
      const priorityClassName = names.length === 0 ? 'p1' : 'p2';
      await s.create({ name, test, spec: { priorityClassName, affinity: onNode(node), containers: asking({ [RESOURCE]: '2' }) } });
      names.push(name);
    }
  }
  for (const name of names) assert.equal(await s.placed(name), name.slice(0, -2));
  return names;
}

/** Only the first was taken. */
async function onlyFirstIsGone([first, ...others]: readonly string[]): Promise<void> {
  const victim = await s.find(first as string);
  assert.ok(victim === undefined || victim.metadata.deletionTimestamp !== undefined);
  for (const name of others) assert.equal((await s.find(name))?.metadata.deletionTimestamp, undefined);
}

async function restore(test: string): Promise<void> {
  for (const node of [`${test}-a`, `${test}-b`]) {
    const { status } = await s.advertise(node, { [RESOURCE]: null });
    assert.equal(status.allocatable?.[RESOURCE], undefined);
  }
}

test('validates basic preemption works', async () => {
  const full = await fullNodes('basic');
  await s.create({ name: 'preemptor-pod', test: 'basic', spec: { priorityClassName: 'p4', containers: asking({ [RESOURCE]: '2' }) } });
  assert.equal(await s.placed('preemptor-pod'), 'basic-a');
  await onlyFirstIsGone(full);
  await restore('basic');
});

test('validates lower priority pod preemption by critical pod', async () => {
  const full = await fullNodes('critical');
  const spec = { priorityClassName: 'system-cluster-critical', containers: asking({ [RESOURCE]: '2' }) };
  await s.create({ name: 'critical-pod', namespace: 'kube-system', test: 'critical', spec });
  assert.equal(await s.placed('critical-pod', 'kube-system'), 'critical-a');
  await onlyFirstIsGone(full);
  await s.cluster.client.delete(pods, { name: 'critical-pod', namespace: 'kube-system' }, { gracePeriodSeconds: 0 });
  await restore('critical');
});

test('validates pod disruption condition is added to the preempted pod', async () => {
  await s.node('told');
  await s.advertise('told', { [RESOURCE]: '1' });
  const seat = (priorityClassName: string) => ({ priorityClassName, affinity: onNode('told'), containers: asking({ [RESOURCE]: '1' }) });
  await s.create({ name: 'victim-pod', test: 'told', metadata: { finalizers: ['example.com/test-finalizer'] }, spec: seat('p1') });
  await s.placed('victim-pod');
  await s.create({ name: 'told-preemptor', test: 'told', spec: seat('p4') });
  const victim = await s.cluster.until(async () => {
    await s.letGo();
    const pod = await s.find('victim-pod');
    return pod?.metadata.deletionTimestamp === undefined ? undefined : pod;
  });
  const condition = podCondition(victim.status, 'DisruptionTarget');
  assert.deepEqual([condition?.status, condition?.reason], ['True', 'PreemptionByScheduler']);
  await s.cluster.client.patch(pods, victim.metadata, { type: 'merge', body: { metadata: { finalizers: null } } });
  assert.equal(await s.placed('told-preemptor'), 'told');
});

test('runs ReplicaSets to verify preemption running path: each loses no more than it must', async () => {
  const FAKE = 'example.com/fakecpu';
  await s.node('path');
  await s.advertise('path', { [FAKE]: '1000' });
  const { resourceVersion } = (await s.cluster.client.list(pods, { namespace: 'ns' })).metadata;
  const stop = new AbortController();
  const made = { pod1: 0, pod2: 0, pod3: 0 };
  const counting = (async () => {
    const watch = s.cluster.client.watch(pods, { namespace: 'ns', resourceVersion: resourceVersion as string, signal: stop.signal });
    for await (const event of watch) {
      if (event.type !== 'ADDED') continue;
      const name = /^rs-(pod[123])-/.exec(event.object.metadata.name)?.[1] as keyof typeof made | undefined;
      if (name !== undefined) made[name]++;
    }
  })();

  const set = async (name: keyof typeof made, priorityClassName: string, amount: string): Promise<void> => {
    const labels = { name };
    const ref = { name: `rs-${name}`, namespace: 'ns' };
    const spec = { priorityClassName, nodeSelector: { test: 'path' }, containers: asking({ [FAKE]: amount }) };
    await s.cluster.client.create(replicasets, {
      metadata: ref,
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    } as New<ReplicaSet>);
    await s.cluster.until(async () =>
      (await s.cluster.client.list(pods, { namespace: 'ns', labelSelector: `name=${name}` })).items.find(
        ({ spec: now }) => now.nodeName === 'path',
      ),
    );
  };
  await set('pod1', 'p1', '200');
  await set('pod2', 'p2', '300');
  await set('pod3', 'p3', '450');
  await s.create({ name: 'pod4', test: 'path', spec: { priorityClassName: 'p4', containers: asking({ [FAKE]: '500' }) } });
  assert.equal(await s.placed('pod4'), 'path');
  await s.cluster.until(async () => (made.pod1 >= 2 && made.pod2 >= 2 ? true : undefined));
  // Nothing more within five seconds of the cluster's clock.
  const end = s.cluster.clock.now() + 5000;
  await s.cluster.until(async () => {
    await s.letGo();
    return s.cluster.clock.now() >= end ? true : undefined;
  });
  stop.abort(new Error('enough was counted'));
  await assert.rejects(counting, /enough was counted/);
  assert.deepEqual(made, { pod1: 2, pod2: 2, pod3: 1 });
});

test('verify PriorityClass endpoints can be operated with different HTTP methods', async () => {
  const labels = { e2e: 'endpoints' };
  const { client } = s.cluster;
  const [patched, updated] = (await Promise.all(
    ['e1', 'e2'].map((name, i) => client.create(priorityclasses, { metadata: { name, labels }, value: i + 1 })),
  )) as [PriorityClass, PriorityClass];
  const patch = (body: object) => client.patch(priorityclasses, patched.metadata, { type: 'strategic', body });
  await assert.rejects(patch({ value: 10 }), (error) => isStatusError(error, 'Invalid'));
  await assert.rejects(client.update(priorityclasses, { ...updated, value: 20 }), (error) => isStatusError(error, 'Invalid'));
  await assert.rejects(patch({ preemptionPolicy: 'Never' }), /field is immutable/);
  await patch({ description: 'updated description' });
  await client.update(priorityclasses, { ...updated, description: 'updated description' });
  const { items } = await client.list(priorityclasses, { labelSelector: 'e2e=endpoints' });
  assert.deepEqual(
    items.map(({ value, description }) => [value, description]),
    [
      [1, 'updated description'],
      [2, 'updated description'],
    ],
  );
  await client.deleteCollection(priorityclasses, { labelSelector: 'e2e=endpoints' });
  assert.deepEqual((await client.list(priorityclasses, { labelSelector: 'e2e=endpoints' })).items, []);
});
