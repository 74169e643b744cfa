// The machine's clock is set forward and back under all controllers: what counts time between two events goes by a clock that
// nobody sets, so no pod is evicted, no node given up and no Job started for it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cronjobs, jobs, nodes, pods } from '#api/resources.ts';
import type { CronJob, New } from '#api/types.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { type ControllerTest, startControllerTest } from '../../harness/controllers.ts';
import { pass, settle, Traffic } from './traffic.ts';
import { allRun, createWorld, named, playKubelets, renewAll, template } from './world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const traffic = new Traffic();
let t: ControllerTest;
let names: readonly string[];
before(async () => {
  t = await startControllerTest({ controllers: CONTROLLERS, between: traffic.between });
  await createWorld(t);
  await allRun(t);
  await settle(t, traffic);
  names = await allRun(t);
});
after(() => t.stop());

/** A few minutes with kubelets at work. */
async function minutes(count: number): Promise<void> {
  for (let i = 0; i < count * 4; i++) {
    await pass(t, 15_000);
    await renewAll(t);
  }
}

const deletions = (): readonly string[] => traffic.writes.filter((line) => line.startsWith('delete'));

for (const jump of [HOUR_MS, -HOUR_MS, 30 * DAY_MS, -30 * DAY_MS, -7 * DAY_MS, 7 * DAY_MS]) {
  test(`a clock set by ${jump / HOUR_MS} h moves no pod, taints no node and starts nothing`, async () => {
    await minutes(1);
    traffic.clear();
    t.clock.jump(jump);
    await minutes(3);
    assert.deepEqual(deletions(), []);
    assert.deepEqual(
      traffic.writes.filter((line) => line.startsWith('create jobs') || line.startsWith('create pods')),
      [],
    );
    assert.ok(traffic.writes.length < 30, traffic.writes.join('\n'));
    for (const node of (await t.client.list(nodes)).items) assert.deepEqual(node.spec.taints ?? [], [], node.metadata.name);
    assert.deepEqual(await allRun(t), names);
  });
}

test('pods on a node that is silent stay as long as they may, however the clock is set meanwhile', async () => {
  const silent = { type: 'merge' as const, body: { spec: { taints: [{ key: 'example.test/out', effect: 'NoExecute' }] } } };
  const tolerations = [{ key: 'example.test/out', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }];
  const spec = { nodeName: 'n1', tolerations, containers: [{ name: 'c', image: 'i' }] };
  await t.client.create(pods, { metadata: named('stays'), spec } as never);
  await t.client.patch(nodes, { name: 'n1' }, silent);
  await pass(t, 1_000);
  traffic.clear();
  for (const jump of [HOUR_MS, -2 * HOUR_MS, HOUR_MS]) {
    t.clock.jump(jump);
    // The controller looks at the pod again.
    const taints = [...silent.body.spec.taints, { key: 'example.test/jumped', value: String(Math.abs(jump)), effect: 'NoSchedule' }];
    await t.client.patch(nodes, { name: 'n1' }, { type: 'merge', body: { spec: { taints } } });
    await minutes(1);
  }
  assert.ok(!deletions().includes('delete pods ns/stays'), deletions().join('\n'));
  await minutes(4);
  assert.ok(deletions().includes('delete pods ns/stays'), 'five minutes are over now');
  await t.client.patch(nodes, { name: 'n1' }, { type: 'merge', body: { spec: { taints: null } } });
  await playKubelets(t);
  names = await allRun(t);
});

test('a CronJob starts one Job for a time it reaches twice, and one for all the times it jumped over', async () => {
  const jobTemplate = { spec: { template: template('tick', { restartPolicy: 'Never' }) } };
  const spec = { schedule: '*/10 * * * *', concurrencyPolicy: 'Allow', jobTemplate };
  await t.client.create(cronjobs, { metadata: named('tick'), spec } as unknown as New<CronJob>);
  const started = async (): Promise<readonly string[]> =>
    (await t.client.list(jobs, { namespace: 'ns' })).items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('tick-'));
  await minutes(11);
  const before = await started();
  assert.ok(before.length >= 1 && before.length <= 2, before.join());
  t.clock.jump(-11 * 60_000);
  await minutes(11);
  assert.deepEqual(new Set(await started()), new Set([...before, ...(await started()).slice(-1)]), 'no time came twice');
  const count = (await started()).length;
  t.clock.jump(DAY_MS);
  await minutes(2);
  assert.ok((await started()).length <= count + 2, (await started()).join());
});
