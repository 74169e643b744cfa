import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { byteOrder } from '#apimachinery/go-format.ts';
import { isPodReady } from '#api/pods.ts';
import { controllerrevisions, daemonsets, nodes, pods } from '#api/resources.ts';
import type { DaemonSet, New, Pod } from '#api/types.ts';
import { daemonSetController } from '#controllers/daemonset/controller.ts';
import { targetNode } from '#controllers/daemonset/daemon-pod.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [daemonSetController] });
  for (const name of ['n1', 'n2', 'n3']) {
    await t.client.create(nodes, { metadata: { name, labels: { disk: name === 'n3' ? 'hdd' : 'ssd' } } });
    // As the node lifecycle controller does once the node is ready.
    await t.client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: null } } });
  }
});
after(() => t.stop());

const template = (app: string, image: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image }], ...more },
});

const create = (name: string, spec: object = {}): Promise<DaemonSet> =>
  t.client.create(daemonsets, {
    metadata: { name, namespace: 'ns' },
    spec: { selector: { matchLabels: { app: name } }, template: template(name, 'v1'), ...spec },
  } as unknown as New<DaemonSet>);

/** With every pod that waits placed and made ready, until the set is as `is` wants it. */
const set = (name: string, is: (found: DaemonSet, members: readonly Pod[]) => boolean) =>
  t.until(async () => {
    const members = await podsLabelled(t, name);
    for (const pod of members) {
      if (isPodReady(pod) || pod.metadata.deletionTimestamp !== undefined || pod.status.phase === 'Failed') continue;
      await makeReady(t, pod);
    }
    const found = await t.client.get(daemonsets, { name, namespace: 'ns' });
    return found.status.observedGeneration === found.metadata.generation && is(found, members) ? { found, members } : undefined;
  });

const available = (count: number) => (found: DaemonSet) =>
  found.status.numberAvailable === count && found.status.updatedNumberScheduled === count;

test('a DaemonSet runs on every node, rolls out and back under its own service account', async () => {
  await create('agent');
  const { members } = await set('agent', available(3));
  assert.deepEqual(members.map((pod) => targetNode(pod) ?? '').toSorted(byteOrder), ['n1', 'n2', 'n3']);
  await t.client.patch(
    daemonsets,
    { name: 'agent', namespace: 'ns' },
    { type: 'merge', body: { spec: { template: template('agent', 'v2') } } },
  );
  await set(
    'agent',
    (found, now) => available(3)(found) && now.length === 3 && now.every(({ spec }) => spec.containers[0]?.image === 'v2'),
  );
  const revisions = (await t.client.list(controllerrevisions, { namespace: 'ns', labelSelector: 'app=agent' })).items;
  const first = revisions.find(({ revision }) => revision === 1) ?? assert.fail();
  assert.equal(first.metadata.name, `agent-${first.metadata.labels?.['controller-revision-hash']}`);
  const survivor = (await podsLabelled(t, 'agent'))[0];
  await t.client.patch(daemonsets, { name: 'agent', namespace: 'ns' }, { type: 'strategic', body: first.data });
  const { members: back } = await set(
    'agent',
    (found, now) => available(3)(found) && now.every(({ spec }) => spec.containers[0]?.image === 'v1'),
  );
  assert.ok(back.every(({ metadata }) => metadata.uid !== survivor?.metadata.uid));
  assert.equal((await t.client.get(controllerrevisions, first.metadata)).revision, 3);
});

test('a DaemonSet follows the labels of nodes, and leaves those that no longer suit', async () => {
  await create('picky', { template: template('picky', 'v1', { nodeSelector: { disk: 'ssd' } }) });
  await set('picky', available(2));
  await t.client.patch(nodes, { name: 'n2' }, { type: 'merge', body: { metadata: { labels: { disk: 'hdd' } } } });
  await set('picky', (found, members) => available(1)(found) && members.length === 1);
});

test('a DaemonSet replaces a pod that failed, and a pod somebody deleted', async () => {
  await create('steady');
  const { members } = await set('steady', available(3));
  const [failed, deleted] = members as [Pod, Pod];
  await t.client.patch(
    pods,
    failed.metadata,
    { type: 'merge', body: { status: { phase: 'Failed', conditions: [] } } },
    { subresource: 'status' },
  );
  await t.client.delete(pods, deleted.metadata);
  const gone = new Set([failed.metadata.uid, deleted.metadata.uid]);
  await set('steady', (found, now) => available(3)(found) && now.length === 3 && now.every(({ metadata }) => !gone.has(metadata.uid)));
  assert.ok(t.events.some((line) => line.startsWith('Warning FailedDaemonPod Found failed daemon pod ns/steady-')));
});

test('a revision that somebody deletes is made anew, and one that is let go is adopted again', async () => {
  await create('revised');
  await set('revised', available(3));
  const only = async () => {
    const { items } = await t.client.list(controllerrevisions, { namespace: 'ns', labelSelector: 'app=revised' });
    assert.equal(items.length, 1);
    return items[0] ?? assert.fail();
  };
  const first = await only();
  await t.client.delete(controllerrevisions, first.metadata);
  const second = await t.until(async () => {
    const found = (await t.client.list(controllerrevisions, { namespace: 'ns', labelSelector: 'app=revised' })).items[0];
    return found?.metadata.uid === first.metadata.uid ? undefined : found;
  });
  assert.deepEqual([second.metadata.name, second.data], [first.metadata.name, first.data]);
  await t.client.patch(controllerrevisions, second.metadata, { type: 'merge', body: { metadata: { ownerReferences: null } } });
  await t.until(async () => ((await only()).metadata.ownerReferences?.length === 1 ? true : undefined));
  await set('revised', available(3));
});

test('a collection of DaemonSets is deleted by label', async () => {
  await t.client.deleteCollection(daemonsets, { namespace: 'ns', labelSelector: 'none=such' });
  assert.equal((await t.client.list(daemonsets, { namespace: 'ns' })).items.length, 4);
  await t.client.deleteCollection(daemonsets, { namespace: 'ns' });
  await t.until(async () => ((await t.client.list(daemonsets, { namespace: 'ns' })).items.length === 0 ? true : undefined));
});

test('no call of the controller was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
