import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { controllerrevisions, persistentvolumeclaims, pods, statefulsets } from '#api/resources.ts';
import type { New, Pod, StatefulSet } from '#api/types.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { statefulSetController } from '#controllers/statefulset/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [statefulSetController, garbageCollector] });
});
after(() => t.stop());

const template = (app: string, image: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image }] } });

const create = (name: string, spec: New<StatefulSet['spec']> = {}): Promise<StatefulSet> =>
  t.client.create(statefulsets, {
    metadata: { name, namespace: 'ns' },
    spec: { replicas: 3, serviceName: name, selector: { matchLabels: { app: name } }, template: template(name, 'v1'), ...spec },
  } as New<StatefulSet>);

const patch = (name: string, spec: object) => t.client.patch(statefulsets, { name, namespace: 'ns' }, { type: 'merge', body: { spec } });

/** With every pod that waits made ready, until the set is as `is` wants it. */
const set = (name: string, is: (found: StatefulSet, members: readonly Pod[]) => boolean) =>
  t.until(async () => {
    const members = await podsLabelled(t, name);
    for (const pod of members) if (!isPodReady(pod) && pod.metadata.deletionTimestamp === undefined) await makeReady(t, pod);
    const found = await t.client.get(statefulsets, { name, namespace: 'ns' });
    return found.status.observedGeneration === found.metadata.generation && is(found, members) ? { found, members } : undefined;
  });

const updated = ({ spec, status }: StatefulSet): boolean =>
  status.updatedReplicas === spec.replicas && status.readyReplicas === spec.replicas && status.currentRevision === status.updateRevision;

test('a StatefulSet rolls out, rolls back and scales under its own service account', async () => {
  await create('web');
  const { members, found } = await set('web', updated);
  assert.deepEqual(members.map(({ metadata }) => metadata.name).toSorted(), ['web-0', 'web-1', 'web-2']);
  await patch('web', { template: template('web', 'v2') });
  await t.restart(); // what it knew is gone, in the middle of the roll-out
  const second = await set('web', (now) => now.status.updateRevision !== found.status.updateRevision && updated(now));
  assert.ok(second.members.every(({ spec }) => spec.containers[0]?.image === 'v2'));
  const revisions = (await t.client.list(controllerrevisions, { namespace: 'ns', labelSelector: 'app=web' })).items;
  assert.deepEqual(
    revisions.map(({ revision }) => revision).toSorted((a, b) => Number(a) - Number(b)),
    [1, 2],
  );

  // As `kubectl rollout undo` does: the data of the old revision is a strategic merge patch of the set.
  const old = revisions.find(({ revision }) => revision === 1) ?? assert.fail();
  await t.client.patch(statefulsets, { name: 'web', namespace: 'ns' }, { type: 'strategic', body: old.data });
  const third = await set('web', (now) => now.status.updateRevision === found.status.updateRevision && updated(now));
  assert.ok(third.members.every(({ spec }) => spec.containers[0]?.image === 'v1'));
  assert.equal((await t.client.get(controllerrevisions, old.metadata)).revision, 3);

  await t.client.patch(
    statefulsets,
    { name: 'web', namespace: 'ns' },
    { type: 'merge', body: { spec: { replicas: 1 } } },
    { subresource: 'scale' },
  );
  await set('web', ({ status }, now) => status.replicas === 1 && now.length === 1);
  assert.ok(t.events.includes('Normal SuccessfulDelete delete Pod web-2 in StatefulSet web successful'));
});

test('a deleted StatefulSet takes claims with it when its policy says so, and its pods', async () => {
  await create('db', {
    replicas: 2,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    volumeClaimTemplates: [
      { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    ],
  } as New<StatefulSet['spec']>);
  await set('db', updated);
  const claims = async () => (await t.client.list(persistentvolumeclaims, { namespace: 'ns', labelSelector: 'app=db' })).items;
  assert.deepEqual((await claims()).map(({ metadata }) => metadata.name).toSorted(), ['data-db-0', 'data-db-1']);
  await t.client.delete(statefulsets, { name: 'db', namespace: 'ns' });
  await t.until(async () => {
    for (const { metadata } of await claims())
      if (metadata.deletionTimestamp !== undefined)
        await t.client.patch(persistentvolumeclaims, metadata, { type: 'merge', body: { metadata: { finalizers: [] } } });
    return (await claims()).length + (await podsLabelled(t, 'db')).length === 0 ? true : undefined;
  });
});

test('an orphaned pod of the right name is adopted by the set that comes', async () => {
  const labels = { app: 'left' };
  await t.client.create(pods, { metadata: { name: 'left-0', namespace: 'ns', labels }, spec: template('left', 'v1').spec } as New<Pod>);
  await t.client.create(pods, { metadata: { name: 'stranger', namespace: 'ns', labels }, spec: template('left', 'v1').spec } as New<Pod>);
  await create('left', { replicas: 1 });
  await t.until(async () => ((await t.client.get(pods, { name: 'left-0', namespace: 'ns' })).metadata.ownerReferences ? true : undefined));
  assert.equal((await t.client.get(pods, { name: 'stranger', namespace: 'ns' })).metadata.ownerReferences, undefined);
});

test('no call of the controllers was refused', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /forbidden|cannot/i.test(line)),
    [],
  );
});
