// DaemonSet and its ControllerRevisions as conformance walks them, on two nodes. Source: test/e2e/apps daemon_set.go,
// controller_revision.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { controllerReference } from '#api/owner-references.ts';
import { isPodReady } from '#api/pods.ts';
import { controllerrevisions, daemonsets, nodes, pods } from '#api/resources.ts';
import type { ControllerRevision, DaemonSet, New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import { DAEMON_SET_KIND } from '#controllers/daemonset/daemon-pod.ts';
import { templatePatch } from '#controllers/runtime/history-plan.ts';
import { MISSING_IMAGE, NODES, type Played, startPlayed } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const HASH = 'controller-revision-hash';
const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(daemonsets, ref(name));
const members = (name: string) => t.podsOf(`daemonset-name=${name}`);
const revisionsOf = async (name: string): Promise<readonly ControllerRevision[]> =>
  (await t.client.list(controllerrevisions, { labelSelector: `daemonset-name=${name}` })).items;
const imageOf = ({ spec }: Pod) => spec.containers[0]?.image;

function create(name: string, podSpec: object = {}): Promise<DaemonSet> {
  const labels = { 'daemonset-name': name };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'app', image: 'web:1', ports: [{ containerPort: 9376 }] }], ...podSpec },
  };
  const spec = { selector: { matchLabels: labels }, template };
  return t.client.create(daemonsets, { metadata: { name, namespace: 'ns', labels }, spec } as unknown as New<DaemonSet>);
}
const setImage = (name: string, image: string) =>
  t.client.patch(daemonsets, ref(name), {
    type: 'strategic',
    body: { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
  });

/** Exactly one available pod on each of `on`, none elsewhere, and the status agrees. */
const runsOn = (name: string, on: readonly string[]): Promise<readonly Pod[]> =>
  t.carriedOn(async () => {
    const running = (await members(name)).filter((pod) => pod.metadata.deletionTimestamp === undefined && isPodReady(pod));
    const { desiredNumberScheduled, currentNumberScheduled, numberReady } = (await get(name)).status;
    const settled = [desiredNumberScheduled, currentNumberScheduled, numberReady].every((count) => count === on.length);
    return settled &&
      running
        .map(({ spec }) => spec.nodeName ?? '')
        .toSorted(byteOrder)
        .join() === on.join()
      ? running
      : undefined;
  });

async function remove(name: string): Promise<void> {
  await t.client.delete(daemonsets, ref(name), { propagationPolicy: 'Background' });
  await t.carriedOn(async () => ((await members(name)).length === 0 ? true : undefined));
}

test('should run and stop simple daemon: a pod that is deleted comes again', async () => {
  await create('simple');
  const [first] = (await runsOn('simple', NODES)) as [Pod];
  await t.client.delete(pods, first.metadata);
  await t.carriedOn(async () =>
    (await members('simple')).every(({ metadata }) => metadata.uid !== first.metadata.uid) ? true : undefined,
  );
  await runsOn('simple', NODES);
  await remove('simple');
});

test('should run and stop complex daemon: it follows the labels of nodes', async () => {
  const colour = (value: string | null) =>
    t.client.patch(nodes, { name: 'two' }, { type: 'merge', body: { metadata: { labels: { 'daemonset-color': value } } } });
  await create('complex', { nodeSelector: { 'daemonset-color': 'blue' } });
  await runsOn('complex', []);
  await colour('blue');
  await runsOn('complex', ['two']);
  await colour('green');
  await runsOn('complex', []);
  // With a field where there is none, as upstream's test has it.
  const body = {
    spec: { template: { spec: { nodeSelector: { 'daemonset-color': 'green' } } } },
    updateStrategy: { type: 'RollingUpdate' },
  };
  await t.client.patch(daemonsets, ref('complex'), { type: 'strategic', body });
  await runsOn('complex', ['two']);
  await remove('complex');
  await colour(null);
});

test('should retry creating failed daemon pods: the failed one goes altogether', async () => {
  await create('failing');
  const [failed] = (await runsOn('failing', NODES)) as [Pod];
  // Without a version: whatever it is by now.
  const { resourceVersion: _, ...metadata } = failed.metadata;
  await t.client.update(pods, { ...failed, metadata, status: { ...failed.status, phase: 'Failed' } } as New<Pod>, {
    subresource: 'status',
  });
  await t.carriedOn(async () => {
    try {
      return (await t.client.get(pods, failed.metadata)).metadata.uid === failed.metadata.uid ? undefined : true;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return true;
      throw error;
    }
  });
  await runsOn('failing', NODES);
  await remove('failing');
});

test('should update pod when spec was updated: each template has one revision, which names its pods', async () => {
  await create('rolling');
  await runsOn('rolling', NODES);
  /** The revision whose bytes are those of the template now. */
  const current = async () => {
    const { template } = (await get('rolling')).spec;
    const bytes = JSON.stringify(templatePatch(template));
    const found = (await revisionsOf('rolling')).filter(({ data }) => JSON.stringify(data) === bytes);
    assert.equal(found.length, 1);
    return found[0] as ControllerRevision;
  };
  const isLabelled = async (count: number): Promise<void> => {
    const revision = await current();
    assert.equal(revision.revision, count);
    assert.equal((await revisionsOf('rolling')).length, count);
    const going = (await members('rolling')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    assert.deepEqual(new Set(going.map(({ metadata }) => metadata.labels?.[HASH])), new Set([revision.metadata.labels?.[HASH]]));
  };
  await isLabelled(1);
  await setImage('rolling', 'web:2');
  await t.carriedOn(async () => {
    const going = (await members('rolling')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    // One node is without an available pod at most.
    const waiting = NODES.filter((node) => !going.some((pod) => pod.spec.nodeName === node && isPodReady(pod)));
    assert.ok(waiting.length <= 1);
    return going.length === 2 && going.every((pod) => imageOf(pod) === 'web:2' && isPodReady(pod)) ? true : undefined;
  });
  await isLabelled(2);
  await remove('rolling');
});

test('should rollback without unnecessary restarts', async () => {
  await create('back');
  const before = await runsOn('back', NODES);
  await setImage('back', MISSING_IMAGE);
  const kept = await t.carriedOn(async () => {
    const going = (await members('back')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return going.some((pod) => imageOf(pod) === MISSING_IMAGE) ? going.filter((pod) => imageOf(pod) === 'web:1') : undefined;
  });
  assert.equal(kept.length, 1);
  await setImage('back', 'web:1');
  const after = await runsOn('back', NODES);
  assert.deepEqual(new Set(after.map(imageOf)), new Set(['web:1']));
  const uids = new Set(after.map(({ metadata }) => metadata.uid));
  assert.ok(kept.every(({ metadata }) => uids.has(metadata.uid)));
  assert.equal(before.filter(({ metadata }) => uids.has(metadata.uid)).length, 1);
  await remove('back');
});

test('should list and delete a collection of DaemonSets', async () => {
  await create('collected');
  await runsOn('collected', NODES);
  const labelSelector = 'daemonset-name=collected';
  assert.equal((await t.client.list(daemonsets, { labelSelector })).items.length, 1);
  await t.client.deleteCollection(daemonsets, { namespace: 'ns', labelSelector }, { gracePeriodSeconds: 1 });
  assert.deepEqual((await t.client.list(daemonsets, { labelSelector })).items, []);
  await t.carriedOn(async () => ((await members('collected')).length === 0 ? true : undefined));
});

test('should manage the lifecycle of a ControllerRevision: those others make are counted, and kept while they are alone', async () => {
  const ds = await create('revised');
  await runsOn('revised', NODES);
  const count = (n: number) => t.carriedOn(async () => ((await revisionsOf('revised')).length === n ? revisionsOf('revised') : undefined));
  const [initial] = (await count(1)) as [ControllerRevision];
  assert.deepEqual(initial.metadata.ownerReferences, [controllerReference(ds, DAEMON_SET_KIND)]);
  const label = (name: string, value: string) => ({ metadata: { labels: { [name]: value } } });
  const patched = await t.client.patch(controllerrevisions, initial.metadata, {
    type: 'strategic',
    body: label(initial.metadata.name, 'patched'),
  });
  assert.equal(patched.metadata.labels?.[initial.metadata.name], 'patched');

  // The same data under another name: it stays, for nothing about the DaemonSet has changed.
  const labels = { ...ds.spec.template.metadata.labels, [HASH]: 'made-by-hand' };
  const made = await t.client.create(controllerrevisions, {
    metadata: { name: 'revised-made-by-hand', namespace: 'ns', labels, ownerReferences: [controllerReference(ds, DAEMON_SET_KIND)] },
    data: initial.data,
    revision: Number(initial.revision) + 1,
  } as New<ControllerRevision>);
  await count(2);
  await t.client.delete(controllerrevisions, initial.metadata);
  await count(1);
  const updated = await t.changed(controllerrevisions, made.metadata, (fresh) => ({
    ...fresh,
    metadata: { ...fresh.metadata, labels: { ...fresh.metadata.labels, [made.metadata.name]: 'updated' } },
  }));
  assert.equal(updated.metadata.labels?.[made.metadata.name], 'updated');
  const body = { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } }, updateStrategy: { type: 'RollingUpdate' } };
  await t.client.patch(daemonsets, ref('revised'), { type: 'strategic', body });
  await count(2);
  await t.client.deleteCollection(controllerrevisions, { namespace: 'ns', labelSelector: `${made.metadata.name}=updated` });
  const [last] = (await count(1)) as [ControllerRevision];
  assert.equal(last.revision, 3);
  await runsOn('revised', NODES);
  await remove('revised');
});
