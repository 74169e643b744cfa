// A budget and many who evict at once, told by a seed: with late news, refused writes and restarts of the controllers no more
// pods go than the budget allows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, isStatusError, tooManyRequests } from '#apimachinery/errors.ts';
import { seededIds } from '#base/ids.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { poddisruptionbudgets, pods, replicasets } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget, ReplicaSet } from '#api/types.ts';
import type { ApiRequest, Transport } from '#client/contract.ts';
import { disruptionController, staleDisruptionController } from '#controllers/disruption/controller.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

const STEPS = 40;
const REPLICAS = 6;
const REF = { name: 'web', namespace: 'ns' };

async function run(seed: number): Promise<void> {
  const ids = seededIds(seed);
  const below = (n: number): number => Math.floor(ids.fraction() * n);
  let storm = 0;
  const between = (transport: Transport): Transport => ({
    watch: (request) => transport.watch(request),
    getPath: (path, query, signal) => transport.getPath(path, query, signal),
    close: () => transport.close(),
    async request(request: ApiRequest) {
      if ((request.verb === 'update' || request.verb === 'create') && ids.fraction() < storm)
        throw below(2) === 0 ? tooManyRequests('busy', 0) : conflict(request.resource, request.name ?? '', 'changed');
      return transport.request(request);
    },
  });
  const t = await startControllerTest({ controllers: [disruptionController, staleDisruptionController, replicaSetController], between });
  const healthy = async (): Promise<number> => (await podsLabelled(t, 'web')).filter((pod) => isPodActive(pod) && isPodReady(pod)).length;
  /** As many pods as are wanted run, and the budget says so of its present form. */
  const counted = (): Promise<PodDisruptionBudget> =>
    t.until(async () => {
      const found = (await podsLabelled(t, 'web')).filter(isPodActive);
      for (const pod of found) if (!isPodReady(pod)) await makeReady(t, pod);
      const budget = await t.client.get(poddisruptionbudgets, REF);
      const { currentHealthy, observedGeneration, disruptedPods = {} } = budget.status;
      const isTold =
        currentHealthy === REPLICAS && observedGeneration === budget.metadata.generation && Object.keys(disruptedPods).length === 0;
      return found.length === REPLICAS && isTold ? budget : undefined;
    });
  const evict = async (pod: Pod): Promise<'gone' | 'refused'> => {
    try {
      await t.client.createSubresource(pods, pod.metadata, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod.metadata.name, namespace: 'ns' },
      });
      return 'gone';
    } catch (error) {
      if (!isStatusError(error, 'TooManyRequests') && !isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      return 'refused';
    }
  };
  try {
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const selector = { matchLabels: { app: 'web' } };
    await t.client.create(replicasets, { metadata: REF, spec: { replicas: REPLICAS, selector, template } } as New<ReplicaSet>);
    await t.client.create(poddisruptionbudgets, { metadata: REF, spec: { maxUnavailable: 2, selector } } as New<PodDisruptionBudget>);
    await counted();
    let evicted = 0;
    let refusals = 0;
    for (let step = 0; step < STEPS; step++) {
      const least = REPLICAS - ((await t.client.get(poddisruptionbudgets, REF)).spec.maxUnavailable as number);
      storm = below(3) === 0 ? 0.5 : 0;
      const found = await podsLabelled(t, 'web');
      const victims = Array.from({ length: 1 + below(6) }, () => found[below(found.length)] as Pod);
      const restarting = below(5) === 0 ? t.restart() : undefined;
      const answers = await Promise.all(victims.map(evict));
      await restarting;
      evicted += answers.filter((answer) => answer === 'gone').length;
      refusals += answers.filter((answer) => answer === 'refused').length;
      const left = await healthy();
      assert.ok(left >= least, `seed ${seed}, step ${step}: ${left} of at least ${least} are left`);
      if (below(3) === 0) {
        const found = (await podsLabelled(t, 'web')).filter((pod) => isPodActive(pod) && !isPodReady(pod));
        for (const pod of found.slice(0, 1 + below(3))) await makeReady(t, pod);
      }
      if (below(4) > 0) continue;
      storm = 0;
      const budget = await counted();
      assert.equal(budget.status.disruptionsAllowed, budget.spec.maxUnavailable);
      await t.client.patch(poddisruptionbudgets, REF, { type: 'merge', body: { spec: { maxUnavailable: 1 + below(3) } } });
      await counted();
    }
    assert.ok(evicted > 10 && refusals > 10, `${evicted} evicted, ${refusals} refused`);
  } finally {
    await t.stop();
  }
}

for (const seed of [1, 2, 3, 4]) {
  test(`a budget is never overspent, however many evict at once (seed ${seed})`, () => run(seed));
}
