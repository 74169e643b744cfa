// A whole CronJob controller, told by a seed what happens: no time is run twice, and what may not run together does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { cronjobs, jobs } from '#api/resources.ts';
import type { CronJob, Job, New } from '#api/types.ts';
import { assertReplays, endAtRest, type Simulation, simulate } from '../testing/simulation.ts';
import { cronJobController } from './controller.ts';

const REF = { name: 'backup', namespace: 'ns' };
const POLICIES = ['Allow', 'Forbid', 'Replace'] as const;
const STEPS = 120;

const cronJob = (concurrencyPolicy: string) =>
  ({
    metadata: REF,
    spec: {
      schedule: '*/2 * * * *',
      timeZone: 'UTC',
      concurrencyPolicy,
      suspend: false,
      successfulJobsHistoryLimit: 2,
      failedJobsHistoryLimit: 1,
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v' }] } } } },
    },
    status: {},
  }) as unknown as New<CronJob>;

const ended = ({ status }: Job): string | undefined =>
  status?.conditions?.find(({ type }) => type === 'Complete' || type === 'Failed')?.type;
const current = ({ server }: Simulation): CronJob => server.stored(cronjobs)[0] as CronJob;

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([cronJobController], seed);
  const { client, server, clock, below } = world;
  const policy = POLICIES[seed % 3] ?? 'Allow';
  await client.create(cronjobs, cronJob(policy));
  const violations: string[] = [];
  const made = new Set<string>();
  server.react({ verb: 'create', resource: 'jobs' }, ({ body }) => {
    const { name, annotations } = (body as Job).metadata;
    const time = annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'] ?? '';
    if (Date.parse(time) > clock.now()) violations.push(`${name} is made before ${time}`);
    if (server.stored(jobs).some(({ metadata }) => metadata.name === name)) return undefined; // tried again, and refused
    if (made.has(name)) violations.push(`${name} is made twice`);
    const running = server.stored(jobs).filter((job) => ended(job) === undefined);
    if (policy !== 'Allow' && running.length > 0) violations.push(`${name} is made beside ${running.length} that run`);
    return undefined;
  });

  for (let step = 0; step < STEPS; step++) {
    switch (below(14)) {
      case 0:
        await client.patch(cronjobs, REF, { type: 'merge', body: { spec: { suspend: below(2) === 0 } } });
        break;
      case 1:
        server.failNext({ verb: 'create', resource: 'jobs' }, tooManyRequests('busy', 0), below(3));
        server.failNext({ verb: 'delete', resource: 'jobs' }, tooManyRequests('busy', 0), below(2));
        break;
      case 2:
        server.failNext({ verb: 'update', resource: 'cronjobs' }, conflict(cronjobs, 'backup', 'changed'), below(3));
        break;
      case 3:
        server.breakWatches();
        break;
      case 4:
        await world.restart();
        break;
      case 5:
        world.hold('jobs');
        break;
      case 6:
        world.catchUp();
        break;
      case 7:
      case 8:
      case 9: {
        const job = world.pick(server.stored(jobs).filter((each) => ended(each) === undefined));
        if (job === undefined) break;
        const [type, time] = [below(3) === 0 ? 'Failed' : 'Complete', formatTime(clock.now())];
        server.change(jobs, job.metadata.name, 'ns', (each) => ({
          ...each,
          status: {
            ...each.status,
            completionTime: time,
            conditions: [{ type, status: 'True', lastTransitionTime: time, lastProbeTime: time }],
          },
        }));
        break;
      }
      default:
        clock.advance(1000 * below(180));
    }
    await world.turns(below(30));
    for (const { metadata } of server.stored(jobs)) made.add(metadata.name);
    assert.deepEqual(violations, [], `seed ${seed}, step ${step}`);
  }
  await client.patch(cronjobs, REF, { type: 'merge', body: { spec: { suspend: true } } });
  await world.quiet();
  // A deletion that was refused is tried again at the next pass, and suspended nothing brings one.
  for (let pass = 0; pass < 20; pass++) {
    await client.patch(cronjobs, REF, { type: 'merge', body: { metadata: { annotations: { pass: `${pass}` } } } });
    await world.quiet();
  }
  const of = (type: string | undefined): readonly Job[] => server.stored(jobs).filter((job) => ended(job) === type);
  assert.ok(made.size > 2, 'Jobs were made');
  assert.ok(of('Complete').length <= 2 && of('Failed').length <= 1, 'no more history is kept than is wanted');
  assert.deepEqual(
    (current(world).status.active ?? []).map(({ name }) => `${name}`).toSorted(),
    of(undefined)
      .map(({ metadata }) => metadata.name)
      .toSorted(),
  );
  return endAtRest(world);
}

for (let seed = 1; seed <= 6; seed++)
  test(`a CronJob runs each time once, and together only what may be (seed ${seed})`, async () => void (await run(seed)));

test('a run of a CronJob is replayed by its seed to the same requests', () => assertReplays(run));
