// Whatever happens to a Deployment, told by a seed: its bounds hold at every turn, and in the end the newest version runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { deployments, pods, replicasets } from '#api/resources.ts';
import type { Deployment, New } from '#api/types.ts';
import { replicaSetController } from '../replicaset/controller.ts';
import { assertReplays, endAtRest, failPod, playKubelet, type Simulation, simulate } from '../testing/simulation.ts';
import { boundsOf } from './bounds.ts';
import { deploymentController } from './controller.ts';

const REF = { name: 'web', namespace: 'ns' };
const HISTORY = 2;
const STEPS = 80;

const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });

const STRATEGIES = [
  { maxSurge: '25%', maxUnavailable: '25%' },
  { maxSurge: 1, maxUnavailable: 0 },
  { maxSurge: 0, maxUnavailable: 1 },
  { maxSurge: 3, maxUnavailable: 2 },
];

const deployment = (seed: number) =>
  ({
    metadata: REF,
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: 'web' } },
      template: template('v0'),
      revisionHistoryLimit: HISTORY,
      strategy: { type: 'RollingUpdate', rollingUpdate: STRATEGIES[seed % STRATEGIES.length] },
    },
  }) as unknown as New<Deployment>;

/** What may be wanted and what must be available, over all specs the controllers may still be acting on. */
class Bounds {
  most = 0;
  least = Infinity;

  add(of: Deployment): void {
    const { maxSurge, maxUnavailable } = boundsOf(of);
    this.most = Math.max(this.most, of.spec.replicas + maxSurge);
    this.least = Math.min(this.least, of.spec.replicas - maxUnavailable);
  }

  reset(of: Deployment): void {
    this.most = 0;
    this.least = Infinity;
    this.add(of);
  }
}

const current = ({ server }: Simulation): Deployment => server.stored(deployments)[0] as Deployment;
const wanted = ({ server }: Simulation): number => server.stored(replicasets).reduce((sum, { spec }) => sum + spec.replicas, 0);
const ready = ({ server }: Simulation): number => server.stored(pods).filter((pod) => isPodActive(pod) && isPodReady(pod)).length;

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([deploymentController, replicaSetController], seed);
  const { client, server, below } = world;
  const bounds = new Bounds();
  const change = async (spec: object): Promise<void> => bounds.add(await client.patch(deployments, REF, { type: 'merge', body: { spec } }));
  /** With kubelets at work, until all pods there are run. */
  const allRun = async (): Promise<void> => {
    do await world.quiet();
    while (playKubelet(world));
  };
  bounds.add(await client.create(deployments, deployment(seed)));
  await allRun();

  const violations: string[] = [];
  server.react({ verb: 'delete', resource: 'pods' }, ({ name }) => {
    const victim = server.stored(pods).find(({ metadata }) => metadata.name === name);
    if (victim === undefined || !isPodReady(victim) || !isPodActive(victim)) return undefined;
    const left = ready(world) - 1;
    if (left < bounds.least) violations.push(`${left} of ${bounds.least} are left without ${name}`);
    return undefined;
  });

  for (let step = 0; step < STEPS; step++) {
    switch (below(14)) {
      case 0:
        await change({ template: template(`v${below(5)}`) });
        break;
      case 1:
        await change({ replicas: 1 + below(8) });
        // Every version gets its share, whether its pods are available or not.
        bounds.least = 0;
        await world.quiet();
        bounds.reset(current(world));
        break;
      case 2:
        await change({ paused: below(2) === 0 });
        break;
      case 3:
        server.failNext({ verb: 'update', resource: 'replicasets' }, conflict(replicasets, 'web', 'changed'), below(3));
        server.failNext({ verb: 'create', resource: 'pods' }, tooManyRequests('busy', 0), below(3));
        break;
      case 4:
        server.breakWatches();
        break;
      case 5: {
        // What fails by itself is no roll-out's doing: all are told of it before they go on.
        const pod = world.pick(server.stored(pods).filter(isPodActive));
        if (pod !== undefined) failPod(world, pod);
        await world.quiet();
        bounds.reset(current(world));
        break;
      }
      case 6:
        await world.restart();
        break;
      case 7:
        await world.quiet();
        bounds.reset(current(world));
        break;
      default:
        playKubelet(world);
    }
    for (let turn = below(12); turn >= 0; turn--) {
      await world.turns(1);
      assert.ok(wanted(world) <= bounds.most, `seed ${seed}: ${wanted(world)} of ${bounds.most} are wanted`);
    }
    assert.deepEqual(violations, [], `seed ${seed}`);
  }

  await change({ paused: false });
  await allRun();
  const { spec, status } = current(world);
  const image = spec.template.spec.containers[0]?.image;
  const active = server.stored(pods).filter(isPodActive);
  assert.deepEqual(
    active.map((pod) => pod.spec.containers[0]?.image),
    Array.from({ length: spec.replicas }, () => image),
    `seed ${seed}`,
  );
  assert.deepEqual([status.replicas, status.updatedReplicas, status.availableReplicas], Array(3).fill(spec.replicas));
  const sets = server.stored(replicasets);
  assert.equal(sets.filter((rs) => rs.spec.replicas > 0).length, 1);
  assert.ok(sets.length <= HISTORY + 1, `seed ${seed}: ${sets.length} versions are kept`);
  const numbers = sets.map(({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision']);
  assert.equal(new Set(numbers).size, sets.length, 'no two versions have one number');

  return endAtRest(world);
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`a Deployment keeps its bounds whatever happens, and ends at the newest version (seed ${seed})`, async () => void (await run(seed)));
}

test('a run of a Deployment is replayed by its seed to the same requests', () => assertReplays(run));
