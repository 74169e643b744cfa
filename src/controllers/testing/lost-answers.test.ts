// Answers to creations get lost, and what was created is heard of late: nothing is made twice all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError, tooManyRequests } from '#apimachinery/errors.ts';
import { controllerOf } from '#api/owner-references.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { daemonsets, jobs, nodes, pods, replicasets, replicationcontrollers, statefulsets } from '#api/resources.ts';
import type { KubeObject, New, Pod } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { ApiRequest } from '#client/contract.ts';
import { daemonSetController } from '../daemonset/controller.ts';
import { targetNode } from '../daemonset/daemon-pod.ts';
import { jobController } from '../job/controller.ts';
import { completionIndex } from '../job/pods.ts';
import { replicaSetController } from '../replicaset/controller.ts';
import { replicationController } from '../replicationcontroller/controller.ts';
import { statefulSetController } from '../statefulset/controller.ts';
import { assertReplays, endAtRest, failPod, playKubelet, type Simulation, simulate } from './simulation.ts';

const CONTROLLERS = [replicaSetController, replicationController, jobController, daemonSetController, statefulSetController];
const STEPS = 120;
const COMPLETIONS = 12;
const PARALLELISM = 4;
const NODES = ['n1', 'n2', 'n3'];

const named = (name: string) => ({ name, namespace: 'ns' });
const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'v1' }], ...spec },
});
const selector = (app: string) => ({ matchLabels: { app } });
const job = (completionMode: string) => ({
  completions: COMPLETIONS,
  parallelism: PARALLELISM,
  completionMode,
  backoffLimit: 1000,
  template: template('work', { restartPolicy: 'Never' }),
});

const WORKLOADS: readonly (readonly [Resource<KubeObject>, string, object])[] = [
  [replicasets, 'rs', { replicas: 3, selector: selector('rs'), template: template('rs') }],
  [replicationcontrollers, 'rc', { replicas: 3, selector: { app: 'rc' }, template: template('rc') }],
  [
    statefulsets,
    'db',
    { replicas: 3, serviceName: 'db', podManagementPolicy: 'Parallel', selector: selector('db'), template: template('db') },
  ],
  [daemonsets, 'ds', { selector: selector('ds'), template: template('ds') }],
  [jobs, 'plain', job('NonIndexed')],
  [jobs, 'indexed', job('Indexed')],
] as never;

/** Of pods of one owner those that stand for the same thing, and how many of them there may be. */
function rivals(made: Pod, owned: readonly Pod[], wanted: number): { readonly there: number; readonly most: number } {
  const active = owned.filter(isPodActive);
  switch (controllerOf(made)?.name) {
    case 'rs':
    case 'rc':
      return { there: active.length, most: wanted };
    case 'ds':
      return { there: active.filter((pod) => targetNode(pod) === targetNode(made)).length, most: 1 };
    case 'plain': {
      const done = owned.filter(({ status }) => status.phase === 'Succeeded').length;
      return { there: active.length, most: Math.min(PARALLELISM, COMPLETIONS - done) };
    }
    case 'indexed': {
      const same = owned.filter((pod) => completionIndex(pod) === completionIndex(made));
      return { there: same.filter((pod) => isPodActive(pod) || pod.status.phase === 'Succeeded').length, most: 1 };
    }
    default:
      return { there: 0, most: 1 }; // of a StatefulSet: its name says which it is
  }
}

/** A deletion that a controller asked for: it says of which pod, not of what name. */
const isControllers = (body: unknown): boolean => (body as { readonly preconditions?: object }).preconditions !== undefined;

/** A pod that runs for a Job comes to its end. */
function endWork(world: Simulation, phase: 'Succeeded' | 'Failed'): void {
  const pod = world.pick(world.server.stored(pods).filter((each) => each.metadata.labels?.['app'] === 'work' && isPodReady(each)));
  if (pod === undefined) return;
  if (phase === 'Failed') failPod(world, pod);
  else world.server.change(pods, pod.metadata.name, 'ns', (each) => ({ ...each, status: { ...each.status, phase } }));
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate(CONTROLLERS, seed);
  const { client, server, below } = world;
  for (const name of NODES) await client.create(nodes, { metadata: { name }, spec: {} });
  for (const [resource, name, spec] of WORKLOADS) await client.create(resource, { metadata: named(name), spec } as New<KubeObject>);

  /** The most and the fewest replicas that were wanted since all was quiet. */
  let [most, wanted, least] = [3, 3, 3];
  const surplus: string[] = [];
  const shortage: string[] = [];
  server.react({ verb: 'create', resource: 'pods' }, ({ body }) => {
    const made = body as Pod;
    const stored = server.stored(pods);
    if (stored.some(({ metadata }) => metadata.name === made.metadata.name)) return undefined;
    const owner = controllerOf(made);
    const { there, most: limit } = rivals(
      made,
      stored.filter((pod) => controllerOf(pod)?.uid === owner?.uid),
      most,
    );
    if (there >= limit) surplus.push(`${owner?.name}: ${there} of ${limit} are there, and another one is made`);
    return undefined;
  });

  server.react({ verb: 'delete', resource: 'pods' }, ({ name, body }) => {
    const victim = server.stored(pods).find(({ metadata }) => metadata.name === name);
    if (!isControllers(body) || victim === undefined || !isPodActive(victim)) return undefined;
    const owner = controllerOf(victim);
    if (owner?.name !== 'rs' && owner?.name !== 'rc') return undefined;
    const active = server.stored(pods).filter((pod) => isPodActive(pod) && controllerOf(pod)?.uid === owner.uid).length;
    if (active <= least) shortage.push(`${owner.name}: ${active} of ${least} are there, and one of them is deleted`);
    return undefined;
  });

  const CREATION = { verb: 'create', resource: 'pods' } as const;
  const DELETION = ({ verb, body }: ApiRequest): boolean => verb === 'delete' && isControllers(body);
  for (let step = 0; step < STEPS; step++) {
    switch (below(14)) {
      case 0:
        wanted = below(6);
        most = Math.max(most, wanted);
        least = Math.min(least, wanted);
        for (const resource of [replicasets, replicationcontrollers])
          await client.patch(resource as typeof replicasets, named(resource === replicasets ? 'rs' : 'rc'), {
            type: 'merge',
            body: { spec: { replicas: wanted } },
          });
        break;
      case 1:
      case 2:
      case 3:
        server.loseNext(below(3) === 0 ? DELETION : CREATION, 1 + below(4));
        break;
      case 4:
        // The same, told by the server, and refusals of what may have been done before.
        server.failNext(CREATION, below(2) === 0 ? tooManyRequests('busy', 0) : new StatusError('ServerTimeout', 'later'), 1 + below(3));
        break;
      case 5:
        world.hold('pods');
        break;
      case 6:
        world.catchUp();
        break;
      case 7:
        server.breakWatches({ resource: 'pods' });
        break;
      case 8:
        endWork(world, 'Succeeded');
        break;
      case 9:
        endWork(world, 'Failed');
        break;
      case 10: {
        const pod = world.pick(server.stored(pods).filter((each) => isPodActive(each) && each.metadata.labels?.['app'] !== 'work'));
        if (pod !== undefined) await client.delete(pods, pod.metadata);
        break;
      }
      case 11:
        if (below(3) === 0) {
          await world.restart();
          break;
        }
        // Longer than anybody waits for news.
        world.clock.advance(below(600_000));
        break;
      default:
        playKubelet(world);
    }
    await world.turns(below(10));
    world.clock.advance(below(1_500));
    await world.turns(below(10));
    assert.deepEqual([surplus, shortage], [[], []], `seed ${seed}, step ${step}`);
    if (below(8) === 0) {
      await world.quiet();
      [most, least] = [wanted, wanted];
    }
  }
  do await world.quiet();
  while (playKubelet(world));
  const daemons = server.stored(pods).filter(({ metadata }) => metadata.labels?.['app'] === 'ds');
  assert.deepEqual(daemons.map((pod) => targetNode(pod) ?? '').toSorted(), NODES);
  return endAtRest(world);
}

for (let seed = 1; seed <= 12; seed++)
  test(`nothing is made twice though answers are lost and news is late (seed ${seed})`, async () => void (await run(seed)));

test('a run with lost answers is replayed by its seed to the same requests', () => assertReplays(run));
