// A whole StatefulSet controller, told by a seed what happens: at every turn no ordinal has two pods, an ordered set makes and
// ends one pod at a time, and a roll-out takes no more than it may.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { pods, statefulsets } from '#api/resources.ts';
import type { New, Pod, StatefulSet } from '#api/types.ts';
import { assertReplays, endAtRest, failPod, playKubelet, sickenPod, type Simulation, simulate } from '../testing/simulation.ts';
import { statefulSetController } from './controller.ts';
import { template } from './testing.ts';

const REF = { name: 'db', namespace: 'ns' };
const STEPS = 90;

const set = (podManagementPolicy: 'OrderedReady' | 'Parallel', maxUnavailable: number) =>
  ({
    metadata: REF,
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template('v0'),
      podManagementPolicy,
      revisionHistoryLimit: 2,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable } },
    },
  }) as unknown as New<StatefulSet>;

const ordinal = ({ metadata }: Pod): number => Number(metadata.name.split('-').at(-1));
const current = ({ server }: Simulation): StatefulSet => server.stored(statefulsets)[0] as StatefulSet;
const isUp = (pod: Pod): boolean => isPodActive(pod) && isPodReady(pod);

/** What the controller asks of pods that breaks a promise. */
function watchRequests(world: Simulation, ordered: boolean, maxUnavailable: number, wantedMost: () => number): readonly string[] {
  const { server } = world;
  const violations: string[] = [];
  server.react({ verb: 'create', resource: 'pods' }, ({ body }) => {
    const made = body as Pod;
    const all = server.stored(pods);
    if (all.some(({ metadata }) => metadata.name === made.metadata.name && metadata.deletionTimestamp === undefined)) return undefined; // The server refuses it: what the controller knows is late.
    const below = all.filter((pod) => ordinal(pod) < ordinal(made));
    if (ordinal(made) >= wantedMost()) violations.push(`${made.metadata.name} is more than is wanted`);
    if (ordered && below.length < ordinal(made)) violations.push(`${made.metadata.name} comes before those below it`);
    return undefined;
  });
  server.react({ verb: 'delete', resource: 'pods' }, ({ name }) => {
    const all = server.stored(pods);
    const victim = all.find(({ metadata }) => metadata.name === name);
    if (victim === undefined || !isUp(victim) || ordinal(victim) >= current(world).spec.replicas) return undefined;
    const up = all.filter((pod) => isUp(pod) && ordinal(pod) < current(world).spec.replicas && pod !== victim).length;
    if (up < current(world).spec.replicas - maxUnavailable) violations.push(`${up} are left without ${name}`);
    return undefined;
  });
  return violations;
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([statefulSetController], seed, { gates: 'MaxUnavailableStatefulSet=true' });
  const { client, server, below } = world;
  const ordered = seed % 2 === 0;
  const maxUnavailable = 1 + (seed % 3);
  /** The most that was wanted since all was quiet: what the controller knows of the set may be late. */
  let most = 3;
  await client.create(statefulsets, set(ordered ? 'OrderedReady' : 'Parallel', maxUnavailable));
  const violations = watchRequests(world, ordered, maxUnavailable, () => most);
  const change = (spec: object): Promise<unknown> => client.patch(statefulsets, REF, { type: 'merge', body: { spec } });
  const allRun = async (): Promise<void> => {
    do await world.quiet();
    while (playKubelet(world));
  };

  for (let step = 0; step < STEPS; step++) {
    const pod = world.pick(server.stored(pods));
    switch (below(14)) {
      case 0: {
        const replicas = below(6);
        most = Math.max(most, replicas);
        await change({ replicas });
        break;
      }
      case 1:
        await allRun();
        most = current(world).spec.replicas;
        await change({ template: template(`v${below(3)}`) });
        break;
      case 2:
        if (pod !== undefined) failPod(world, pod);
        // How many may go on top of what fails by itself it can only know once it has heard of that.
        await world.quiet();
        break;
      case 3:
        if (pod !== undefined && isPodActive(pod)) sickenPod(world, pod);
        await world.quiet();
        break;
      case 4:
        server.failNext({ verb: 'create', resource: 'pods' }, tooManyRequests('busy', 0), below(4));
        server.failNext({ verb: 'update', resource: 'statefulsets' }, conflict(statefulsets, 'db', 'changed'), below(3));
        server.failNext({ verb: 'delete', resource: 'pods' }, tooManyRequests('busy', 0), below(2));
        break;
      case 5:
        server.breakWatches();
        break;
      case 6:
        await world.restart();
        break;
      case 7:
        world.hold('pods');
        break;
      case 8:
        world.catchUp();
        break;
      default:
        playKubelet(world);
    }
    for (let turn = below(10); turn >= 0; turn--) {
      await world.turns(1);
      const ordinals = server
        .stored(pods)
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(ordinal);
      assert.equal(new Set(ordinals).size, ordinals.length, `seed ${seed}, step ${step}: two pods of one ordinal`);
    }
    assert.deepEqual(violations, [], `seed ${seed}, step ${step}`);
  }
  await allRun();
  const { spec, status } = current(world);
  const image = spec.template.spec.containers[0]?.image;
  assert.deepEqual(
    server.stored(pods).map((pod) => `${pod.metadata.name} ${pod.spec.containers[0]?.image}`),
    Array.from({ length: spec.replicas }, (_, i) => `db-${i} ${image}`),
  );
  assert.deepEqual([status.replicas, status.readyReplicas ?? 0], [spec.replicas, spec.replicas]);
  return endAtRest(world);
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`a StatefulSet has each ordinal once and keeps its bound, whatever happens (seed ${seed})`, async () => void (await run(seed)));
}

test('a run of a StatefulSet is replayed by its seed to the same requests', () => assertReplays(run));
