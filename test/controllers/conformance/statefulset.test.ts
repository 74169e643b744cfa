// StatefulSet as conformance walks it. Source: test/e2e/apps/statefulset.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { pods, statefulsets } from '#api/resources.ts';
import type { New, Pod, StatefulSet } from '#api/types.ts';
import { type Decide, type Played, startPlayed, watchFromNow } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(statefulsets, ref(name));
const template = (app: string, image = 'web:1') => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'webserver', image }] },
});
const create = (name: string, replicas: number, spec: object = {}): Promise<StatefulSet> =>
  t.client.create(statefulsets, {
    metadata: { name, namespace: 'ns' },
    spec: { serviceName: 'test', replicas, selector: { matchLabels: { app: name } }, template: template(name), ...spec },
  } as unknown as New<StatefulSet>);
const change = (name: string, spec: object) =>
  t.changed(statefulsets, ref(name), (fresh) => ({ ...fresh, spec: { ...fresh.spec, ...spec } }) as StatefulSet);

/** In the order of their ordinals. */
const members = async (app: string): Promise<readonly Pod[]> =>
  (await t.podsOf(`app=${app}`)).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
const imageOf = ({ spec }: Pod) => spec.containers[0]?.image;
const revisionOf = ({ metadata }: Pod) => metadata.labels?.['controller-revision-hash'];

/** Pods whose probe was broken. */
const broken = new Set<string>();
const probed: Decide = (pod) => ({ kind: 'run', ready: !broken.has(pod.metadata.name) });
const until = <T>(look: () => Promise<T | undefined>) => t.carriedOn(look, probed);

const allRun = (name: string, count: number) =>
  until(async () => {
    const all = await members(name);
    return all.length === count && all.every((pod) => pod.status.phase === 'Running' && isPodReady(pod)) ? all : undefined;
  });
const readyCount = (name: string, count: number) =>
  until(async () => (((await get(name)).status.readyReplicas ?? 0) === count ? true : undefined));
/** The controller has seen what is wanted now. */
const observed = (name: string) =>
  until(async () => {
    const set = await get(name);
    return (set.status.observedGeneration ?? 0) >= (set.metadata.generation ?? Infinity) ? set : undefined;
  });

/** Through ten seconds of the cluster's clock. */
async function stays(name: string, count: number): Promise<void> {
  const end = t.clock.now() + 10_000;
  await observed(name);
  await until(async () => {
    assert.equal((await members(name)).length, count);
    return t.clock.now() >= end ? true : undefined;
  });
}

test('Scaling should happen in predictable order and halt if any stateful pod is unhealthy', async () => {
  const up = await watchFromNow(t, pods, { namespace: 'ns', labelSelector: 'app=ordered' });
  await create('ordered', 1);
  await allRun('ordered', 1);
  broken.add('ordered-0');
  await readyCount('ordered', 0);
  await change('ordered', { replicas: 3 });
  await stays('ordered', 1);
  broken.clear();
  await allRun('ordered', 3);
  await up.end();
  assert.deepEqual(
    up.seen.filter(({ type }) => type === 'ADDED').map(({ object }) => object.metadata.name),
    ['ordered-0', 'ordered-1', 'ordered-2'],
  );

  const down = await watchFromNow(t, pods, { namespace: 'ns', labelSelector: 'app=ordered' });
  for (const ordinal of [0, 1, 2]) broken.add(`ordered-${ordinal}`);
  await readyCount('ordered', 0);
  await change('ordered', { replicas: 0 });
  await stays('ordered', 3);
  broken.clear();
  await until(async () => ((await members('ordered')).length === 0 && (await get('ordered')).status.replicas === 0 ? true : undefined));
  await down.end();
  assert.deepEqual(
    down.seen.filter(({ type }) => type === 'DELETED').map(({ object }) => object.metadata.name),
    ['ordered-2', 'ordered-1', 'ordered-0'],
  );
});

test('Burst scaling should run to completion even with unhealthy pods', async () => {
  await create('burst', 1, { podManagementPolicy: 'Parallel' });
  await allRun('burst', 1);
  for (const ordinal of [0, 1, 2]) broken.add(`burst-${ordinal}`);
  await readyCount('burst', 0);
  await change('burst', { replicas: 3 });
  await until(async () => ((await members('burst')).length === 3 ? true : undefined));
  broken.clear();
  await allRun('burst', 3);
  for (const ordinal of [0, 1, 2]) broken.add(`burst-${ordinal}`);
  await readyCount('burst', 0);
  await change('burst', { replicas: 0 });
  await until(async () => ((await members('burst')).length === 0 && (await get('burst')).status.replicas === 0 ? true : undefined));
  broken.clear();
});

test('should perform rolling updates and roll backs of template modifications', async () => {
  await create('ss2', 3);
  await allRun('ss2', 3);
  const first = await until(async () => {
    const set = await get('ss2');
    return set.status.currentRevision === set.status.updateRevision && set.status.readyReplicas === 3 ? set.status : undefined;
  });
  assert.deepEqual(new Set((await members('ss2')).map(revisionOf)), new Set([first.currentRevision]));

  /** Rolls to `image` while the probe of a pod is broken at first, and gives the revisions in the middle and at the end. */
  const rollTo = async (image: string) => {
    broken.add('ss2-1');
    await readyCount('ss2', 2);
    await change('ss2', { template: template('ss2', image) });
    const { status: middle } = await observed('ss2');
    broken.clear();
    const done = await until(async () => {
      const { status } = await get('ss2');
      const all = await members('ss2');
      const updated = all.length === 3 && all.every((pod) => isPodReady(pod) && revisionOf(pod) === status.updateRevision);
      return status.updateRevision === status.currentRevision && updated ? all : undefined;
    });
    assert.deepEqual(new Set(done.map(imageOf)), new Set([image]));
    return { middle, end: (await get('ss2')).status };
  };
  const there = await rollTo('web:2');
  assert.equal(there.middle.currentRevision, first.currentRevision);
  assert.notEqual(there.middle.updateRevision, first.currentRevision);
  assert.equal(there.end.currentRevision, there.middle.updateRevision);

  const back = await rollTo('web:1');
  // No new revision, but the one there was.
  assert.equal(back.middle.updateRevision, first.currentRevision);
  assert.equal(back.middle.currentRevision, there.end.currentRevision);
  assert.equal(back.end.currentRevision, first.currentRevision);
});

test('should perform canary updates and phased rolling updates of template modifications', async () => {
  const partition = (at: number) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: at } } });
  await create('canary', 3, partition(3));
  await allRun('canary', 3);
  await change('canary', { template: template('canary', 'web:2') });
  const { currentRevision, updateRevision } = (await observed('canary')).status;
  assert.notEqual(currentRevision, updateRevision);
  await stays('canary', 3);

  /** Old below `at`, new from there on. */
  const isSplit = (all: readonly Pod[], at: number): boolean =>
    all.length === 3 &&
    all.every((pod, i) => imageOf(pod) === (i < at ? 'web:1' : 'web:2') && revisionOf(pod) === (i < at ? currentRevision : updateRevision));
  const splitAt = async (at: number) => {
    await until(async () => {
      const [all, { status }] = [await members('canary'), await get('canary')];
      const rolled = at > 0 || status.updateRevision === status.currentRevision;
      return isSplit(all, at) && all.every(isPodReady) && rolled ? true : undefined;
    });
  };
  assert.ok(isSplit(await members('canary'), 3));
  await change('canary', partition(2));
  await splitAt(2);
  for (const ordinal of [0, 2]) await t.client.delete(pods, ref(`canary-${ordinal}`), { gracePeriodSeconds: 0 });
  await splitAt(2);
  for (const at of [1, 0]) {
    await change('canary', partition(at));
    await splitAt(at);
  }
  assert.equal((await get('canary')).status.currentRevision, updateRevision);
});

test('Should recreate evicted statefulset: a pod its node rejects comes again until it fits', async () => {
  let fits = false;
  const rejecting: Decide = (pod) =>
    fits || pod.metadata.labels?.['app'] !== 'evicted' ? { kind: 'run', ready: true } : { kind: 'end', exitCode: 1 };
  const watch = await watchFromNow(t, pods, { namespace: 'ns', fieldSelector: 'metadata.name=evicted-0' });
  await create('evicted', 1);
  const gone = await t.carriedOn(async () => watch.seen.find(({ type }) => type === 'DELETED')?.object, rejecting);
  fits = true;
  const running = await t.carriedOn(async () => (await members('evicted')).find(({ status }) => status.phase === 'Running'), rejecting);
  await watch.end();
  assert.equal(running.metadata.name, 'evicted-0');
  assert.notEqual(running.metadata.uid, gone.metadata.uid);
});

test('should list, patch and delete a collection: a patch of another container comes first, unknown fields are dropped', async () => {
  await create('collected', 1);
  await allRun('collected', 1);
  await t.client.patch(statefulsets, ref('collected'), {
    type: 'strategic',
    body: {
      metadata: { labels: { 'test-ss': 'patched' } },
      // Capitals as upstream's test has them: no such field.
      spec: { replicas: 2, template: { spec: { TerminationGracePeriodSeconds: 1, containers: [{ name: 'other', image: 'pause:1' }] } } },
    },
  });
  const { spec } = await get('collected');
  assert.deepEqual([spec.replicas, spec.template.spec.containers.map(({ image }) => image)], [2, ['pause:1', 'web:1']]);
  assert.ok(!('TerminationGracePeriodSeconds' in spec.template.spec));
  await until(async () => {
    const all = await members('collected');
    return all.length === 2 && all.every((pod) => isPodReady(pod) && imageOf(pod) === 'pause:1') ? true : undefined;
  });
  assert.equal((await t.client.list(statefulsets, { labelSelector: 'test-ss=patched' })).items.length, 1);
  await t.client.deleteCollection(statefulsets, { namespace: 'ns', labelSelector: 'test-ss=patched' }, { gracePeriodSeconds: 1 });
  assert.deepEqual((await t.client.list(statefulsets, { labelSelector: 'test-ss=patched' })).items, []);
  await until(async () => ((await members('collected')).length === 0 ? true : undefined));
});
