// One pass over a CronJob: bring its status up to its Jobs, start the run that is due, drop old Jobs.
import type { CronJob, CronJobStatus, Job, New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatTime } from '#apimachinery/time.ts';
import { isControlledBy } from '#api/owner-references.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { keyOf } from '../runtime/controller.ts';
import { referenceTo, reviewJobs, tooOld, withActive } from './history.ts';
import { newJob } from './new-job.ts';
import { type Notice, planRun, type RunPlan } from './plan.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): CronJob | undefined;
  /** The Jobs it controls, as the informer has them. */
  jobs(cronJob: CronJob): readonly Job[];
  /** From the server; undefined when it is not there. */
  getJob(ref: { readonly name: string; readonly namespace: string }): Promise<Job | undefined>;
  /** From the server. */
  getCronJob(cronJob: CronJob): Promise<CronJob>;
  /** `scheduled`: its time, milliseconds since the epoch. */
  createJob(job: New<Job>, scheduled: number): Promise<Job>;
  deleteJob(job: Job): Promise<void>;
  writeStatus(cronJob: CronJob, status: CronJobStatus): Promise<void>;
  event(cronJob: CronJob, notice: Notice): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** By CronJob, the Job last started until the informer shows it. */
  readonly started: Map<string, Job>;
}

/** @throws StatusError from any API call; the queue retries the key with backoff. Source: sync, syncCronJob. */
export async function reconcileCronJob(key: string, deps: Deps): Promise<Requeue | undefined> {
  const known = deps.find(key);
  if (known === undefined) {
    deps.started.delete(key);
    return undefined;
  }
  const jobs = await allJobs(key, known, deps);
  let outlook = await look(known, jobs, deps);
  if (outlook.plan.start !== undefined) {
    // A start cannot be taken back: it is decided by what the server has, not by what the informer shows.
    const fresh = await deps.getCronJob(known);
    if (fresh.metadata.resourceVersion !== known.metadata.resourceVersion) outlook = await look(fresh, jobs, deps);
  }
  const { before, cronJob, plan, notices } = outlook;
  for (const notice of [...notices, ...plan.notices]) deps.event(cronJob, notice);
  const { status, failure } = plan.start === undefined ? { status: cronJob.status } : await startRun(cronJob, plan.start, deps);
  const dropped = await Promise.all(tooOld(cronJob, jobs).map((job) => drop(cronJob, job, deps)));
  const gone = new Set(dropped.filter((job) => job !== undefined).map(({ metadata }) => metadata.uid));
  const final = withActive(
    status,
    (status.active ?? []).filter(({ uid }) => !gone.has(uid ?? '')),
  );
  if (!deepEqual(final, before.status)) await deps.writeStatus(before, final);
  if (failure !== undefined) throw failure;
  return plan.nextInMs === undefined ? undefined : { afterMs: Math.max(0, plan.nextInMs) };
}

/** With the one that was started last, if the informer does not show it yet. */
async function allJobs(key: string, cronJob: CronJob, deps: Deps): Promise<readonly Job[]> {
  const jobs = deps.jobs(cronJob);
  const started = deps.started.get(key);
  if (started === undefined) return jobs;
  if (jobs.some(({ metadata }) => metadata.uid === started.metadata.uid)) {
    deps.started.delete(key);
    return jobs;
  }
  const job = await deps.getJob(started.metadata);
  if (job?.metadata.uid === started.metadata.uid) return [...jobs, job];
  deps.started.delete(key);
  return jobs;
}

interface Outlook {
  readonly before: CronJob;
  /** With a status that names the Jobs that run. */
  readonly cronJob: CronJob;
  readonly plan: RunPlan;
  readonly notices: readonly Notice[];
}

/** What looks odd is asked of the server: the informers may lag. */
async function look(before: CronJob, jobs: readonly Job[], deps: Deps): Promise<Outlook> {
  const { status, notices, missing, unexpected } = reviewJobs(before, jobs);
  const found = await Promise.all(missing.map(({ name = '', namespace = '' }) => deps.getJob({ name, namespace })));
  const lost = missing.filter((_, i) => found[i] === undefined);
  const active = (status.active ?? []).filter((reference) => !lost.includes(reference));
  const cronJob = { ...before, status: withActive(status, active) };
  return {
    before,
    cronJob,
    plan: planRun(cronJob, deps.now()),
    notices: [
      ...unexpected.map(({ metadata }) => {
        const message = `Saw a job that the controller did not create or forgot: ${metadata.name}`;
        return { type: 'Warning', reason: 'UnexpectedJob', message } as const;
      }),
      ...notices,
      ...lost.map(({ name }) => ({ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${name}` }) as const),
    ],
  };
}

interface Started {
  readonly status: CronJobStatus;
  /** Status is written before it is thrown. */
  readonly failure?: Error;
}

async function startRun(cronJob: CronJob, scheduled: number, deps: Deps): Promise<Started> {
  let { status } = cronJob;
  try {
    if (cronJob.spec.concurrencyPolicy === 'Replace') {
      for (const { name = '', namespace = '', uid } of status.active ?? []) {
        const job = await deps.getJob({ name, namespace });
        if (job !== undefined && (await drop(cronJob, job, deps)) === undefined)
          return { status, failure: new Error(`could not replace job ${namespace}/${name}`) };
        status = withActive(
          status,
          (status.active ?? []).filter((reference) => reference.uid !== uid),
        );
      }
    }
    const job = await createOnce(cronJob, scheduled, deps);
    if (job === undefined) return { status };
    const active = (status.active ?? []).filter(({ uid }) => uid !== job.metadata.uid);
    return { status: { ...status, active: [...active, referenceTo(job)], lastScheduleTime: formatTime(scheduled) } };
  } catch (error) {
    if (!isStatusError(error)) throw error; // a bug, or no answer: nothing is known of the status either
    return { status, failure: error };
  }
}

/** The Job of that time, made now or before a crash; undefined when the name is somebody else's. */
async function createOnce(cronJob: CronJob, scheduled: number, deps: Deps): Promise<Job | undefined> {
  const wanted = newJob(cronJob, scheduled);
  try {
    const job = await deps.createJob(wanted, scheduled);
    deps.started.set(keyOf(cronJob), job);
    deps.event(cronJob, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created job ${job.metadata.name}` });
    return job;
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) {
      const job = await deps.getJob({ name: wanted.metadata?.name ?? '', namespace: cronJob.metadata.namespace });
      return job !== undefined && isControlledBy(job, cronJob) ? job : undefined;
    }
    if (isStatusError(error) && !isNamespaceTerminating(error))
      deps.event(cronJob, { type: 'Warning', reason: 'FailedCreate', message: `Error creating job: ${error.message}` });
    throw error;
  }
}

/** The Job when it is gone; undefined when it could not be deleted, which an event tells. */
async function drop(cronJob: CronJob, job: Job, deps: Deps): Promise<Job | undefined> {
  try {
    await deps.deleteJob(job);
  } catch (error) {
    if (!isStatusError(error)) throw error;
    deps.event(cronJob, { type: 'Warning', reason: 'FailedDelete', message: `Deleted job: ${error.message}` });
    return undefined;
  }
  deps.event(cronJob, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${job.metadata.name}` });
  return job;
}
