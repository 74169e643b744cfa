// Deployment as conformance walks it. Source: test/e2e/apps/deployment.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deployments, pods, replicasets } from '#api/resources.ts';
import type { Deployment, New, Pod, ReplicaSet } from '#api/types.ts';
import { MISSING_IMAGE, type Played, startPlayed, watchFromNow } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(deployments, ref(name));
const setsOf = async (app: string): Promise<readonly ReplicaSet[]> =>
  (await t.client.list(replicasets, { namespace: 'ns', labelSelector: `app=${app}` })).items;
const imageOf = ({ spec }: ReplicaSet | Deployment): string => spec.template.spec.containers[0]?.image ?? '';
const template = (labels: Readonly<Record<string, string>>, image: string) => ({
  metadata: { labels },
  spec: { containers: [{ name: image.replaceAll(/\W/g, '-'), image }] },
});
const REVISION = 'deployment.kubernetes.io/revision';

const deployment = (name: string, spec: object, labels: Readonly<Record<string, string>> = {}): New<Deployment> =>
  ({
    metadata: { name, namespace: 'ns', labels },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  }) as unknown as New<Deployment>;
const create = (name: string, spec: object) => t.client.create(deployments, deployment(name, spec));

/** Makes a ReplicaSet whose pods a Deployment of the label `app` selects, and waits for its pod. */
async function orphanSet(app: string, annotations: Readonly<Record<string, string>> = {}): Promise<ReplicaSet> {
  const labels = { app, pod: 'web' };
  const rs = await t.client.create(replicasets, {
    metadata: { name: `${app}-controller`, namespace: 'ns', labels, annotations },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels, 'web:1') },
  } as unknown as New<ReplicaSet>);
  await t.carriedOn(async () => ((await t.client.get(replicasets, rs.metadata)).status.readyReplicas === 1 ? true : undefined));
  return rs;
}

/** Source: DeploymentComplete. */
const complete = ({ metadata, spec, status }: Deployment): boolean =>
  status.updatedReplicas === spec.replicas &&
  status.replicas === spec.replicas &&
  status.availableReplicas === spec.replicas &&
  (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);

const completed = (name: string) => t.carriedOn(async () => (complete(await get(name)) ? get(name) : undefined));

test('RollingUpdateDeployment: it adopts a ReplicaSet, and counts on from a revision of 64 bits', async () => {
  const adopted = await orphanSet('rolling', { [REVISION]: '3546343826724305832' });
  await create('rolling', { replicas: 1, template: template({ app: 'rolling' }, 'agnhost:1') });
  const done = await completed('rolling');
  assert.equal(done.metadata.annotations?.[REVISION], '3546343826724305833');
  const [current, old] = (await setsOf('rolling')).toSorted((a, b) => b.spec.replicas - a.spec.replicas) as [ReplicaSet, ReplicaSet];
  assert.equal(current.metadata.annotations?.[REVISION], '3546343826724305833');
  assert.deepEqual([old.metadata.uid, old.metadata.ownerReferences?.[0]?.uid], [adopted.metadata.uid, done.metadata.uid]);
});

test('RecreateDeployment: at no time do new pods count beside old ones', async () => {
  await create('recreate', { replicas: 1, strategy: { type: 'Recreate' }, template: template({ app: 'recreate' }, 'agnhost:1') });
  await completed('recreate');
  const watch = await watchFromNow(t, deployments, { namespace: 'ns', fieldSelector: 'metadata.name=recreate' });
  const changed = template({ app: 'recreate' }, 'web:1');
  await t.changed(deployments, ref('recreate'), (fresh) => ({ ...fresh, spec: { ...fresh.spec, template: changed as never } }));
  await completed('recreate');
  await watch.end();
  assert.ok(watch.seen.length > 2);
  for (const { object } of watch.seen) {
    const { updatedReplicas = 0, replicas = 0 } = object.status;
    assert.ok(updatedReplicas === 0 || updatedReplicas === replicas, JSON.stringify(object.status));
  }
});

test('deployment should delete old replica sets: and no pod comes but the new one', async () => {
  await orphanSet('cleanup');
  const watch = await watchFromNow(t, pods, { namespace: 'ns' });
  await create('cleanup', { replicas: 1, revisionHistoryLimit: 0, template: template({ app: 'cleanup' }, 'agnhost:1') });
  await t.carriedOn(async () => {
    const sets = await setsOf('cleanup');
    return sets.length === 1 && sets.every((rs) => imageOf(rs) === 'agnhost:1') ? true : undefined;
  });
  await watch.end();
  const added = watch.seen.filter(({ type }) => type === 'ADDED').map(({ object }) => object.spec.containers[0]?.name);
  assert.deepEqual(added, ['agnhost-1']);
});

test('deployment should support rollover: within its bounds at every moment', async () => {
  const old = await orphanSet('rollover');
  await create('rollover', {
    replicas: 1,
    minReadySeconds: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: template({ app: 'rollover' }, MISSING_IMAGE),
  });
  const stuck = await t.carriedOn(async () => {
    const found = await get('rollover');
    return found.status.updatedReplicas === 1 && found.status.observedGeneration === found.metadata.generation ? found : undefined;
  });
  assert.equal(stuck.metadata.annotations?.[REVISION], '1');
  // As soon as the Deployment says so, both sets have one pod each.
  const both = await setsOf('rollover');
  assert.deepEqual(
    both.map(({ spec, status }) => [spec.replicas, status.replicas]),
    [
      [1, 1],
      [1, 1],
    ],
  );
  const changed = template({ app: 'rollover' }, 'agnhost:1');
  const { generation } = (await t.client.patch(deployments, ref('rollover'), { type: 'merge', body: { spec: { template: changed } } }))
    .metadata;
  await t.carriedOn(async () => {
    const [found, sets] = [await get('rollover'), await setsOf('rollover')];
    const created = sets.reduce((sum, { spec }) => sum + spec.replicas, 0);
    const available = sets.reduce((sum, { status }) => sum + (status.availableReplicas ?? 0), 0);
    assert.ok(created <= 2 && available >= 1, `${created} are wanted, ${available} available`);
    return complete(found) && found.metadata.annotations?.[REVISION] === '2' ? true : undefined;
  });
  assert.ok(((await get('rollover')).status.observedGeneration ?? 0) >= (generation ?? Infinity));
  const sets = await setsOf('rollover');
  const sizeOf = (image: string) => sets.find((rs) => imageOf(rs) === image);
  for (const image of ['web:1', MISSING_IMAGE]) {
    const { spec, status } = sizeOf(image) as ReplicaSet;
    assert.deepEqual([spec.replicas, status.replicas], [0, 0]);
  }
  assert.equal(sizeOf('web:1')?.metadata.uid, old.metadata.uid);
});

test('should run the lifecycle of a Deployment: a watch from before shows each step', async () => {
  const labelSelector = 'life=deployment';
  const labels = { life: 'deployment' };
  const everywhere = await watchFromNow(t, deployments, { namespace: 'ns', labelSelector });
  const shows = (is: (found: Deployment) => boolean, type?: string) =>
    t.carriedOn(async () => everywhere.seen.find((event) => (type === undefined || event.type === type) && is(event.object))?.object);

  const spec = { replicas: 2, template: { ...template({ app: 'life' }, 'agnhost:1') } };
  const container = spec.template.spec.containers[0]?.name;
  const made = deployment('life', spec, labels);
  await t.client.create(deployments, made);
  await shows(() => true, 'ADDED');
  await shows(({ status }) => status.readyReplicas === 2);

  const patch = {
    metadata: { labels: { 'test-deployment': 'patched' } },
    spec: {
      replicas: 1,
      template: { spec: { terminationGracePeriodSeconds: 2, containers: [{ name: container, image: 'pause:1' }] } },
    },
  };
  await t.client.patch(deployments, ref('life'), { type: 'strategic', body: patch });
  await shows(({ spec: now, status }) => {
    const { readyReplicas, updatedReplicas, unavailableReplicas = 0 } = status;
    const { terminationGracePeriodSeconds } = now.template.spec;
    return readyReplicas === 1 && updatedReplicas === 1 && unavailableReplicas === 0 && terminationGracePeriodSeconds === 2;
  });
  const { items } = await t.client.list(deployments, { labelSelector });
  assert.deepEqual(
    items.map(({ metadata }) => [metadata.name, metadata.labels]),
    [['life', { ...labels, 'test-deployment': 'patched' }]],
  );

  // With no resourceVersion, an update takes place whatever was there.
  const replaced = template({ app: 'life' }, 'httpd:1');
  await t.client.update(deployments, {
    ...made,
    metadata: { ...made.metadata, labels: { ...labels, 'test-deployment': 'updated' } },
    spec: { ...made.spec, template: { ...replaced, spec: { containers: [{ name: container, image: 'httpd:1' }] } } },
  } as New<Deployment>);
  const stated = await t.client.get(deployments, ref('life'), { subresource: 'status' });
  assert.deepEqual([imageOf(stated), stated.metadata.labels], ['httpd:1', { ...labels, 'test-deployment': 'updated' }]);
  const restored = (now: Deployment): boolean =>
    imageOf(now) === 'httpd:1' &&
    now.status.readyReplicas === 2 &&
    now.status.updatedReplicas === 2 &&
    (now.status.unavailableReplicas ?? 0) === 0;
  await shows(restored);

  const none = { status: { readyReplicas: 0, availableReplicas: 0 } };
  await t.client.patch(deployments, ref('life'), { type: 'strategic', body: none }, { subresource: 'status' });
  const before = everywhere.seen.length;
  await t.carriedOn(async () => (everywhere.seen.slice(before - 1).some(({ object }) => restored(object)) ? true : undefined));

  await t.client.deleteCollection(deployments, { namespace: 'ns', labelSelector }, { gracePeriodSeconds: 1 });
  await shows(() => true, 'DELETED');
  await everywhere.end();
  await t.carriedOn(async () => ((await setsOf('life')).length + (await t.podsOf('app=life')).length === 0 ? true : undefined));
});

test('the pods of a Deployment go with it', async () => {
  await create('going', { replicas: 2, template: template({ app: 'going' }, 'agnhost:1') });
  await completed('going');
  await t.client.delete(deployments, ref('going'), { propagationPolicy: 'Background' });
  const left = async (): Promise<readonly (Pod | ReplicaSet)[]> => [...(await setsOf('going')), ...(await t.podsOf('app=going'))];
  await t.carriedOn(async () => ((await left()).length === 0 ? true : undefined));
});
