// CronJobs as the minute turns, by the machine's own clock.
import assert from 'node:assert/strict';
import { systemClock } from '#base/clock.ts';
import { cronjobs, jobs } from '#api/resources.ts';
import type { Job } from '#api/types.ts';
import { idle, type Space, WET } from './space.ts';

const MINUTE_MS = 60_000;

const cronJob = (name: string, spec: object = {}) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name },
  spec: {
    schedule: '* * * * *',
    jobTemplate: {
      spec: {
        template: {
          spec: { restartPolicy: 'Never', tolerations: [WET], containers: [idle({ command: ['sh', '-c', 'echo the minute turned'] })] },
        },
      },
    },
    ...spec,
  },
});

export async function minuteTurns(space: Space): Promise<void> {
  const before = systemClock.now();
  await space.apply(cronJob('each'), cronJob('never', { suspend: true }), cronJob('yearly', { schedule: '0 0 29 2 *' }));
  const done = await space.object(cronjobs, 'each', ({ status }) => status.lastSuccessfulTime !== undefined);
  const scheduled = Date.parse(done.status.lastScheduleTime as string);
  assert.equal(scheduled % MINUTE_MS, 0);
  assert.ok(scheduled > before - MINUTE_MS && scheduled <= systemClock.now());
  const { items } = await space.client.list(jobs, { namespace: space.namespace });
  const ofEach = items.filter(({ metadata }: Job) => metadata.ownerReferences?.[0]?.name === 'each');
  assert.equal(ofEach.length, items.length);
  const name = `each-${scheduled / MINUTE_MS}`;
  assert.ok(ofEach.some(({ metadata }) => metadata.name === name));
  assert.equal(await space.kubectl(['logs', `job/${name}`]), 'the minute turned\n');
}
