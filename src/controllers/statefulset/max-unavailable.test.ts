// Source: stateful_set_control_test.go TestStatefulSetControlRollingUpdateWithMaxUnavailable,
// …InOrderedModeVerifyInvariant, TestStatefulSetControlRollingUpdateBlockByMaxUnavailable.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '#apimachinery/time.ts';
import { reconcileStatefulSet } from './reconcile.ts';
import { NOW, statefulSet, template, World } from './testing.ts';

const pass = async (world: World): Promise<readonly string[]> => {
  world.log.length = 0;
  await reconcileStatefulSet('ns/db', world.deps());
  return [...world.log];
};

/** Six replicas of the old template, all ready, of which the upper three may be updated, two at a time. */
async function sixToUpdate(podManagementPolicy: 'OrderedReady' | 'Parallel', maxUnavailable: number | string = 2): Promise<World> {
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 3, maxUnavailable } };
  const world = new World(statefulSet({ replicas: 6, podManagementPolicy, updateStrategy }));
  for (let ordinal = 0; ordinal < 6; ordinal++) {
    await pass(world);
    world.run(`db-${ordinal}`);
  }
  await pass(world);
  world.set = { ...world.set, spec: { ...world.set.spec, template: template('v2') } };
  return world;
}

function terminate(world: World, ordinal: number): void {
  const pod = world.pods.get(`db-${ordinal}`) ?? assert.fail();
  world.pods.set(`db-${ordinal}`, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: formatTime(NOW) } });
}

for (const terminating of [[], [5], [3], [4], [5, 4], [5, 3], [4, 3], [5, 4, 3], [2], [1]]) {
  const allowed = Math.max(0, 2 - terminating.length);
  test(`with ${terminating.join() || 'none'} of six terminating, an update of a parallel set takes ${allowed} more`, async () => {
    const world = await sixToUpdate('Parallel');
    for (const ordinal of terminating) terminate(world, ordinal);
    const expected = [5, 4, 3].filter((ordinal) => !terminating.includes(ordinal)).slice(0, allowed);
    assert.deepEqual(
      await pass(world),
      expected.map((ordinal) => `delete db-${ordinal}`),
    );
  });

  test(`with ${terminating.join() || 'none'} of six terminating, an ordered set ${terminating.length === 0 ? 'takes two' : 'waits'}`, async () => {
    const world = await sixToUpdate('OrderedReady');
    for (const ordinal of terminating) terminate(world, ordinal);
    assert.deepEqual(await pass(world), terminating.length === 0 ? ['delete db-5', 'delete db-4'] : []);
  });
}

for (const { maxUnavailable, takes } of [
  { maxUnavailable: 3, takes: 3 },
  { maxUnavailable: 10, takes: 3 },
  { maxUnavailable: '50%', takes: 3 },
  { maxUnavailable: '34%', takes: 2 },
  { maxUnavailable: '1%', takes: 1 },
])
  test(`of six with a maxUnavailable of ${maxUnavailable}, an update takes ${takes}`, async () => {
    const world = await sixToUpdate('Parallel', maxUnavailable);
    assert.equal((await pass(world)).length, takes);
  });

test('pods that are not ready or not available yet count as unavailable, wherever they are', async () => {
  const world = await sixToUpdate('Parallel');
  world.run('db-0', false);
  assert.deepEqual(await pass(world), ['delete db-5']);
  world.end('db-5');
  assert.deepEqual(await pass(world), ['create db-5'], 'the other one still is not ready');
  world.run('db-5');
  assert.deepEqual(await pass(world), ['delete db-4']);
});

test('an ordered set makes anew what an update took one by one, and takes the rest when both are ready', async () => {
  const world = await sixToUpdate('OrderedReady');
  assert.deepEqual(await pass(world), ['delete db-5', 'delete db-4']);
  world.end('db-5');
  assert.deepEqual(await pass(world), [], 'the one below it is still ending');
  world.end('db-4');
  assert.deepEqual(await pass(world), ['create db-4']);
  assert.deepEqual(await pass(world), []);
  world.run('db-4');
  assert.deepEqual(await pass(world), ['create db-5']);
  world.run('db-5');
  assert.deepEqual(await pass(world), ['delete db-3']);
  world.end('db-3');
  assert.deepEqual(await pass(world), ['create db-3']);
  world.run('db-3');
  assert.deepEqual(await pass(world), []);
  assert.deepEqual([world.set.status.updatedReplicas, world.set.status.currentReplicas], [3, 3]);
});
