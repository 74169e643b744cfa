// A whole disruption controller, told by a seed what happens: once it has heard of everything, a budget allows what leaves
// enough pods, and no more; and whoever evicts by that never breaks it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { isPodReady } from '#api/pods.ts';
import { poddisruptionbudgets, pods, replicasets } from '#api/resources.ts';
import type { New, Pod, PodDisruptionBudget, ReplicaSet } from '#api/types.ts';
import { assertReplays, endAtRest, failPod, playKubelet, sickenPod, simulate } from '../testing/simulation.ts';
import { replicaSetController } from '../replicaset/controller.ts';
import { disruptionController } from './controller.ts';

const REF = { name: 'web', namespace: 'ns' };
const STEPS = 100;
/** What a budget asks for, and how many of the wanted pods must stay healthy. */
const BUDGETS: readonly (readonly [object, (wanted: number) => number])[] = [
  [{ minAvailable: 2 }, () => 2],
  [{ maxUnavailable: 1 }, (wanted) => Math.max(0, wanted - 1)],
  [{ minAvailable: '50%' }, (wanted) => Math.ceil(wanted / 2)],
  [{ maxUnavailable: '40%' }, (wanted) => wanted - Math.ceil(wanted * 0.4)],
];

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([replicaSetController, disruptionController], seed);
  const { client, server, clock, below } = world;
  const [bound, least] = BUDGETS[seed % BUDGETS.length] as (typeof BUDGETS)[number];
  const selector = { matchLabels: { app: 'web' } };
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v' }] } };
  await client.create(replicasets, { metadata: REF, spec: { replicas: 5, selector, template } } as unknown as New<ReplicaSet>);
  await client.create(poddisruptionbudgets, { metadata: REF, spec: { selector, ...bound } } as unknown as New<PodDisruptionBudget>);
  const budget = (): PodDisruptionBudget => server.stored(poddisruptionbudgets)[0] as PodDisruptionBudget;
  const wanted = (): number => server.stored(replicasets)[0]?.spec.replicas ?? 0;
  const healthy = (): readonly Pod[] =>
    server
      .stored(pods)
      .filter(
        (pod) =>
          isPodReady(pod) &&
          pod.metadata.deletionTimestamp === undefined &&
          budget().status.disruptedPods?.[pod.metadata.name] === undefined,
      );
  /** As the eviction API does: counted down first, deleted then. Source: EvictionREST.checkAndDecrement. */
  const evict = async (pod: Pod): Promise<void> => {
    const { disruptionsAllowed } = budget().status;
    if (disruptionsAllowed <= 0) return;
    server.change(poddisruptionbudgets, 'web', 'ns', (each) => ({
      ...each,
      status: {
        ...each.status,
        disruptionsAllowed: disruptionsAllowed - 1,
        disruptedPods: { ...each.status.disruptedPods, [pod.metadata.name]: formatTime(clock.now()) },
      },
    }));
    if (below(4) > 0) await client.delete(pods, pod.metadata);
  };
  let evictions = 0;
  for (let step = 0; step < STEPS; step++) {
    const pod = world.pick(server.stored(pods));
    switch (below(12)) {
      case 0:
        await client.patch(replicasets, REF, { type: 'merge', body: { spec: { replicas: 1 + below(7) } } });
        break;
      case 1:
        if (pod !== undefined) failPod(world, pod);
        break;
      case 2:
        if (pod !== undefined) sickenPod(world, pod);
        break;
      case 3:
        server.failNext({ verb: 'update', resource: 'poddisruptionbudgets' }, conflict(poddisruptionbudgets, 'web', 'changed'), below(3));
        break;
      case 4:
        server.breakWatches();
        break;
      case 5:
        await world.restart();
        break;
      case 6:
      case 7: {
        // Everything was heard of, so that a burst of evictions may do no more harm than was allowed.
        await world.quiet();
        const enough = healthy().length >= least(wanted());
        for (let tries = below(6); tries >= 0; tries--) {
          const victim = world.pick(healthy());
          if (victim === undefined) break;
          const before = healthy().length;
          await evict(victim);
          if (healthy().length === before) continue;
          evictions++;
          await world.turns(below(3));
          assert.ok(
            enough && healthy().length >= least(wanted()),
            `seed ${seed}, step ${step}: ${healthy().length} of ${wanted()} are left`,
          );
        }
        break;
      }
      default:
        playKubelet(world);
    }
    await world.turns(below(20));
    if (below(4) !== 0) continue;
    await world.quiet();
    const { status } = budget();
    assert.equal(status.disruptionsAllowed, Math.max(0, healthy().length - least(wanted())), `seed ${seed}, step ${step}`);
    assert.equal(status.currentHealthy, healthy().length, `seed ${seed}, step ${step}`);
  }
  assert.ok(evictions > 0, 'some pods were evicted');
  return endAtRest(world);
}

for (let seed = 1; seed <= 4; seed++)
  test(`a budget allows what leaves enough pods, and no more (seed ${seed})`, async () => void (await run(seed)));

test('a run of the disruption controller is replayed by its seed to the same requests', () => assertReplays(run));
