import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cronjobs, jobs } from '#api/resources.ts';
import type { CronJob, Job, New } from '#api/types.ts';
import { cronJobController } from '#controllers/cronjob/controller.ts';
import { ttlAfterFinishedController } from '#controllers/ttl-after-finished/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
/** Of the clock between looks: a minute passes in twelve of them. */
const STEP = 5000;

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [cronJobController, ttlAfterFinishedController], now: NOON });
});
after(() => t.stop());

const jobTemplate = { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] } } } } as const;

const create = (name: string, spec: New<CronJob['spec']>) =>
  t.client.create(cronjobs, { metadata: { name, namespace: 'ns' }, spec: { schedule: '* * * * *', jobTemplate, ...spec } } as New<CronJob>);
const get = (name: string) => t.client.get(cronjobs, { name, namespace: 'ns' });
const remove = (name: string) => t.client.delete(cronjobs, { name, namespace: 'ns' }, { propagationPolicy: 'Orphan' });

const jobsOf = async (name: string): Promise<readonly Job[]> =>
  (await t.client.list(jobs, { namespace: 'ns' })).items.filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === name);

const until = <T>(look: () => Promise<T | undefined>) => t.until(look, STEP);
const count = (name: string, n: number) => until(async () => ((await jobsOf(name)).length >= n ? jobsOf(name) : undefined));

/** As the Job controller does. */
async function finish({ metadata }: Job, type: 'Complete' | 'Failed'): Promise<void> {
  const time = new Date(Math.floor(t.clock.now() / 1000) * 1000).toISOString().replace('.000', '');
  const of = (name: string) => ({ type: name, status: 'True', lastProbeTime: time, lastTransitionTime: time });
  const conditions = [of(type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'), of(type)];
  const status = { conditions, startTime: time, ...(type === 'Complete' ? { completionTime: time } : {}) };
  await t.client.patch(jobs, metadata, { type: 'merge', body: { status } }, { subresource: 'status' });
}

test('a CronJob starts a Job a minute, several at once where that is allowed', async () => {
  await create('many', {});
  const started = await count('many', 2);
  const minutes = started.map(({ metadata }) => Number(metadata.name.replace('many-', '')) * MINUTE);
  assert.ok(minutes.every((minute) => minute > NOON));
  assert.equal(
    started[0]?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'],
    new Date(minutes[0] as number).toISOString().replace('.000', ''),
  );
  const { status } = await until(async () => ((await get('many')).status.active?.length === started.length ? get('many') : undefined));
  assert.equal(Date.parse(status.lastScheduleTime as string), Math.max(...minutes));
  await remove('many');
});

test('a suspended CronJob starts nothing', async () => {
  await create('quiet', { suspend: true });
  await create('loud', {});
  await count('loud', 2);
  assert.deepEqual(await jobsOf('quiet'), []);
  await remove('loud');
});

test('Forbid lets a running Job finish first and Replace ends it', async () => {
  await create('one', { concurrencyPolicy: 'Forbid' });
  await create('newest', { concurrencyPolicy: 'Replace' });
  const [running] = (await count('one', 1)) as [Job];
  const [first] = (await count('newest', 1)) as [Job];
  await until(async () =>
    (await jobsOf('newest')).every(({ metadata }) => metadata.uid !== first.metadata.uid) ? count('newest', 1) : undefined,
  );
  assert.equal((await jobsOf('newest')).length, 1);
  assert.deepEqual(
    (await jobsOf('one')).map(({ metadata }) => metadata.uid),
    [running.metadata.uid],
  );
  const told = 'Normal JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid';
  assert.ok(t.events.includes(told));
  await finish(running, 'Complete');
  await count('one', 2);
  const done = await get('one');
  assert.ok(done.status.lastSuccessfulTime !== undefined);
  assert.ok(t.events.includes(`Normal SawCompletedJob Saw completed job: ${running.metadata.name}, condition: Complete`));
  for (const name of ['one', 'newest']) await remove(name);
});

test('finished Jobs beyond the limits are dropped, and no minute runs twice over restarts of the controller', async () => {
  await create('history', { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
  for (let run = 0; run < 5; run++) {
    const job = await until(async () => (await jobsOf('history')).find(({ status }) => status.conditions === undefined));
    await finish(job, run % 2 === 0 ? 'Complete' : 'Failed');
    await t.restart();
  }
  await until(async () =>
    (await jobsOf('history')).filter(({ status }) => status.conditions !== undefined).length <= 1 ? true : undefined,
  );
  const created = t.events.filter((event) => event.startsWith('Normal SuccessfulCreate Created job history-'));
  assert.ok(created.length >= 5);
  assert.equal(new Set(created).size, created.length);
  await remove('history');
});

test('a Job goes when its time after finishing is over, and not before', async () => {
  const job = await t.client.create(jobs, {
    metadata: { name: 'short', namespace: 'ns' },
    spec: { ttlSecondsAfterFinished: 30, ...jobTemplate.spec },
  } as New<Job>);
  await finish(job, 'Complete');
  const finished = t.clock.now();
  // Deleted in the foreground: it waits for its pods, whose garbage collector this test has not.
  await until(async () => ((await t.client.get(jobs, job.metadata)).metadata.deletionTimestamp === undefined ? undefined : true));
  assert.ok(t.clock.now() - finished >= 29_000);
  assert.deepEqual(t.warnings, []);
});
