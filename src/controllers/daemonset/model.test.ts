// A whole DaemonSet controller, told by a seed what happens: at every turn no node has more pods than it may, and a roll-out
// takes no more nodes out of service than it may.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { daemonsets, nodes, pods } from '#api/resources.ts';
import type { DaemonSet, New, Node, Pod } from '#api/types.ts';
import { assertReplays, endAtRest, failPod, playKubelet, sickenPod, type Simulation, simulate } from '../testing/simulation.ts';
import { daemonSetController } from './controller.ts';
import { suits, targetNode } from './daemon-pod.ts';

const REF = { name: 'agent', namespace: 'ns' };
const NODES = ['a', 'b', 'c', 'd', 'e'];
const STEPS = 120;

const template = (image: string) => ({
  metadata: { labels: { app: 'agent' } },
  spec: { nodeSelector: { role: 'worker' }, containers: [{ name: 'c', image }] },
});

const daemonSet = (rollingUpdate: object) =>
  ({
    metadata: REF,
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: template('v0'),
      revisionHistoryLimit: 2,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
    },
  }) as unknown as New<DaemonSet>;

const current = ({ server }: Simulation): DaemonSet => server.stored(daemonsets)[0] as DaemonSet;
const isServing = (pod: Pod): boolean => isPodActive(pod) && isPodReady(pod);
const wanted = (world: Simulation): readonly Node[] => world.server.stored(nodes).filter((node) => suits(current(world), node).run);
const on = (world: Simulation, node: string): readonly Pod[] =>
  world.server.stored(pods).filter((pod) => isPodActive(pod) && targetNode(pod) === node);

/** Deletions that leave more nodes without service than may be at a time; where new pods come first, any that leaves one. */
function watchDeletions(world: Simulation, maxUnavailable: number | 'none'): readonly string[] {
  const violations: string[] = [];
  world.server.react({ verb: 'delete', resource: 'pods' }, ({ name }) => {
    const victim = world.server.stored(pods).find(({ metadata }) => metadata.name === name);
    const places = wanted(world).map(({ metadata }) => metadata.name);
    const place = victim === undefined ? undefined : targetNode(victim);
    if (victim === undefined || place === undefined || !isServing(victim) || !places.includes(place)) return undefined;
    const isServed = (node: string): boolean => on(world, node).some((pod) => isServing(pod) && pod !== victim);
    const left = places.filter(isServed).length;
    if (maxUnavailable === 'none' ? !isServed(place) : left < places.length - maxUnavailable)
      violations.push(`${left} of ${places.length} nodes are served without ${name}`);
    return undefined;
  });
  return violations;
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([daemonSetController], seed);
  const { client, server, below } = world;
  const surging = seed % 2 === 0;
  const bound = 1 + (seed % 3);
  for (const name of NODES) await client.create(nodes, { metadata: { name, labels: { role: 'worker' } }, spec: {} });
  await client.create(daemonsets, daemonSet(surging ? { maxSurge: bound, maxUnavailable: 0 } : { maxUnavailable: bound, maxSurge: 0 }));
  const violations = watchDeletions(world, surging ? 'none' : bound);

  for (let step = 0; step < STEPS; step++) {
    const pod = world.pick(server.stored(pods));
    switch (below(14)) {
      case 0:
      case 1:
        await client.patch(daemonsets, REF, { type: 'merge', body: { spec: { template: template(`v${below(3)}`) } } });
        break;
      case 2: {
        const role = below(3) === 0 ? 'spare' : 'worker';
        await client.patch(nodes, { name: world.pick(NODES) ?? '' }, { type: 'merge', body: { metadata: { labels: { role } } } });
        await world.quiet();
        break;
      }
      case 3:
        if (pod !== undefined) failPod(world, pod);
        // How many may go on top of what fails by itself it can only know once it has heard of that.
        await world.quiet();
        break;
      case 4:
        if (pod !== undefined && isPodActive(pod)) sickenPod(world, pod);
        await world.quiet();
        break;
      case 5:
        server.failNext({ verb: 'create', resource: 'pods' }, tooManyRequests('busy', 0), below(4));
        server.failNext({ verb: 'delete', resource: 'pods' }, tooManyRequests('busy', 0), below(3));
        server.failNext({ verb: 'update', resource: 'daemonsets' }, conflict(daemonsets, 'agent', 'changed'), below(3));
        break;
      case 6:
        server.breakWatches();
        break;
      case 7:
        await world.restart();
        break;
      case 8:
        world.hold('pods');
        break;
      case 9:
        world.catchUp();
        break;
      default:
        playKubelet(world);
    }
    for (let turn = below(10); turn >= 0; turn--) {
      await world.turns(1);
      for (const name of NODES)
        assert.ok(on(world, name).length <= (surging ? 2 : 1), `seed ${seed}, step ${step}: ${on(world, name).length} pods on ${name}`);
    }
    assert.deepEqual(violations, [], `seed ${seed}, step ${step}`);
  }
  do await world.quiet();
  while (playKubelet(world));
  const { spec, status } = current(world);
  const places = wanted(world).map(({ metadata }) => metadata.name);
  assert.deepEqual(
    server
      .stored(pods)
      .map((pod) => `${targetNode(pod)} ${pod.spec.containers[0]?.image}`)
      .toSorted(),
    places.map((name) => `${name} ${spec.template.spec.containers[0]?.image}`).toSorted(),
  );
  assert.deepEqual(
    [status.desiredNumberScheduled, status.updatedNumberScheduled, status.numberAvailable ?? 0],
    Array(3).fill(places.length),
  );
  return endAtRest(world);
}

for (let seed = 1; seed <= 6; seed++)
  test(`a DaemonSet keeps its bounds on every node, whatever happens (seed ${seed})`, async () => void (await run(seed)));

test('a run of a DaemonSet is replayed by its seed to the same requests', () => assertReplays(run));
