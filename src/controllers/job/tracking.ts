// pure
// How pods become numbers in a Job's status, each exactly once. A finished pod's uid is first written among the uncounted,
// then the pod loses its finalizer, then the uid becomes one more in the counter: a crash between any two of these loses
// and doubles nothing. Source: trackJobStatusAndRemoveFinalizers.
import { findCondition } from '#api/conditions.ts';
import type { Job, JobCondition, JobStatus, Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Assessment, Observed, Verdict } from './assess.ts';
import { Indexes } from './indexes.ts';
import { failureCounts } from './policies.ts';
import { completionIndex, isIndexed, isPodFailed, isTracked, validIndex } from './pods.ts';

/** Most uids a status holds: it stays small, and one Job does not keep the others waiting. Source: MaxUncountedPods. */
const MAX_UNCOUNTED_PODS = 500;

/** Pods after the plan was carried out, as far as it was. */
export interface Headcount {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
}

export interface Tracked {
  /** To be written before any pod is released. */
  readonly status: JobStatus;
  /** Pods that the status accounts for: they may go. */
  readonly release: readonly Pod[];
  /** Uids of pods that still have the finalizer. */
  readonly tracked: ReadonlySet<string>;
  /** There are more pods to count than one status holds. */
  readonly more: boolean;
}

export interface Tracking {
  readonly observed: Observed;
  readonly assessment: Assessment;
  readonly headcount: Headcount;
  /** Of this pass: none while pods could not be stopped or own writes have not been seen. */
  readonly verdict: Verdict | undefined;
  /** Whether the plan was made with all in sight: only then is the Job called suspended or resumed. */
  readonly managed: boolean;
}

export function trackPods({ observed, assessment, headcount, verdict, managed }: Tracking): Tracked {
  const { job, pods, released, now } = observed;
  const tracked = pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid));
  const uids = new Set(tracked.map(({ metadata }) => metadata.uid));
  const before = countReleased(job.status, uids);
  const succeededUids = [...(before.uncountedTerminatedPods?.succeeded ?? [])];
  const failedUids = [...(before.uncountedTerminatedPods?.failed ?? [])];
  const known = { succeeded: new Set(succeededUids), failed: new Set(failedUids) };
  const completed = Indexes.parse(job.status.completedIndexes, job.spec.completions ?? 0);
  const newIndexes: number[] = [];
  const release: Pod[] = [];
  let more = false;
  for (const pod of isIndexed(job) ? tracked.toSorted((a, b) => (completionIndex(a) ?? -1) - (completionIndex(b) ?? -1)) : tracked) {
    const { uid } = pod.metadata;
    if (!mayRelease(pod, job, assessment, verdict)) continue;
    release.push(pod);
    const index = validIndex(pod, job);
    if (pod.status.phase === 'Succeeded' && !known.failed.has(uid)) {
      // An index is in the set once: its pods need no uid.
      if (isIndexed(job)) {
        if (index !== undefined && !completed.has(index)) newIndexes.push(index);
      } else if (!known.succeeded.has(uid)) {
        succeededUids.push(uid);
      }
    } else if (isPodFailed(pod, job) || verdict?.type === 'FailureTarget') {
      const counts = !known.failed.has(uid) && (!isIndexed(job) || index !== undefined) && failureCounts(job, pod);
      if (counts) failedUids.push(uid);
    }
    more = newIndexes.length + succeededUids.length + failedUids.length >= MAX_UNCOUNTED_PODS;
    if (more) break;
  }
  const indexes = isIndexed(job) ? completed.union(Indexes.of(newIndexes)) : undefined;
  const status = compact({
    ...before,
    ...headcount,
    startTime: startTimeOf(job, assessment, managed && verdict === undefined),
    conditions: conditionsOf(job, verdict, managed, now),
    ...(indexes === undefined ? {} : { succeeded: indexes.size, completedIndexes: indexes.toString() }),
    ...(assessment.failedIndexes === undefined ? {} : { failedIndexes: assessment.failedIndexes.toString() }),
    uncountedTerminatedPods: uncounted(succeededUids, failedUids),
  });
  return { status, release, tracked: uids, more };
}

/** A suspended Job has none, so that its pods may be moved elsewhere meanwhile. Source: MutableSchedulingDirectivesForSuspendedJobs. */
function startTimeOf({ spec, status }: Job, { startTime }: Assessment, managed: boolean): string | undefined {
  if (managed && spec.suspend) return undefined;
  return startTime === undefined ? status.startTime : formatTime(startTime);
}

/** A pod that failed on its index stays until another has its count of failures. Source: canRemoveFinalizer. */
function mayRelease(pod: Pod, job: Job, { unreplaced }: Assessment, verdict: Verdict | undefined): boolean {
  if (job.metadata.deletionTimestamp !== undefined || verdict !== undefined || pod.status.phase === 'Succeeded') return true;
  const index = completionIndex(pod);
  return isPodFailed(pod, job) && (index === undefined || unreplaced.get(index)?.metadata.uid !== pod.metadata.uid);
}

function conditionsOf(job: Job, verdict: Verdict | undefined, managed: boolean, now: number): readonly JobCondition[] {
  const { conditions = [] } = job.status;
  if (verdict !== undefined) return ensure(conditions, { ...verdict, status: 'True' }, now);
  if (!managed) return conditions;
  return job.spec.suspend
    ? ensure(conditions, { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }, now)
    : ensure(conditions, { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' }, now);
}

type Said = Pick<JobCondition, 'type' | 'status'> & { readonly reason: string; readonly message: string };

/** The same list when it says so already; that something is not so is only said where it was. Source: ensureJobConditionStatus. */
function ensure(conditions: readonly JobCondition[], said: Said, now: number): readonly JobCondition[] {
  const old = findCondition(conditions, said.type);
  const same = old?.status === said.status && (old.reason ?? '') === said.reason && (old.message ?? '') === said.message;
  if (same || (old === undefined && said.status === 'False')) return conditions;
  const { type, status, reason, message } = said;
  const time = formatTime(now);
  const next: JobCondition = {
    type,
    status,
    lastProbeTime: time,
    lastTransitionTime: time,
    ...(reason === '' ? {} : { reason }),
    ...(message === '' ? {} : { message }),
  };
  return old === undefined ? [...conditions, next] : conditions.with(conditions.indexOf(old), next);
}

/** Uids of pods that are released become numbers; the same status when there are none. Source: cleanUncountedPodsWithoutFinalizers. */
export function countReleased(status: JobStatus, tracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const [stillSucceeded, stillFailed] = [succeeded, failed].map((uids) => uids.filter((uid) => tracked.has(uid))) as [string[], string[]];
  const [newSucceeded, newFailed] = [succeeded.length - stillSucceeded.length, failed.length - stillFailed.length];
  if (newSucceeded + newFailed === 0) return status;
  return compact({
    ...status,
    succeeded: (status.succeeded ?? 0) + newSucceeded,
    failed: (status.failed ?? 0) + newFailed,
    uncountedTerminatedPods: uncounted(stillSucceeded, stillFailed),
  });
}

/** With its final condition, once no pod is left to stop or to count; undefined before. Source: enactJobFinished. */
export function finishedStatus(status: JobStatus, { type, reason, message }: Verdict, now: number): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  const final = type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed';
  const conditions = ensure(status.conditions ?? [], { type: final, status: 'True', reason, message }, now);
  return { ...status, conditions, ...(final === 'Complete' ? { completionTime: formatTime(now) } : {}) };
}

function uncounted(succeeded: readonly string[], failed: readonly string[]): JobStatus['uncountedTerminatedPods'] {
  return { ...(succeeded.length === 0 ? {} : { succeeded }), ...(failed.length === 0 ? {} : { failed }) };
}

type Loose = { readonly [K in keyof JobStatus]: JobStatus[K] | undefined };

/** Without the zeros and blanks that the server leaves out, so that equal statuses look equal. */
function compact(status: Loose): JobStatus {
  const { conditions, startTime, active, succeeded, failed, completedIndexes, ...rest } = status;
  return {
    ...(rest as JobStatus),
    ...(conditions === undefined || conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(active === undefined || active === 0 ? {} : { active }),
    ...(succeeded === undefined || succeeded === 0 ? {} : { succeeded }),
    ...(failed === undefined || failed === 0 ? {} : { failed }),
    ...(completedIndexes === undefined || completedIndexes === '' ? {} : { completedIndexes }),
  };
}
