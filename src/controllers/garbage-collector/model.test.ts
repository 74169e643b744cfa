// Owners and what they own, deleted in every way, told by a seed: nothing with a living owner goes, and no orphan stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import type { ConfigMap, KubeObject, New, OwnerReference } from '#api/types.ts';
import type { ApiRequest } from '#client/contract.ts';
import { assertReplays, type Simulation, simulate } from '../testing/simulation.ts';
import { garbageCollector } from './controller.ts';

const STEPS = 60;
const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;

const ownersOf = ({ metadata }: KubeObject): readonly OwnerReference[] => metadata.ownerReferences ?? [];
const objects = ({ server }: Simulation): readonly ConfigMap[] => server.stored(configmaps, 'ns');
const isWaiting = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes('foregroundDeletion') === true;

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([garbageCollector], seed);
  const { client, server, below } = world;
  const violations: string[] = [];
  /** Deleted by a user: by the collector only what no living owner wants may be. */
  const byUser = new Set<string>();
  const find = (name?: string): ConfigMap | undefined => objects(world).find(({ metadata }) => metadata.name === name);
  server.react({ verb: 'delete', resource: 'configmaps' }, ({ name }: ApiRequest) => {
    const object = find(name);
    if (object === undefined || byUser.has(object.metadata.uid)) return undefined;
    const living = ownersOf(object).filter(({ uid }) => objects(world).some((owner) => owner.metadata.uid === uid && !isWaiting(owner)));
    if (ownersOf(object).length === 0 || living.length > 0)
      violations.push(`${name} is deleted under ${living.map((owner) => owner.name).join()}`);
    return undefined;
  });
  server.react({ verb: 'patch', resource: 'configmaps' }, ({ name, body }: ApiRequest) => {
    const object = find(name);
    const { finalizers } = (body as { readonly metadata: { readonly finalizers?: readonly string[] } }).metadata;
    if (object === undefined || !isWaiting(object) || finalizers === undefined || finalizers.includes('foregroundDeletion'))
      return undefined;
    for (const other of objects(world)) {
      const holds = ownersOf(other).some((owner) => owner.uid === object.metadata.uid && owner.blockOwnerDeletion === true);
      if (holds) violations.push(`${name} goes before ${other.metadata.name}`);
    }
    return undefined;
  });

  for (let step = 0, made = 0; step < STEPS; step++) {
    const one = world.pick(objects(world).filter(({ metadata }) => metadata.deletionTimestamp === undefined));
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        // Owners are older than what they own, as they are where controllers make both.
        const owners = [one, world.pick(objects(world))].slice(0, below(3)).filter((owner) => owner !== undefined);
        const ownerReferences = [...new Map(owners.map((owner) => [owner.metadata.uid, owner])).values()].map(({ metadata }) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          name: metadata.name,
          uid: metadata.uid,
          blockOwnerDeletion: below(2) === 0,
        }));
        server.seed(configmaps, { metadata: { name: `o${made++}`, namespace: 'ns', ownerReferences } } as unknown as New<ConfigMap>);
        break;
      }
      case 5:
      case 6:
        if (one !== undefined) {
          const propagationPolicy = POLICIES[below(3)] as (typeof POLICIES)[number];
          byUser.add(one.metadata.uid);
          await client.delete(configmaps, one.metadata, { propagationPolicy });
        }
        break;
      case 7:
        server.failNext(
          ({ verb, resource }) => verb === 'patch' && resource.resource === 'configmaps',
          conflict(configmaps, 'o', 'changed'),
          below(3),
        );
        server.failNext(({ verb, resource }) => verb === 'get' && resource.resource === 'configmaps', tooManyRequests('busy', 0), below(3));
        break;
      case 8:
        server.breakWatches({ resource: 'configmaps' });
        break;
      default:
        await world.restart();
    }
    await world.turns(below(6));
    assert.deepEqual(violations, [], `seed ${seed}, step ${step}`);
  }
  await world.quiet();
  assert.deepEqual(violations, [], `seed ${seed}`);
  const left = objects(world);
  const uids = new Set(left.map(({ metadata }) => metadata.uid));
  for (const object of left) {
    assert.equal(object.metadata.deletionTimestamp, undefined, `seed ${seed}: ${object.metadata.name} never goes`);
    for (const { uid, name } of ownersOf(object)) assert.ok(uids.has(uid), `seed ${seed}: ${object.metadata.name} outlives ${name}`);
  }
  await world.stop();
  return world.decisions();
}

for (const seed of [1, 2, 3, 4]) {
  test(`nothing with a living owner is deleted, and no orphan survives its owner (seed ${seed})`, async () => void (await run(seed)));
}

test('a run of the collector is replayed by its seed to the same requests', () => assertReplays(run));
