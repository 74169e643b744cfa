import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { byteOrder, goSortedJson } from '#apimachinery/go-format.ts';
import { isPodAvailable } from '#api/pods.ts';
import { pods, statefulsets } from '#api/resources.ts';
import type { New, StatefulSet } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { HASH_LABEL, newRevision, sameData, templateOf } from '../runtime/history-plan.ts';
import { isInRange, ordinalOf, STATEFUL_SET_KIND } from './identity.ts';
import { reconcileStatefulSet } from './reconcile.ts';
import { startController } from '../testing.ts';
import { simulate } from '../testing/simulation.ts';
import { statefulSetController } from './controller.ts';
import { statefulSet, template, World } from './testing.ts';

const pass = async (world: World): Promise<readonly string[]> => {
  world.log.length = 0;
  await reconcileStatefulSet('ns/db', world.deps());
  return [...world.log];
};

/** Passes, each with every pod made ready before, until nothing is left to do. */
async function settle(world: World): Promise<readonly string[]> {
  const all: string[] = [];
  for (;;) {
    const before = world.writes;
    all.push(...(await pass(world)));
    let moved = world.writes > before;
    for (const [name, { metadata, status }] of world.pods) {
      if (metadata.deletionTimestamp !== undefined) world.end(name);
      else if (status.phase === 'Pending') world.run(name);
      else continue;
      moved = true;
    }
    if (!moved) return all;
  }
}

const image = (world: World, name: string): string | undefined => world.pods.get(name)?.spec.containers[0]?.image;

test('a StatefulSet creates its pods one after the other, each when the one before is ready', async () => {
  const world = new World(statefulSet());
  assert.deepEqual(await pass(world), ['create db-0']);
  assert.deepEqual(await pass(world), []);
  world.run('db-0', false);
  assert.deepEqual(await pass(world), []);
  world.run('db-0');
  assert.deepEqual(await pass(world), ['create db-1']);
  const { metadata, spec } = world.pods.get('db-1') ?? assert.fail();
  assert.deepEqual([spec.hostname, spec.subdomain], ['db-1', 'db']);
  assert.deepEqual([metadata.labels?.[LABEL.statefulSetPodName], metadata.labels?.[LABEL.podIndex]], ['db-1', '1']);
});

test('a parallel StatefulSet creates and removes all at once', async () => {
  const world = new World(statefulSet({ podManagementPolicy: 'Parallel' }));
  assert.deepEqual(await pass(world), ['create db-0', 'create db-1', 'create db-2']);
  await settle(world);
  world.set = { ...world.set, spec: { ...world.set.spec, replicas: 0 } };
  assert.deepEqual(await pass(world), ['delete db-2', 'delete db-1', 'delete db-0']);
});

test('scaling down ends the highest ordinal first, and waits for it', async () => {
  const world = new World(statefulSet());
  await settle(world);
  world.set = { ...world.set, spec: { ...world.set.spec, replicas: 1 } };
  assert.deepEqual(await pass(world), ['delete db-2']);
  assert.deepEqual(await pass(world), []);
  world.end('db-2');
  assert.deepEqual(await pass(world), ['delete db-1']);
});

test('scaling down waits while another pod is not ready', async () => {
  const world = new World(statefulSet());
  await settle(world);
  world.run('db-0', false);
  world.set = { ...world.set, spec: { ...world.set.spec, replicas: 2 } };
  assert.deepEqual(await pass(world), []);
});

test('ordinals begin where the set says', async () => {
  const world = new World(statefulSet({ replicas: 2, ordinals: { start: 5 } }));
  assert.deepEqual(await settle(world), ['create db-5', 'create db-6']);
  world.set = { ...world.set, spec: { ...world.set.spec, ordinals: { start: 6 } } };
  assert.deepEqual(await settle(world), ['create db-7', 'delete db-5']);
});

test('a failed pod is replaced under its name', async () => {
  const world = new World(statefulSet());
  await settle(world);
  const before = world.pods.get('db-1')?.metadata.uid;
  world.fail('db-1');
  assert.deepEqual(await settle(world), ['delete db-1', 'create db-1']);
  assert.notEqual(world.pods.get('db-1')?.metadata.uid, before);
});

test('a rolling update replaces the highest ordinal first, down to the partition, and names what it made', async () => {
  const world = new World(statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }));
  await settle(world);
  const first = world.set.status.currentRevision;
  world.set = { ...world.set, spec: { ...world.set.spec, template: template('v2') } };
  assert.deepEqual(await settle(world), ['delete db-2', 'create db-2', 'delete db-1', 'create db-1']);
  assert.deepEqual([image(world, 'db-0'), image(world, 'db-1')], ['v1', 'v2']);
  assert.deepEqual([world.set.status.currentReplicas, world.set.status.updatedReplicas], [1, 2]);
  assert.equal(world.set.status.currentRevision, first);
  assert.notEqual(world.set.status.updateRevision, first);

  world.fail('db-0');
  await settle(world);
  assert.equal(image(world, 'db-0'), 'v1', 'below the partition a pod comes back as it was');

  world.set = { ...world.set, spec: { ...world.set.spec, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } } };
  assert.deepEqual(await settle(world), ['delete db-0', 'create db-0']);
  assert.equal(world.set.status.currentRevision, world.set.status.updateRevision);
});

test('without maxUnavailable a rolling update of a parallel set takes the highest pod though all are broken, and waits for it', async () => {
  const world = new World(statefulSet({ podManagementPolicy: 'Parallel' }));
  await settle(world);
  for (const name of ['db-0', 'db-1', 'db-2']) world.run(name, false);
  world.set = { ...world.set, spec: { ...world.set.spec, template: template('v2') } };
  assert.deepEqual(await pass(world), ['delete db-2']);
  assert.deepEqual(await pass(world), []);
  world.end('db-2');
  assert.deepEqual(await pass(world), ['create db-2']);
  assert.deepEqual(await pass(world), []);
  world.run('db-2', true);
  assert.deepEqual(await pass(world), ['delete db-1']);
});

test('a rolling update takes as many pods at a time as may be unavailable', async () => {
  const world = new World(
    statefulSet({
      replicas: 5,
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: '50%' } },
    }),
  );
  await settle(world);
  world.set = { ...world.set, spec: { ...world.set.spec, template: template('v2') } };
  assert.deepEqual(await pass(world), ['delete db-4', 'delete db-3']);
  assert.deepEqual(await pass(world), []);
});

for (const [gates, allowed] of [
  ['', ['db-2']],
  ['MaxUnavailableStatefulSet=true', []],
] as const) {
  test(`while no pod is well, an update takes ${allowed.join() || 'none'} with the gates ${gates || 'as they are'}`, async () => {
    const world = await simulate([statefulSetController], 1, { gates });
    const { client, server } = world;
    const { metadata: _, status: __, ...rest } = statefulSet({ podManagementPolicy: 'Parallel' });
    await client.create(statefulsets, { ...rest, metadata: { name: 'db', namespace: 'ns' } } as New<StatefulSet>);
    await world.quiet();
    await client.patch(statefulsets, { name: 'db', namespace: 'ns' }, { type: 'merge', body: { spec: { template: template('v2') } } });
    await world.quiet();
    assert.deepEqual(
      server.actions.flatMap(({ verb, resource, name }) => (verb === 'delete' && resource === 'pods' ? [name] : [])),
      allowed,
    );
    await world.stop();
  });
}

test('OnDelete leaves pods as they are until somebody deletes them', async () => {
  const world = new World(statefulSet({ updateStrategy: { type: 'OnDelete' } }));
  await settle(world);
  world.set = { ...world.set, spec: { ...world.set.spec, template: template('v2') } };
  assert.deepEqual(await settle(world), []);
  world.end('db-1');
  assert.deepEqual(await settle(world), ['create db-1']);
  assert.equal(image(world, 'db-1'), 'v2');
});

test('a template that comes back gets its revision back, as the newest; the history has its limit', async () => {
  const world = new World(statefulSet({ replicas: 1, revisionHistoryLimit: 1 }));
  await settle(world);
  for (const version of ['v2', 'v3', 'v1']) {
    world.set = { ...world.set, spec: { ...world.set.spec, template: template(version) } };
    await settle(world);
  }
  const held = world.revisions.map((revision) => `${revision.revision} ${templateOf(revision).spec.containers[0]?.image}`);
  assert.deepEqual(held.toSorted(byteOrder), ['3 v3', '4 v1']);
});

test('newRevision stores upstream’s bytes and hashes them as upstream does', () => {
  const { data, metadata } = newRevision(statefulSet({ template: template('a<b') }), STATEFUL_SET_KIND, {
    revision: 1,
    collisionCount: 0,
    hashLabel: HASH_LABEL,
  });
  assert.equal(
    goSortedJson(data),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"db"}},"spec":{"containers":[{"image":"a\\u003cb","name":"c"}]}}}}',
  );
  assert.equal(metadata?.name, `db-${metadata?.labels?.['controller.kubernetes.io/hash']}`);
  const older = { ...templateOf({ data }), metadata: { creationTimestamp: null, labels: { app: 'db' } } };
  assert.ok(sameData({ spec: { template: older } }, { spec: { template: templateOf({ data }) } }));
});

const claims = {
  volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
  persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
};

test('each replica has claims of its own, which outlive its pod but not its ordinal when the policy says so', async () => {
  const world = new World(statefulSet({ replicas: 2, ...claims }));
  assert.deepEqual(await settle(world), ['create claim data-db-0', 'create db-0', 'create claim data-db-1', 'create db-1']);
  assert.equal(world.pods.get('db-0')?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, 'data-db-0');
  assert.deepEqual(world.claims.get('data-db-0')?.metadata.ownerReferences?.[0]?.kind, 'StatefulSet');
  world.fail('db-1');
  assert.deepEqual(await settle(world), ['delete db-1', 'create db-1']);

  world.set = { ...world.set, spec: { ...world.set.spec, replicas: 1 } };
  assert.deepEqual(await settle(world), ['own claim data-db-1: Pod/db-1', 'delete db-1']);
  assert.deepEqual([...world.claims.keys()], ['data-db-0']);
});

test('claims that nobody owned get the owners that the policy asks for, when it does', async () => {
  const policy = (whenDeleted: string, whenScaled: string) => ({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
  const world = new World(statefulSet({ ...claims, ...policy('Retain', 'Delete') }));
  await settle(world);
  assert.ok([...world.claims.values()].every(({ metadata }) => metadata.ownerReferences === undefined));
  world.set = { ...world.set, spec: { ...world.set.spec, replicas: 2 } };
  assert.deepEqual(await settle(world), ['own claim data-db-2: Pod/db-2', 'delete db-2']);
  assert.deepEqual([...world.claims.keys()], ['data-db-0', 'data-db-1']);

  world.set = { ...world.set, spec: { ...world.set.spec, ...policy('Delete', 'Retain') } } as typeof world.set;
  assert.deepEqual(await settle(world), ['own claim data-db-0: StatefulSet/db', 'own claim data-db-1: StatefulSet/db']);
  world.set = { ...world.set, spec: { ...world.set.spec, ...policy('Retain', 'Retain') } } as typeof world.set;
  assert.deepEqual(await settle(world), ['own claim data-db-0: ', 'own claim data-db-1: ']);
  assert.deepEqual(await settle(world), []);
});

test('a pending pod gets a claim that was lost', async () => {
  const world = new World(statefulSet({ replicas: 1, ...claims }));
  await pass(world);
  world.claims.clear();
  assert.deepEqual(await pass(world), ['create claim data-db-0']);
});

test('minReadySeconds holds the next pod back, and says when to look again', async () => {
  const world = new World(statefulSet({ minReadySeconds: 10 }));
  await pass(world);
  world.run('db-0');
  assert.deepEqual(await reconcileStatefulSet('ns/db', world.deps()), { afterMs: 10_000 });
  assert.equal(world.set.status.availableReplicas, 0);
  world.now += 10_000;
  assert.deepEqual(await pass(world), ['create db-1']);
});

/** Random scaling, updates, failures and losses; what must hold holds after every step, and at rest all is as wanted. */
for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`whatever happens, no two pods of one ordinal and never more down than allowed (seed ${seed})`, async () => {
    const ids = seededIds(seed);
    const below = (n: number): number => Math.floor(ids.fraction() * n);
    const parallel = seed % 2 === 0;
    const world = new World(
      statefulSet({
        podManagementPolicy: parallel ? 'Parallel' : 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 + (seed % 3) } },
        ...claims,
      }),
    );
    const available = (): number =>
      [...world.pods.values()].filter(
        (pod) =>
          isInRange(world.set, ordinalOf(pod) ?? -1) && pod.metadata.deletionTimestamp === undefined && isPodAvailable(pod, 0, world.now),
      ).length;
    for (let step = 0; step < 300; step++) {
      const names = [...world.pods.keys()];
      const name = names[below(names.length)];
      switch (below(8)) {
        case 0:
          world.set = { ...world.set, spec: { ...world.set.spec, replicas: below(6) } };
          break;
        case 1:
          world.set = { ...world.set, spec: { ...world.set.spec, template: template(`v${below(3)}`) } };
          break;
        case 2:
          if (name !== undefined) world.fail(name);
          break;
        case 3:
          if (name !== undefined) world.end(name);
          break;
        default:
          if (name !== undefined && world.pods.get(name)?.metadata.deletionTimestamp !== undefined) world.end(name);
          else if (name !== undefined && world.pods.get(name)?.status.phase === 'Pending') world.run(name);
      }
      const before = available();
      const log = await pass(world);
      const updated = log.filter((line) => /^delete/.test(line) && isInRange(world.set, Number(line.split('-').at(-1)))).length;
      const allowed = 1 + (seed % 3);
      const down = world.set.spec.replicas - available();
      if (before > available()) assert.ok(down <= allowed, `${down} of ${world.set.spec.replicas} down after ${log.join(', ')}`);
      assert.ok(updated <= Math.max(allowed, parallel ? world.pods.size : 1));
      if (!parallel) assert.ok(log.filter((line) => /^create db/.test(line)).length <= 1, 'one at a time');
    }
    await settle(world);
    assert.deepEqual(
      [...world.pods.keys()].toSorted(),
      Array.from({ length: world.set.spec.replicas }, (_, ordinal) => `db-${ordinal}`),
    );
    const wanted = world.set.spec.template.spec.containers[0]?.image;
    assert.ok([...world.pods.values()].every((pod) => pod.spec.containers[0]?.image === wanted));
    const writes = world.writes;
    await pass(world);
    assert.equal(world.writes, writes, 'at rest nothing is written');
  });
}

test('conflicts, refusals and lost answers on the way lead to the same pods, each made once', async () => {
  const { client, server, until, stop } = await startController(statefulSetController);
  const busy = tooManyRequests('the server is busy', 0);
  server.failNext({ verb: 'create', resource: 'pods' }, busy, 3);
  server.failNext({ verb: 'create', resource: 'controllerrevisions' }, busy, 2);
  server.failNext({ verb: 'update', resource: 'statefulsets' }, conflict(statefulsets, 'db', 'changed'), 4);
  const { metadata: _, status: __, ...rest } = statefulSet({ podManagementPolicy: 'Parallel' });
  await client.create(statefulsets, { ...rest, metadata: { name: 'db', namespace: 'ns' } } as New<StatefulSet>);
  await until(async () => ((await client.list(pods)).items.length === 3 ? true : undefined));
  server.breakWatches();
  await client.delete(pods, { name: 'db-1', namespace: 'ns' });
  await until(async () => {
    const { status } = await client.get(statefulsets, { name: 'db', namespace: 'ns' });
    return (await client.list(pods)).items.length === 3 && status.replicas === 3 ? true : undefined;
  });
  await stop();
  const made = server.writes().filter((line) => line.startsWith('create pods'));
  assert.ok(made.length <= 8, made.join(', '));
  assert.ok(server.writes().filter((line) => line.startsWith('update statefulsets')).length <= 12);
});
