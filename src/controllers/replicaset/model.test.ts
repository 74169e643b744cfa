// Two sets that select the same orphans, told by a seed what happens: a pod has one owner, and each set what it wants.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalid, tooManyRequests } from '#apimachinery/errors.ts';
import { isPodActive } from '#api/pods.ts';
import { pods, replicasets, replicationcontrollers } from '#api/resources.ts';
import type { New, OwnerReference, Pod, ReplicaSet, ReplicationController } from '#api/types.ts';
import { replicationController } from '../replicationcontroller/controller.ts';
import { assertReplays, endAtRest, failPod, playKubelet, sickenPod, type Simulation, simulate } from '../testing/simulation.ts';
import { replicaSetController } from './controller.ts';

const NAMES = ['a', 'b', 'c'] as const;
const STEPS = 80;
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } };

const controllersOf = ({ metadata }: Pod): readonly OwnerReference[] =>
  (metadata.ownerReferences ?? []).filter(({ controller }) => controller === true);

/** As the API server does: nobody takes a pod that has a controller. Source: ValidateOwnerReferences. */
function refuseSecondOwner({ server }: Simulation): void {
  server.react({ verb: 'patch', resource: 'pods' }, ({ name, body }) => {
    const { metadata } = body as { readonly metadata?: { readonly ownerReferences?: readonly Partial<OwnerReference>[] } };
    const adopter = metadata?.ownerReferences?.find(({ controller }) => controller === true);
    const pod = server.stored(pods).find((each) => each.metadata.name === name);
    if (adopter === undefined || pod === undefined || controllersOf(pod).every(({ uid }) => uid === adopter.uid)) return undefined;
    throw invalid(pods, name ?? '', [
      { reason: 'FieldValueInvalid', field: 'metadata.ownerReferences', message: 'Only one reference can have Controller set to true' },
    ]);
  });
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([replicaSetController, replicationController], seed);
  const { client, server, below } = world;
  refuseSecondOwner(world);
  const resourceOf = (name: (typeof NAMES)[number]) => (name === 'c' ? replicationcontrollers : replicasets) as typeof replicasets;
  const selector = { matchLabels: { app: 'web' } };
  for (const name of ['a', 'b'])
    await client.create(replicasets, { metadata: { name, namespace: 'ns' }, spec: { replicas: 3, selector, template } } as New<ReplicaSet>);
  await client.create(replicationcontrollers, {
    metadata: { name: 'c', namespace: 'ns' },
    spec: { replicas: 2, selector: { app: 'web' }, template },
  } as unknown as New<ReplicationController>);
  await world.quiet();

  /** Most that each wanted since all was quiet. */
  const most = new Map<string, number>();
  const note = (): void => {
    for (const name of NAMES) {
      const owner = server.stored(resourceOf(name)).find(({ metadata }) => metadata.name === name) as ReplicaSet;
      most.set(owner.metadata.uid, Math.max(most.get(owner.metadata.uid) ?? 0, owner.spec.replicas));
    }
  };
  note();
  const surplus: string[] = [];
  server.react({ verb: 'create', resource: 'pods' }, ({ body }) => {
    const [owner] = controllersOf(body as Pod);
    const owned = server.stored(pods).filter((each) => isPodActive(each) && controllersOf(each)[0]?.uid === owner?.uid);
    if (owned.length >= (most.get(owner?.uid ?? '') ?? 0)) surplus.push(`${owner?.name} has ${owned.length} already`);
    return undefined;
  });

  for (let step = 0, orphans = 0; step < STEPS; step++) {
    const pod = world.pick(server.stored(pods).filter(isPodActive));
    switch (below(14)) {
      case 0:
      case 9: {
        const name = NAMES[below(3)] as (typeof NAMES)[number];
        await client.patch(resourceOf(name), { name, namespace: 'ns' }, { type: 'merge', body: { spec: { replicas: below(6) } } });
        break;
      }
      case 1:
        server.seed(pods, {
          metadata: { name: `orphan-${orphans++}`, namespace: 'ns', labels: { app: 'web' } },
          spec: template.spec,
          status: { phase: 'Pending' },
        } as unknown as New<Pod>);
        break;
      case 2:
        if (pod !== undefined) await client.patch(pods, pod.metadata, { type: 'merge', body: { metadata: { labels: { app: 'other' } } } });
        break;
      case 3:
        if (pod !== undefined) await client.delete(pods, pod.metadata);
        break;
      case 4:
        if (pod !== undefined) failPod(world, pod);
        break;
      case 5:
        if (pod !== undefined) sickenPod(world, pod);
        break;
      case 6:
        server.failNext({ verb: 'create', resource: 'pods' }, tooManyRequests('busy', 0), below(4));
        break;
      case 7:
        // Of pods alone: owners are seen anew, and what was made for them is not.
        server.breakWatches({ resource: 'pods' });
        break;
      case 8:
        await world.restart();
        break;
      case 10:
        // What was just made is heard of late; meanwhile the owners change, and nothing is made for them twice.
        world.hold('pods');
        break;
      case 11:
        world.catchUp();
        break;
      default:
        playKubelet(world);
    }
    note();
    for (let turn = below(8); turn >= 0; turn--) {
      await world.turns(1);
      for (const each of server.stored(pods))
        assert.ok(controllersOf(each).length <= 1, `seed ${seed}: ${each.metadata.name} has two owners`);
    }
    assert.deepEqual(surplus, [], `seed ${seed}, step ${step}`);
    if (below(6) === 0) {
      await world.quiet();
      most.clear();
      note();
      for (const name of NAMES) {
        const owner = server.stored(resourceOf(name)).find(({ metadata }) => metadata.name === name) as ReplicaSet;
        const owned = server.stored(pods).filter((each) => isPodActive(each) && controllersOf(each)[0]?.uid === owner.metadata.uid);
        assert.equal(owned.length, owner.spec.replicas, `seed ${seed}, step ${step}: pods of ${name}`);
        assert.ok(owned.every(({ metadata }) => metadata.labels?.['app'] === 'web'));
        assert.deepEqual([owner.status.replicas, owner.status.observedGeneration], [owned.length, owner.metadata.generation]);
      }
    }
  }
  return endAtRest(world);
}

for (const seed of [1, 2, 3, 4]) {
  test(`no pod has two owners, and each set has as many as it wants (seed ${seed})`, async () => void (await run(seed)));
}

test('a run of ReplicaSets is replayed by its seed to the same requests', () => assertReplays(run));
