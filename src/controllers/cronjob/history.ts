// pure
// Which Jobs of a CronJob its status should name, and which finished ones are too many.
import { findCondition } from '#api/conditions.ts';
import type { CronJob, CronJobStatus, Job } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';
import { jobName, type Notice } from './plan.ts';

function finishedAs({ status }: Job): 'Complete' | 'Failed' | undefined {
  return (['Complete', 'Failed'] as const).find((type) => findCondition(status?.conditions, type)?.status === 'True');
}

export interface Review {
  /** Names the Jobs that run; those started before a crash that kept them from being written down, too. */
  readonly status: CronJobStatus;
  readonly notices: readonly Notice[];
  /** Unfinished Jobs that the controller did not start. */
  readonly unexpected: readonly Job[];
  /** Named in the status, and not among the Jobs. */
  readonly missing: Active;
}

type Active = NonNullable<CronJobStatus['active']>;

export function reviewJobs(cronJob: CronJob, jobs: readonly Job[]): Review {
  const { status } = cronJob;
  const active = status.active ?? [];
  const byUid = new Map(jobs.map((job) => [job.metadata.uid, job]));
  const finished = active.flatMap(({ uid }) => {
    const job = byUid.get(uid ?? '');
    const type = job === undefined ? undefined : finishedAs(job);
    return job === undefined || type === undefined ? [] : [{ job, type }];
  });
  const over = new Set(finished.map(({ job }) => job.metadata.uid));
  const named = new Set(active.map(({ uid }) => uid));
  const unnamed = jobs.filter((job) => !named.has(job.metadata.uid));
  const since = status.lastScheduleTime === undefined ? -Infinity : parseTime(status.lastScheduleTime);
  // The name and the time are written together: what is later than the one lacks the other.
  const forgotten = unnamed.filter((job) => (scheduledAt(cronJob, job) ?? -Infinity) > since);
  const last = Math.max(since, ...forgotten.map((job) => scheduledAt(cronJob, job) ?? -Infinity));
  const lastSuccess = latest([
    status.lastSuccessfulTime,
    ...jobs.map((job) => (finishedAs(job) === 'Complete' ? job.status.completionTime : undefined)),
  ]);
  return {
    status: {
      ...withActive(status, [
        ...active.filter(({ uid }) => !over.has(uid ?? '')),
        ...forgotten.filter((job) => finishedAs(job) === undefined).map(referenceTo),
      ]),
      ...(last > since ? { lastScheduleTime: formatTime(last) } : {}),
      ...(lastSuccess === undefined ? {} : { lastSuccessfulTime: lastSuccess }),
    },
    notices: finished.map(({ job, type }) => ({
      type: 'Normal',
      reason: 'SawCompletedJob',
      message: `Saw completed job: ${job.metadata.name}, condition: ${type}`,
    })),
    unexpected: unnamed.filter((job) => finishedAs(job) === undefined && scheduledAt(cronJob, job) === undefined),
    missing: active.filter(({ uid }) => !byUid.has(uid ?? '')),
  };
}

/** The time a Job was started for, milliseconds since the epoch; undefined for one that the controller did not start. */
function scheduledAt(cronJob: CronJob, { metadata }: Job): number | undefined {
  const text = metadata.annotations?.[ANNOTATION.cronJobScheduledTimestamp];
  const at = text === undefined ? NaN : Date.parse(text);
  return metadata.name === jobName(cronJob, at) ? at : undefined;
}

export function referenceTo({ apiVersion, kind, metadata }: Job): Active[number] {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).toSorted((a, b) => parseTime(b) - parseTime(a))[0];
}

export function withActive({ active: _, ...rest }: CronJobStatus, active: NonNullable<CronJobStatus['active']>): CronJobStatus {
  return active.length === 0 ? rest : { ...rest, active };
}

/** The oldest beyond the limits. Source: cleanupFinishedJobs. */
export function tooOld({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const beyond = (type: 'Complete' | 'Failed', limit: number | undefined): readonly Job[] => {
    const finished = jobs.filter((job) => finishedAs(job) === type);
    return limit === undefined ? [] : finished.toSorted(byStart).slice(0, Math.max(0, finished.length - limit));
  };
  return [...beyond('Complete', spec.successfulJobsHistoryLimit), ...beyond('Failed', spec.failedJobsHistoryLimit)];
}

/** Those that never started come last. */
function byStart(a: Job, b: Job): number {
  const [x, y] = [a, b].map(({ status: { startTime } }) => (startTime === undefined ? Infinity : parseTime(startTime))) as [number, number];
  if (x === y) return a.metadata.name < b.metadata.name ? -1 : 1;
  return x < y ? -1 : 1;
}
