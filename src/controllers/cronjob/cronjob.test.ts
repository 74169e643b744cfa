import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, isStatusError } from '#apimachinery/errors.ts';
import { parseCron } from '#apimachinery/cron.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { CronJob, Job } from '#api/types.ts';
import { seededIds } from '#base/ids.ts';
import { newJob } from './new-job.ts';
import { nextTime } from './next-time.ts';
import { planRun } from './plan.ts';
import { type Deps, reconcileCronJob } from './reconcile.ts';
import { Zone } from './zone.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

for (const [schedule, zone, after, expected] of [
  ['* * * * *', 'UTC', '2026-01-01T12:00:00Z', '2026-01-01T12:01:00Z'],
  ['* * * * *', 'UTC', '2026-01-01T12:00:59Z', '2026-01-01T12:01:00Z'],
  ['*/15 * * * *', 'UTC', '2026-01-01T12:45:00Z', '2026-01-01T13:00:00Z'],
  ['30 9 * * 1-5', 'UTC', '2026-01-02T09:30:00Z', '2026-01-05T09:30:00Z'],
  ['0 0 13 * 5', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'], // the 13th or a Friday
  ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
  ['59 23 31 2 *', 'UTC', '2026-01-01T00:00:00Z', undefined],
  ['@every 90s', 'UTC', '2026-01-01T12:00:00Z', '2026-01-01T12:01:30Z'],
  ['@monthly', 'UTC', '2026-12-05T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['0 9 * * *', 'Asia/Tokyo', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['30 5 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  // The clock goes from 2 to 3 on 8 March 2026, and from 2 back to 1 on 1 November.
  ['30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', '2026-03-09T06:30:00Z'],
  ['0 * * * *', 'America/New_York', '2026-03-08T06:30:00Z', '2026-03-08T07:00:00Z'],
  ['30 1 * * *', 'America/New_York', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z'],
  ['0 0 * * *', 'America/New_York', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z'],
  // Midnight does not exist on 26 March 2023.
  ['0 * * * *', 'Asia/Beirut', '2023-03-25T21:30:00Z', '2023-03-25T22:00:00Z'],
  ['0 12 * * *', 'Asia/Beirut', '2023-03-25T12:00:00Z', '2023-03-26T09:00:00Z'],
] as const) {
  test(`nextTime of ${schedule} in ${zone} after ${after}`, () => {
    const next = nextTime(parseCron(schedule), Date.parse(after), Zone.named(zone));
    assert.equal(next === undefined ? undefined : formatTime(next), expected);
  });
}

function cronJob(spec: Partial<CronJob['spec']> = {}, status: CronJob['status'] = {}, created = NOON): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'backup', namespace: 'ns', uid: 'cron', resourceVersion: '1', creationTimestamp: formatTime(created) },
    spec: {
      schedule: '*/10 * * * *',
      timeZone: 'UTC',
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { a: 'b' } }, spec: {} as Job['spec'] },
      ...spec,
    },
    status,
  };
}

const MINUTE = 60_000;
const running = [{ name: 'backup-1', namespace: 'ns', uid: 'j1' }];

for (const c of [
  { name: 'waits for the first time', job: cronJob(), now: NOON + 4 * MINUTE, next: 6 * MINUTE + 100 },
  { name: 'starts what is due', job: cronJob(), now: NOON + 10 * MINUTE + 100, start: NOON + 10 * MINUTE, next: 10 * MINUTE },
  {
    name: 'starts only the last of those missed',
    job: cronJob(),
    now: NOON + 35 * MINUTE,
    start: NOON + 30 * MINUTE,
    next: 5 * MINUTE + 100,
  },
  {
    name: 'starts no time twice',
    job: cronJob({}, { lastScheduleTime: formatTime(NOON + 30 * MINUTE) }),
    now: NOON + 35 * MINUTE,
    next: 5 * MINUTE + 100,
  },
  {
    name: 'tells of more than a hundred missed',
    job: cronJob(),
    now: NOON + 1011 * MINUTE,
    start: NOON + 1010 * MINUTE,
    next: 9 * MINUTE + 100,
    says: 'TooManyMissedTimes',
  },
  {
    name: 'starts nothing beyond its deadline',
    job: cronJob({ startingDeadlineSeconds: 30 }),
    now: NOON + 11 * MINUTE,
    next: 9 * MINUTE + 100,
  },
  {
    name: 'is on time within its deadline',
    job: cronJob({ startingDeadlineSeconds: 90 }),
    now: NOON + 11 * MINUTE,
    start: NOON + 10 * MINUTE,
    next: 9 * MINUTE + 100,
  },
  {
    name: 'lets nothing run beside another when that is forbidden',
    job: cronJob({ concurrencyPolicy: 'Forbid' }, { active: running }),
    now: NOON + 10 * MINUTE,
    next: 10 * MINUTE + 100,
    says: 'JobAlreadyActive',
  },
  { name: 'rests while suspended', job: cronJob({ suspend: true }), now: NOON + 10 * MINUTE },
  { name: 'tells of an unknown zone', job: cronJob({ timeZone: 'Mars/Olympus' }), now: NOON, says: 'UnknownTimeZone' },
  { name: 'tells of a schedule that is none', job: cronJob({ schedule: '61 * * * *' }), now: NOON, says: 'UnparseableSchedule' },
  { name: 'tells of a schedule that is never due', job: cronJob({ schedule: '0 0 31 2 *' }), now: NOON, says: 'InvalidSchedule' },
  {
    name: 'follows a zone within the schedule',
    job: cronJob({ schedule: 'TZ=Asia/Tokyo 10 21 * * *', timeZone: undefined as never }),
    now: NOON + 10 * MINUTE,
    start: NOON + 10 * MINUTE,
    next: 24 * 60 * MINUTE + 100,
    says: 'UnsupportedSchedule',
  },
] as readonly {
  readonly name: string;
  readonly job: CronJob;
  readonly now: number;
  readonly start?: number;
  readonly next?: number;
  readonly says?: string;
}[]) {
  test(`planRun ${c.name}`, () => {
    const { start, nextInMs, notices } = planRun(c.job, c.now);
    assert.deepEqual([start, nextInMs, notices.map(({ reason }) => reason)], [c.start, c.next, c.says === undefined ? [] : [c.says]]);
  });
}

test('newJob is named by its minute and says in the CronJob’s own zone when it was due', () => {
  const { metadata } = newJob(cronJob({ timeZone: 'Asia/Tokyo' }), NOON);
  assert.equal(metadata?.name, `backup-${NOON / MINUTE}`);
  assert.deepEqual(metadata.annotations, { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T21:00:00+09:00' });
  assert.deepEqual(metadata.labels, { a: 'b' });
});

/** Through refused writes, crashes, Jobs that end and vanish, and informers that lag: no minute has two Jobs, none runs beside another where that is forbidden. */
for (const concurrencyPolicy of ['Allow', 'Forbid', 'Replace'] as const) {
  test(`a CronJob with policy ${concurrencyPolicy} starts no minute twice`, async () => {
    for (let seed = 1; seed <= 30; seed++) await runModel(concurrencyPolicy, seed);
  });
}

async function runModel(concurrencyPolicy: CronJob['spec']['concurrencyPolicy'], seed: number): Promise<void> {
  const ids = seededIds(seed);
  const pick = (below: number): number => Math.floor(ids.fraction() * below);
  let now = NOON;
  let refusals = 0;
  let version = 1;
  let server = cronJob({ schedule: '* * * * *', concurrencyPolicy, successfulJobsHistoryLimit: 1 });
  const jobs = new Map<string, Job>();
  let view: { cron: CronJob; jobs: readonly Job[] } = { cron: server, jobs: [] };
  const created: string[] = [];
  const write = (): void => {
    if (refusals === 0) return;
    refusals--;
    throw conflict({ group: 'batch', resource: 'cronjobs' }, 'backup', 'refused by the test');
  };
  const deps: Deps = {
    started: new Map(),
    now: () => now,
    event: () => undefined,
    find: () => view.cron,
    jobs: () => view.jobs,
    getCronJob: () => Promise.resolve(server),
    getJob: ({ name }) => Promise.resolve(jobs.get(name)),
    createJob: async (wanted) => {
      write();
      const name = wanted.metadata?.name as string;
      if (jobs.has(name)) throw Object.assign(conflict({ group: 'batch', resource: 'jobs' }, name, 'there'), { reason: 'AlreadyExists' });
      created.push(name);
      const job = {
        apiVersion: 'batch/v1',
        kind: 'Job',
        status: {},
        ...wanted,
        metadata: { ...wanted.metadata, uid: `${name}.${created.length}` },
      };
      jobs.set(name, job as unknown as Job);
      return job as unknown as Job;
    },
    deleteJob: async ({ metadata }) => {
      write();
      jobs.delete(metadata.name);
    },
    writeStatus: async (of, status) => {
      write();
      if (of.metadata.resourceVersion !== server.metadata.resourceVersion)
        throw conflict({ group: 'batch', resource: 'cronjobs' }, 'backup', 'newer');
      server = { ...server, status, metadata: { ...server.metadata, resourceVersion: String(++version) } };
    },
  };
  const unfinished = (): number => [...jobs.values()].filter(({ status }) => status.conditions === undefined).length;
  for (let step = 0; step < 300; step++) {
    const names = [...jobs.keys()];
    const name = names[pick(names.length)] ?? '';
    const job = jobs.get(name);
    switch (pick(7)) {
      case 0:
        now += pick(150) * 1000;
        break;
      case 1:
        refusals = pick(3);
        break;
      case 2: {
        const time = formatTime(now);
        const complete = { type: 'Complete', status: 'True', lastProbeTime: time, lastTransitionTime: time };
        if (job !== undefined) jobs.set(name, { ...job, status: { conditions: [complete], completionTime: time, startTime: time } });
        break;
      }
      case 3:
        // Somebody deletes a Job that its CronJob has noted down.
        if (server.status.active?.some((reference) => reference.name === name) === true) jobs.delete(name);
        break;
      case 4:
        // The controller comes back without memory, its informers with all there is.
        deps.started.clear();
        view = { cron: server, jobs: [...jobs.values()] };
        break;
      default:
        if (pick(3) > 0) view = { cron: server, jobs: [...jobs.values()] };
        try {
          await reconcileCronJob('ns/backup', deps);
        } catch (error) {
          const expected = isStatusError(error) || (error instanceof Error && error.message.startsWith('could not replace'));
          if (!expected) throw error;
        }
    }
    assert.equal(new Set(created).size, created.length, `seed ${seed}: ${created.join(' ')}`);
    if (concurrencyPolicy !== 'Allow') assert.ok(unfinished() <= 1, `seed ${seed}: ${unfinished()} at once`);
  }
  assert.ok(created.length > 3, `seed ${seed} started ${created.length}`);
}
