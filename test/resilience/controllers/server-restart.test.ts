// The API server ends and comes back while all controllers are at work: they reach nobody for a while, hear late of what was
// done meanwhile, and make nothing twice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodActive } from '#api/pods.ts';
import { deployments, pods } from '#api/resources.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';
import { pass, settle, Traffic } from './traffic.ts';
import { allRun, createWorld, named, playKubelets, PODS, recordPods } from './world.ts';

const WANTED = Object.values(PODS).reduce((sum, count) => sum + count, 0);

const traffic = new Traffic();
let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS, between: traffic.between });
});
after(() => t.stop());

test('an API server that restarts again and again while workloads come up costs no pod twice', async () => {
  const ending = new AbortController();
  const born = recordPods(t, ending.signal);
  await createWorld(t);
  for (let i = 0; i < 4; i++) {
    await pass(t, 100);
    await t.restartServer(() => pass(t, 2_000));
    await playKubelets(t);
  }
  const names = await allRun(t);
  await settle(t, traffic);
  await t.until(async () => (names.every((name) => born.includes(name)) ? true : undefined));
  ending.abort(new Error('seen'));
  assert.equal(names.length, WANTED);
  assert.equal(born.length, WANTED, born.join(' '));
});

test('what was changed just before the server went is seen when it is back, and done once', async () => {
  traffic.clear();
  const before = await t.client.list(pods, { namespace: 'ns', labelSelector: 'app=web' });
  await t.client.patch(deployments, named('web'), { type: 'merge', body: { spec: { replicas: 6 } } });
  const [gone] = before.items;
  assert.ok(gone);
  await t.client.delete(pods, gone.metadata, { gracePeriodSeconds: 0 });
  await t.restartServer();
  const active = await t.until(async () => {
    const items = (await playKubelets(t)).filter((pod) => isPodActive(pod) && pod.metadata.labels?.['app'] === 'web');
    return items.length === 6 ? items : undefined;
  });
  await settle(t, traffic);
  assert.equal(active.length, 6);
  const made = traffic.writes.filter((line) => line.startsWith('create pods ns/'));
  assert.ok(made.length >= 3 && made.length <= 5, made.join('\n'));
  await t.client.patch(deployments, named('web'), { type: 'merge', body: { spec: { replicas: 4 } } });
  await allRun(t);
});

test('with the server away for an hour nothing is tried in circles, and nodes that were heard of no later are left alone', async () => {
  await settle(t, traffic);
  const names = await allRun(t);
  traffic.clear();
  await t.restartServer(async () => {
    for (let minute = 0; minute < 60; minute++) await pass(t, 60_000);
  });
  assert.ok(traffic.writes.length + traffic.reads < 3_000, `${traffic.writes.length} writes, ${traffic.reads} reads`);
  await playKubelets(t);
  await settle(t, traffic);
  assert.deepEqual(await allRun(t), names, 'no pod was evicted or made anew');
});
