// pure
// Where a Job stands: what its pods add up to, and whether it has succeeded or failed. Source: syncJob.
import { findCondition, isConditionTrue } from '#api/conditions.ts';
import { isPodActive, isPodReady, isPodTerminating } from '#api/pods.ts';
import type { Job, JobCondition, Pod } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import { type Backoff, nextBackoff } from './backoff.ts';
import { Indexes } from './indexes.ts';
import { failureCounts, failureVerdict, successReached } from './policies.ts';
import { completionIndex, countedFailures, finishedAt, ignoredFailures, isIndexed, isPodFailed, isTracked, validIndex } from './pods.ts';

/** Everything one pass may look at, read once. */
export interface Observed {
  readonly job: Job;
  /** Pods whose controller is `job`, in any phase. */
  readonly pods: readonly Pod[];
  /** Whether the informer has shown all that was done for the Job. */
  readonly settled: boolean;
  /** Uids of pods that may be on their way out unseen. */
  readonly asked: ReadonlySet<string>;
  /** Uids of pods that were counted and told so, which the informer has not shown yet: they are never looked at again. */
  readonly released: ReadonlySet<string>;
  readonly backoff: Backoff;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** That the Job is over; it stays unfinished until its pods have stopped and are counted. */
export interface Verdict {
  readonly type: 'SuccessCriteriaMet' | 'FailureTarget';
  readonly reason: string;
  readonly message: string;
}

export interface Assessment {
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: number;
  /** Counted already or about to be. */
  readonly succeeded: number;
  /** Of an indexed Job. */
  readonly succeededIndexes: Indexes;
  /** With a back-off limit per index only. */
  readonly failedIndexes: Indexes | undefined;
  /** By index, the failed pod that its replacement gets the failure count from; it is counted once there is one. */
  readonly unreplaced: ReadonlyMap<number, Pod>;
  readonly backoff: Backoff;
  readonly verdict: Verdict | undefined;
  readonly startTime: number | undefined;
  /** Milliseconds until the Job is over its deadline. */
  readonly deadlineInMs: number | undefined;
}

export function isJobFinished({ status }: Job): boolean {
  return isConditionTrue(status?.conditions, 'Complete') || isConditionTrue(status?.conditions, 'Failed');
}

export function assess({ job, pods, released, backoff, now }: Observed): Assessment {
  const { spec, status } = job;
  const uncounted = status.uncountedTerminatedPods ?? {};
  const active = pods.filter(isPodActive);
  const fresh = pods.filter(
    (pod) => isTracked(pod) && !released.has(pod.metadata.uid) && (!isIndexed(job) || validIndex(pod, job) !== undefined),
  );
  const newSucceeded = fresh.filter((pod) => pod.status.phase === 'Succeeded' && !uncounted.succeeded?.includes(pod.metadata.uid));
  const newFailed = fresh.filter((pod) => isPodFailed(pod, job) && !uncounted.failed?.includes(pod.metadata.uid));

  const succeededIndexes = isIndexed(job) ? allSucceeded(job, pods) : Indexes.none;
  const succeeded = isIndexed(job)
    ? succeededIndexes.size
    : (status.succeeded ?? 0) + newSucceeded.length + (uncounted.succeeded?.length ?? 0);
  const counted = newFailed.filter((pod) => failureCounts(job, pod)).length;
  const failed = (status.failed ?? 0) + counted + (uncounted.failed?.length ?? 0);
  const failedIndexes = isIndexed(job) && spec.backoffLimitPerIndex !== undefined ? allFailed(job, pods) : undefined;

  const startTime = startOf(job, now);
  const deadlineInMs =
    startTime === undefined || spec.suspend || spec.activeDeadlineSeconds === undefined
      ? undefined
      : startTime + Number(spec.activeDeadlineSeconds) * 1000 - now;
  const tally = { job, pods, failed, succeededIndexes, failedIndexes, deadlineInMs };
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    succeeded,
    succeededIndexes,
    failedIndexes,
    unreplaced: failedIndexes === undefined ? new Map() : unreplacedOf(job, fresh, active, succeededIndexes.union(failedIndexes)),
    backoff: nextBackoff(backoff, newSucceeded, newFailed),
    verdict: verdictOf(tally),
    startTime,
    deadlineInMs,
  };
}

/** A Job starts when it is first seen unsuspended, and anew each time it is resumed. */
function startOf({ spec, status }: Job, now: number): number | undefined {
  const resuming = !spec.suspend && isConditionTrue(status.conditions, 'Suspended');
  if (status.startTime !== undefined && !resuming) return parseTime(status.startTime);
  return spec.suspend ? undefined : now;
}

interface Tally {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly failed: number;
  readonly succeededIndexes: Indexes;
  readonly failedIndexes: Indexes | undefined;
  readonly deadlineInMs: number | undefined;
}

const failure = (reason: string, message: string): Verdict => ({ type: 'FailureTarget', reason, message });

/** The first that holds; what an earlier pass has found stays found. */
function verdictOf({ job, pods, failed, succeededIndexes, failedIndexes, deadlineInMs }: Tally): Verdict | undefined {
  const { spec, status } = job;
  const known = trueCondition(status.conditions, 'SuccessCriteriaMet') ?? trueCondition(status.conditions, 'FailureTarget');
  if (known !== undefined) return known;
  const fatal = pods
    .filter((pod) => isPodFailed(pod, job))
    .map((pod) => failureVerdict(job, pod))
    .find((rule) => rule?.action === 'FailJob');
  if (fatal !== undefined) return failure('PodFailurePolicy', fatal.message);
  if (failed > spec.backoffLimit || tooManyRestarts(job, pods))
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (deadlineInMs !== undefined && deadlineInMs <= 0) return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  if (failedIndexes !== undefined && failedIndexes.size > 0) {
    if (failedIndexes.size > (spec.maxFailedIndexes ?? Infinity))
      return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    if (failedIndexes.size + succeededIndexes.size >= (spec.completions ?? 0)) return failure('FailedIndexes', 'Job has failed indexes');
  }
  const met = successReached(job, succeededIndexes);
  return met === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: met };
}

function trueCondition(conditions: readonly JobCondition[] | undefined, type: Verdict['type']): Verdict | undefined {
  const found = findCondition(conditions, type);
  return found?.status === 'True' ? { type, reason: found.reason ?? '', message: found.message ?? '' } : undefined;
}

/** Pods that restart in place never fail: their restarts count instead. Source: pastBackoffLimitOnFailure. */
function tooManyRestarts({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec.template.spec.restartPolicy !== 'OnFailure') return false;
  const restarts = pods
    .filter(({ status }) => status.phase === 'Running' || status.phase === 'Pending')
    .flatMap(({ status }) => [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return spec.backoffLimit === 0 ? restarts > 0 : restarts >= spec.backoffLimit;
}

function indexesOf(pods: readonly Pod[], job: Job): Indexes {
  return Indexes.of(pods.map((pod) => validIndex(pod, job)).filter((index) => index !== undefined));
}

/** The tracked pods may have been counted already: a set of indexes takes each once. Source: calculateSucceededIndexes. */
function allSucceeded(job: Job, pods: readonly Pod[]): Indexes {
  const before = Indexes.parse(job.status.completedIndexes, job.spec.completions ?? 0);
  return before.union(
    indexesOf(
      pods.filter((pod) => pod.status.phase === 'Succeeded' && isTracked(pod)),
      job,
    ),
  );
}

/** Source: calculateFailedIndexes. */
function allFailed(job: Job, pods: readonly Pod[]): Indexes {
  const before = Indexes.parse(job.status.failedIndexes, job.spec.completions ?? 0);
  return before.union(
    indexesOf(
      pods.filter((pod) => isTracked(pod) && failsIndex(job, pod)),
      job,
    ),
  );
}

function failsIndex(job: Job, pod: Pod): boolean {
  if (!isPodFailed(pod, job)) return false;
  const action = failureVerdict(job, pod)?.action;
  return action === 'FailIndex' || (action !== 'Ignore' && countedFailures(pod) >= (job.spec.backoffLimitPerIndex ?? Infinity));
}

/** Source: getPodsWithDelayedDeletionPerIndex. */
function unreplacedOf(job: Job, fresh: readonly Pod[], active: readonly Pod[], done: Indexes): ReadonlyMap<number, Pod> {
  const busy = new Set(active.map(completionIndex));
  const out = new Map<number, Pod>();
  for (const pod of fresh) {
    const index = validIndex(pod, job);
    if (index === undefined || !isPodFailed(pod, job) || done.has(index) || busy.has(index)) continue;
    const other = out.get(index);
    if (other === undefined || (allFailures(other) <= allFailures(pod) && finishedAt(other) <= finishedAt(pod))) out.set(index, pod);
  }
  return out;
}

/** Failures on an index before this pod, ignored ones too. Source: getIndexAbsoluteFailureCount. */
export function allFailures(pod: Pod): number {
  return countedFailures(pod) + ignoredFailures(pod);
}
