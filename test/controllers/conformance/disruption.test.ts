// PodDisruptionBudget as conformance walks it. Source: test/e2e/apps/disruption.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { namespaces, poddisruptionbudgets, pods, replicasets, serviceaccounts } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget, ReplicaSet } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { type Played, startPlayed } from './played.ts';

let t: Played;
before(async () => {
  t = await startPlayed();
});
after(() => t.stop());

const NAME = 'foo';

/** A namespace for each test, as all budgets select the same label. */
async function space(namespace: string) {
  await t.client.create(namespaces, { metadata: { name: namespace } });
  await t.client.create(serviceaccounts, { metadata: { name: 'default', namespace } });
  const ref = { name: NAME, namespace };
  const get = () => t.client.get(poddisruptionbudgets, ref);
  /** Until the controller has seen what is wanted now. */
  const processed = () =>
    t.carriedOn(async () => {
      const { metadata, status } = await get();
      return (status.observedGeneration ?? 0) >= (metadata.generation ?? Infinity) ? true : undefined;
    });
  const running = (count: number) =>
    t.carriedOn(async () => {
      const { items } = await t.client.list(pods, { namespace, labelSelector: 'foo=bar' });
      const ready = items.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined);
      return ready.length >= count ? ready : undefined;
    });
  return {
    ref,
    get,
    processed,
    running,
    async budget(minAvailable: number | string, name = NAME): Promise<void> {
      const labels = { foo_pdb: 'bar_pdb' };
      await t.client.create(poddisruptionbudgets, {
        metadata: { name, namespace, labels },
        spec: { minAvailable, selector: { matchLabels: { foo: 'bar' } } },
      });
    },
    async pods(count: number): Promise<readonly Pod[]> {
      for (let i = 0; i < count; i++)
        await t.client.create(pods, {
          metadata: { name: `pod-${i}`, namespace, labels: { foo: 'bar' } },
          spec: { containers: [{ name: 'donothing', image: 'pause:1' }] },
        } as New<Pod>);
      return running(count);
    },
    async patch(body: object, subresource?: string): Promise<PodDisruptionBudget> {
      const done = await t.client.patch(
        poddisruptionbudgets,
        ref,
        { type: 'merge', body },
        subresource === undefined ? {} : { subresource },
      );
      await processed();
      return done;
    },
    evict: (pod: Pod) =>
      t.client.createSubresource(pods, pod.metadata, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod.metadata.name, namespace },
      }),
  };
}

/** Source: policyv1.DisruptionBudgetCause. */
const isBlocked = (error: unknown): boolean =>
  error instanceof StatusError &&
  error.reason === 'TooManyRequests' &&
  error.details?.causes?.some(({ reason }) => reason === 'DisruptionBudget') === true;

test('should list and delete a collection of PodDisruptionBudgets, of all namespaces and of one', async () => {
  const [here, there] = [await space('collection'), await space('elsewhere')];
  await here.budget(2);
  await here.budget('1%', 'foo2');
  await there.budget(2, 'foo3');
  const labelSelector = 'foo_pdb=bar_pdb';
  const names = async (namespace?: string) =>
    (await t.client.list(poddisruptionbudgets, { labelSelector, ...(namespace === undefined ? {} : { namespace }) })).items
      .map(({ metadata }) => metadata.name)
      .toSorted();
  assert.deepEqual(await names(), ['foo', 'foo2', 'foo3']);
  assert.deepEqual(await names('collection'), ['foo', 'foo2']);
  await t.client.deleteCollection(poddisruptionbudgets, { namespace: 'collection' });
  await t.carriedOn(async () => ((await names('collection')).length === 0 ? true : undefined));
  assert.deepEqual(await names(), ['foo3']);
});

test('should create a PodDisruptionBudget: as a share, changed, and gone', async () => {
  const { ref, budget, patch, processed, get } = await space('shares');
  await budget('1%');
  await processed();
  const updated = await t.changed(poddisruptionbudgets, ref, (fresh) => ({ ...fresh, spec: { ...fresh.spec, minAvailable: '2%' } }));
  await processed();
  assert.equal(updated.spec.minAvailable, '2%');
  assert.equal((await patch({ spec: { minAvailable: '3%' } })).spec.minAvailable, '3%');
  await t.client.delete(poddisruptionbudgets, ref);
  await assert.rejects(get(), (error) => isStatusError(error, 'NotFound'));
});

test('should observe PodDisruptionBudget status updated: over pods that nobody owns', async () => {
  const s = await space('observed');
  await s.budget(1);
  await s.pods(3);
  const { status } = await t.carriedOn(async () => ((await s.get()).status.disruptionsAllowed > 0 ? s.get() : undefined));
  assert.deepEqual([status.expectedPods, status.desiredHealthy], [3, 1]);
});

test('should update/patch PodDisruptionBudget status: pods that are there stay noted', async () => {
  const s = await space('stated');
  await s.budget(1);
  const [pod] = (await s.pods(1)) as [Pod];
  const { name } = pod.metadata;
  const disruptedPods = { [name]: formatTime(t.clock.now()) };
  await t.changed(poddisruptionbudgets, s.ref, (fresh) => ({ ...fresh, status: { ...fresh.status, disruptedPods } }), 'status');
  await s.processed();
  const stated = await t.client.get(poddisruptionbudgets, s.ref, { subresource: 'status' });
  assert.deepEqual(Object.keys(stated.status.disruptedPods ?? {}), [name]);
  const patched = await s.patch({ status: { disruptedPods: null } }, 'status');
  assert.deepEqual(patched.status.disruptedPods ?? {}, {});
});

test('should block an eviction until the PDB is updated to allow it', async () => {
  const s = await space('blocked');
  await s.budget(3);
  const labels = { foo: 'bar' };
  await t.client.create(replicasets, {
    metadata: { name: 'rs', namespace: 'blocked' },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'donothing', image: 'pause:1' }] } },
    },
  } as New<ReplicaSet>);
  const [first] = (await s.running(3)) as [Pod];
  await assert.rejects(s.evict(first), isBlocked);

  await t.changed(poddisruptionbudgets, s.ref, (fresh) => ({ ...fresh, spec: { ...fresh.spec, minAvailable: 2 } }));
  await s.processed();
  await t.carriedOn(async () => {
    const { currentHealthy, desiredHealthy } = (await s.get()).status;
    return currentHealthy === 3 && desiredHealthy === 2 ? true : undefined;
  });
  await s.evict(first);

  await s.patch({ spec: { minAvailable: null, maxUnavailable: 0 } });
  const [second] = (await s.running(3)) as [Pod];
  await assert.rejects(s.evict(second), isBlocked);
  await t.client.delete(poddisruptionbudgets, s.ref);
  await s.running(3);
  await s.evict(second);
});
