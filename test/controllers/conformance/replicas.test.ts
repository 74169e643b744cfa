// ReplicaSet and ReplicationController as conformance walks them. Source: test/e2e/apps replica_set.go, rc.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { isControlledBy } from '#api/owner-references.ts';
import { pods, replicasets, replicationcontrollers, resourcequotas } from '#api/resources.ts';
import type { New, Pod, ReplicaSet, ReplicationController } from '#api/types.ts';
import { type Played, startPlayed, watchFromNow } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const ref = (name: string) => ({ name, namespace: 'ns' });
const template = (app: string, name = 'c') => ({
  metadata: { labels: { app }, name: 'is-not-used' },
  spec: { containers: [{ name, image: 'web:1' }] },
});
const metadata = (name: string) => ({ name, namespace: 'ns', labels: { app: name } });

const KINDS = {
  ReplicaSet: {
    create: (name: string, replicas: number): Promise<ReplicaSet> =>
      t.client.create(replicasets, {
        metadata: metadata(name),
        spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
      } as unknown as New<ReplicaSet>),
    get: (name: string) => t.client.get(replicasets, ref(name)),
    scale: (name: string, replicas: number): Promise<unknown> =>
      t.client.patch(replicasets, ref(name), { type: 'merge', body: { spec: { replicas } } }),
  },
  ReplicationController: {
    create: (name: string, replicas: number): Promise<ReplicationController> =>
      t.client.create(replicationcontrollers, {
        metadata: metadata(name),
        spec: { replicas, selector: { app: name }, template: template(name) },
      } as unknown as New<ReplicationController>),
    get: (name: string) => t.client.get(replicationcontrollers, ref(name)),
    scale: (name: string, replicas: number): Promise<unknown> =>
      t.client.patch(replicationcontrollers, ref(name), { type: 'merge', body: { spec: { replicas } } }),
  },
} as const;

for (const [kind, { create, get, scale }] of Object.entries(KINDS)) {
  const short = kind.toLowerCase();

  test(`${kind} should adopt matching pods and release those that no longer match`, async () => {
    const name = `adopt-${short}`;
    await t.client.create(pods, { metadata: metadata(name), spec: template(name).spec } as New<Pod>);
    await t.carriedOn(async () => ((await t.client.get(pods, ref(name))).status.phase === 'Running' ? true : undefined));
    const owner = await create(name, 1);
    const adopted = await t.carriedOn(async () => {
      const pod = await t.client.get(pods, ref(name));
      return isControlledBy(pod, owner) ? pod : undefined;
    });
    assert.equal((await t.podsOf(`app=${name}`)).length, 1);
    const labels = { app: 'not-matching-name' };
    await t.changed(pods, adopted.metadata, (fresh) => ({ ...fresh, metadata: { ...fresh.metadata, labels } }));
    const released = await t.carriedOn(async () => {
      const pod = await t.client.get(pods, adopted.metadata);
      return isControlledBy(pod, owner) ? undefined : pod;
    });
    assert.deepEqual([released.metadata.uid, released.metadata.labels], [adopted.metadata.uid, labels]);
    await t.carriedOn(async () => ((await t.podsOf(`app=${name}`)).length === 1 ? true : undefined));
  });

  test(`${kind} should surface a failure condition beyond the quota, and drop it within`, async () => {
    const name = `quota-${short}`;
    const used = (await t.client.list(pods, { namespace: 'ns' })).items.length;
    await t.client.create(resourcequotas, { metadata: ref(name), spec: { hard: { pods: String(used + 2) } } });
    await t.carriedOn(async () => {
      const { status } = await t.client.get(resourcequotas, ref(name));
      return status.hard?.['pods'] === String(used + 2) && status.used?.['pods'] === String(used) ? true : undefined;
    });
    await create(name, 3);
    const observed = (found: Awaited<ReturnType<typeof get>>): boolean =>
      (found.status.observedGeneration ?? 0) >= (found.metadata.generation ?? Infinity);
    const failure = await t.carriedOn(async () => {
      const found = await get(name);
      return observed(found) ? findCondition(found.status.conditions, 'ReplicaFailure') : undefined;
    });
    assert.deepEqual([failure.status, failure.reason], ['True', 'FailedCreate']);
    await scale(name, 2);
    await t.carriedOn(async () => {
      const found = await get(name);
      return observed(found) && findCondition(found.status.conditions, 'ReplicaFailure') === undefined ? true : undefined;
    });
    await t.client.delete(resourcequotas, ref(name));
  });
}

test('ReplicaSet: a patch that names another container puts it first, and a watch sees all replicas of it', async () => {
  const labelSelector = 'test-rs=patched';
  const created = await KINDS.ReplicaSet.create('patch', 1);
  const watch = await watchFromNow(t, replicasets, { namespace: 'ns', labelSelector });
  await t.carriedOn(async () => ((await KINDS.ReplicaSet.get('patch')).status.readyReplicas === 1 ? true : undefined));
  await t.changed(replicasets, ref('patch'), (fresh) => ({ ...fresh, spec: { ...fresh.spec, replicas: 2 } }));
  const container = { name: 'another', image: 'pause:1' };
  const patched = await t.client.patch(replicasets, ref('patch'), {
    type: 'strategic',
    body: {
      metadata: { labels: { 'test-rs': 'patched' } },
      spec: { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 0, containers: [container] } } },
    },
  });
  assert.ok(Number(patched.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
  const seen = await t.carriedOn(
    async () => watch.seen.find(({ object: { status } }) => status.readyReplicas === 3 && status.availableReplicas === 3)?.object,
  );
  await watch.end();
  const { containers, terminationGracePeriodSeconds } = seen.spec.template.spec;
  assert.deepEqual([containers.map(({ image }) => image), terminationGracePeriodSeconds], [['pause:1', 'web:1'], 0]);
  assert.equal(watch.seen[0]?.type, 'ADDED', 'a selector that begins to match shows the object as new');
});

test('ReplicaSet should list and delete a collection: its pods go, too', async () => {
  await KINDS.ReplicaSet.create('collected', 3);
  await t.carriedOn(async () => ((await KINDS.ReplicaSet.get('collected')).status.readyReplicas === 3 ? true : undefined));
  assert.equal((await t.client.list(replicasets, { labelSelector: 'app=collected' })).items.length, 1);
  await t.client.deleteCollection(replicasets, { namespace: 'ns', labelSelector: 'app=collected' }, { gracePeriodSeconds: 1 });
  assert.deepEqual((await t.client.list(replicasets, { labelSelector: 'app=collected' })).items, []);
  await t.carriedOn(async () => ((await t.podsOf('app=collected')).length === 0 ? true : undefined));
});

test('ReplicationController: a watch shows its lifecycle step by step, and its pods outlive it', async () => {
  const name = 'lifecycle';
  const watch = await watchFromNow(t, replicationcontrollers, { namespace: 'ns', labelSelector: `app=${name}` });
  let at = 0;
  /** The next event that `is` wants, past all that were looked at before: what comes out of order is missed. */
  const next = (is: (event: (typeof watch.seen)[number]) => boolean) =>
    t.carriedOn(async () => {
      while (at < watch.seen.length) {
        const event = watch.seen[at++] as (typeof watch.seen)[number];
        if (is(event)) return event.object;
      }
      return undefined;
    });
  const counts = (replicas: number) => next(({ object: { status } }) => status.replicas === replicas && status.readyReplicas === replicas);
  const patch = (body: object, subresource?: string) =>
    t.client.patch(replicationcontrollers, ref(name), { type: 'strategic', body }, subresource === undefined ? {} : { subresource });

  await KINDS.ReplicationController.create(name, 1);
  await next(({ type }) => type === 'ADDED');
  await counts(1);
  // As the JSON of a whole object of Go, most of which is empty.
  const labelled = await patch({ metadata: { labels: { 'test-rc': 'patched' } }, spec: {}, status: { replicas: 0 } });
  assert.deepEqual(labelled.metadata.labels, { app: name, 'test-rc': 'patched' });
  await next(({ type, object }) => type === 'MODIFIED' && object.metadata.labels?.['test-rc'] === 'patched');
  const stated = await patch({ status: { readyReplicas: 0, availableReplicas: 0 } }, 'status');
  assert.equal(stated.status.readyReplicas ?? 0, 0);
  await next(({ type }) => type === 'MODIFIED');
  await counts(1);
  assert.equal((await t.client.get(replicationcontrollers, ref(name), { subresource: 'status' })).status.replicas, 1);
  await patch({ metadata: {}, spec: { replicas: 2 }, status: { replicas: 0 } }, 'scale');
  await next(({ type }) => type === 'MODIFIED');
  await counts(2);

  // What was shown is all there is to come: an update of it meets no other.
  const found = await KINDS.ReplicationController.get(name);
  const status = { ...found.status, availableReplicas: 1, readyReplicas: 1 };
  await t.client.update(replicationcontrollers, { ...found, status }, { subresource: 'status' });
  await next(({ type, object }) => type === 'MODIFIED' && object.status.readyReplicas === 1);
  assert.equal((await t.client.list(replicationcontrollers, { labelSelector: `app=${name}` })).items.length, 1);
  await t.client.deleteCollection(replicationcontrollers, { namespace: 'ns', labelSelector: `app=${name}` });
  await next(({ type }) => type === 'DELETED');
  await watch.end();
  // Of its first version, which orphans its pods unless it is told otherwise.
  const left = await t.podsOf(`app=${name}`);
  assert.deepEqual(
    left.map((pod) => pod.metadata.ownerReferences),
    [undefined, undefined],
  );
});
