// The whole binder, told by a seed what happens: a volume is for one claim at most, and a claim for one volume.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { assertReplays, endAtRest, type Simulation, simulate } from '../testing/simulation.ts';
import { claimBinder } from './claim-controller.ts';
import { volumeBinder } from './volume-controller.ts';

const STEPS = 120;

const volume = (name: string, storage: string) =>
  ({
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'disk',
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: `/srv/${name}` },
    },
    status: { phase: 'Pending' },
  }) as unknown as New<PersistentVolume>;

const claim = (name: string, storage: string) =>
  ({
    metadata: { name, namespace: 'ns' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'disk', resources: { requests: { storage } } },
    status: { phase: 'Pending' },
  }) as unknown as New<PersistentVolumeClaim>;

/** Of what is bound, each is bound to what is bound to it alone. */
function assertPairs({ server }: Simulation, when: string): void {
  const seen = new Map<string, string>();
  for (const { metadata, spec } of server.stored(persistentvolumeclaims)) {
    const name = spec.volumeName;
    if (name === undefined || name === '') continue;
    assert.ok(!seen.has(name), `${when}: ${name} is for ${seen.get(name)} and ${metadata.name}`);
    seen.set(name, metadata.name);
    const kept = server.stored(persistentvolumes).find((each) => each.metadata.name === name);
    if (kept !== undefined)
      assert.equal(kept.spec.claimRef?.uid, metadata.uid, `${when}: ${name} is kept for another than ${metadata.name}`);
  }
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([claimBinder, volumeBinder], seed);
  const { client, server, below } = world;
  for (let step = 0; step < STEPS; step++) {
    const someClaim = world.pick(server.stored(persistentvolumeclaims));
    const released = world.pick(server.stored(persistentvolumes).filter(({ status }) => status.phase === 'Released'));
    switch (below(12)) {
      case 0:
      case 1:
        await client.create(persistentvolumes, volume(`v${step}`, `${1 + below(3)}Gi`));
        break;
      case 2:
      case 3:
      case 4:
        await client.create(persistentvolumeclaims, claim(`c${step}`, `${1 + below(3)}Gi`));
        break;
      case 5:
        if (someClaim !== undefined) await client.delete(persistentvolumeclaims, someClaim.metadata);
        break;
      case 6:
        // Somebody makes a released volume free again.
        if (released !== undefined)
          await client.patch(persistentvolumes, released.metadata, { type: 'merge', body: { spec: { claimRef: null } } });
        break;
      case 7:
        server.failNext({ verb: 'update', resource: 'persistentvolumes' }, conflict(persistentvolumes, 'v', 'changed'), below(3));
        server.failNext({ verb: 'update', resource: 'persistentvolumeclaims' }, tooManyRequests('busy', 0), below(4));
        break;
      case 8:
        server.breakWatches();
        break;
      case 9:
        await world.restart();
        break;
      case 10:
        world.hold(below(2) === 0 ? 'persistentvolumes' : 'persistentvolumeclaims');
        break;
      default:
        world.catchUp();
    }
    for (let turn = below(8); turn >= 0; turn--) {
      await world.turns(1);
      assertPairs(world, `seed ${seed}, step ${step}`);
    }
  }
  await world.quiet();
  assertPairs(world, `seed ${seed}, at the end`);
  const claims = server.stored(persistentvolumeclaims);
  const free = server.stored(persistentvolumes).filter(({ spec }) => spec.claimRef === undefined);
  const gigabytes = (storage: unknown): number => Number.parseInt(String(storage));
  assert.ok(
    claims.some(({ status }) => status.phase === 'Bound'),
    'some claim is bound',
  );
  for (const { metadata, spec, status } of claims)
    if (status.phase === 'Pending')
      assert.ok(
        free.every((each) => gigabytes(each.spec.capacity?.['storage']) < gigabytes(spec.resources?.requests?.['storage'])),
        `seed ${seed}: ${metadata.name} waits, and there is a volume for it`,
      );
  return endAtRest(world);
}

for (let seed = 1; seed <= 4; seed++)
  test(`no volume is for two claims, whatever happens (seed ${seed})`, async () => void (await run(seed)));

test('a run of the volume binder is replayed by its seed to the same requests', () => assertReplays(run));
