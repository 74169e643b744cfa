// Starts Jobs by schedule. Each CronJob waits in the queue for its next time: nothing polls. Source: pkg/controller/cronjob.
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerOf } from '#api/owner-references.ts';
import { cronjobs, jobs } from '#api/resources.ts';
import type { Job } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import { controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { CRON_JOB_KIND } from './new-job.ts';
import { dueInMs } from './plan.ts';
import { type Deps, reconcileCronJob } from './reconcile.ts';

export const cronJobController: Controller = {
  name: 'cronjob-controller',
  serviceAccount: 'cronjob-controller',
  reads: [cronjobs, jobs],
  writes: ['jobs', 'cronjobs/status', 'events'],
  workers: 5, // Source: --concurrent-cron-job-syncs
  setUp(context) {
    const { informers, queue, clock, events } = context;
    const cronInformer = informers.informer(cronjobs);
    const jobInformer = informers.informer(jobs);
    indexByController(jobInformer);
    cronInformer.addHandlers({
      added: (cronJob) => queue.add(keyOf(cronJob)),
      updated(cronJob, { spec: before }) {
        const { schedule, timeZone } = cronJob.spec;
        if (schedule === before.schedule && timeZone === before.timeZone) return queue.add(keyOf(cronJob));
        const inMs = dueInMs(cronJob, clock.now());
        if (inMs !== undefined) return queue.addAfter(keyOf(cronJob), inMs);
        const text = `unparseable schedule for cronjob: ${schedule}`;
        events.event(cronJob, 'Warning', 'UnParseableCronJobSchedule', text);
      },
      deleted: (cronJob) => queue.add(keyOf(cronJob)),
    });
    const wakeOwner = (job: Job): void => {
      const reference = controllerOf(job);
      if (reference?.kind !== CRON_JOB_KIND.kind) return;
      const cronJob = cronInformer.get(reference.name, job.metadata.namespace);
      if (cronJob?.metadata.uid === reference.uid) queue.add(keyOf(cronJob));
    };
    jobInformer.addHandlers({
      added: wakeOwner,
      updated(job, previous) {
        if (controllerOf(previous)?.uid !== controllerOf(job)?.uid) wakeOwner(previous);
        wakeOwner(job);
      },
      deleted: wakeOwner,
    });
    const deps = realDeps(context);
    return (key) => reconcileCronJob(key, deps);
  },
};

function realDeps({ client, informers, events, clock, metrics: { cronJob: figures } }: ControllerContext): Deps {
  const cronInformer = informers.informer(cronjobs);
  const jobInformer = informers.informer(jobs);
  return {
    started: new Map(),
    now: () => clock.now(),
    event: (cronJob, { type, reason, message }) => events.event(cronJob, type, reason, message),
    find: (key) => cronInformer.byKey(key),
    jobs: ({ metadata }) => controlledBy(jobInformer, metadata.uid),
    getCronJob: ({ metadata }) => client.get(cronjobs, metadata),
    async createJob(wanted, scheduled) {
      const job = await client.create(jobs, wanted);
      figures.skewSeconds.of().observe((parseTime(job.metadata.creationTimestamp) - scheduled) / 1000);
      return job;
    },
    async getJob(ref) {
      try {
        return await client.get(jobs, ref);
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    async deleteJob({ metadata }) {
      try {
        await client.delete(jobs, metadata, { propagationPolicy: 'Background', preconditions: { uid: metadata.uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    },
    async writeStatus(cronJob, status) {
      await client.update(cronjobs, { ...cronJob, status }, { subresource: 'status' });
    },
  };
}
