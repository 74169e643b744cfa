// One pass over a Job: act on its pods, write what they add up to, let counted pods go, and say that it is finished.
import { isConditionTrue } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import type { Job, JobStatus, New, Pod } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { assertNever } from '#base/assert-never.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import type { Expectations } from '../runtime/expectations.ts';
import type { Pass, Creations } from '../runtime/creations.ts';
import { type Assessment, assess, isJobFinished, type Observed, type Verdict } from './assess.ts';
import { type Backoff, NO_BACKOFF } from './backoff.ts';
import { newPod } from './new-pod.ts';
import { planPods, type Plan } from './plan.ts';
import { isTracked } from './pods.ts';
import type { Releases } from './releases.ts';
import { countReleased, finishedStatus, type Headcount, type Tracked, trackPods } from './tracking.ts';

/** Jobs with another `spec.managedBy` belong to somebody else. Source: batch.JobControllerName. */
export const JOB_CONTROLLER = 'kubernetes.io/job-controller';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): Job | undefined;
  /** The Job's pods, after adopting and releasing. */
  pods(job: Job): Promise<readonly Pod[]>;
  createPod(job: Job, pod: New<Pod>): Promise<void>;
  /** A pod that is gone already is no failure. */
  deletePod(job: Job, pod: Pod): Promise<void>;
  /** Takes the tracking finalizer off; a pod that is gone already is no failure. */
  releasePod(pod: Pod): Promise<void>;
  /** The Job as it was written. */
  writeStatus(job: Job, status: JobStatus): Promise<Job>;
  event(job: Job, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly expectations: Expectations;
  readonly creations: Creations<Pod>;
  readonly releases: Releases;
  /** Failures in a row, by Job. */
  readonly backoffs: Map<string, Backoff>;
}

/** @throws StatusError from any API call; the queue retries the key with backoff. Source: syncJob. */
export async function reconcileJob(key: string, deps: Deps): Promise<Requeue | undefined> {
  const { creations, releases, backoffs } = deps;
  const job = deps.find(key);
  if (job === undefined) {
    creations.forget(key);
    releases.forget(key);
  }
  if (job === undefined || isJobFinished(job)) {
    backoffs.delete(key);
    return undefined;
  }
  if ((job.spec.managedBy ?? JOB_CONTROLLER) !== JOB_CONTROLLER) return undefined;

  // Both before pods are read: one that appears in between must not be created or counted twice.
  const pass = creations.begin(key);
  const released = releases.pending(key);
  const pods = await deps.pods(job);
  const observed: Observed = {
    job,
    pods,
    settled: pass.settled,
    asked: pass.asked,
    released,
    backoff: backoffs.get(key) ?? NO_BACKOFF,
    now: deps.now(),
  };
  const assessment = assess(observed);
  const plan = planPods(observed, assessment);
  const acted = await act(plan, { key, pass, observed, assessment }, deps);

  const verdict = verdictAfter(plan, acted, observed, assessment);
  const managed = plan.kind !== 'blind' && plan.kind !== 'stop';
  const tracked = trackPods({ observed, assessment, headcount: acted.headcount, verdict, managed });
  await settle({ key, job, tracked, verdict, assessment }, deps);
  if (acted.failure !== undefined) throw acted.failure;
  return nextLook(plan, assessment);
}

interface Acted {
  readonly headcount: Headcount;
  /** The first refusal: status is written before it is thrown. */
  readonly failure: Error | undefined;
}

interface Looked {
  readonly key: string;
  readonly pass: Pass;
  readonly observed: Observed;
  readonly assessment: Assessment;
}

async function act(plan: Plan, { key, pass, observed: { job, pods }, assessment }: Looked, deps: Deps): Promise<Acted> {
  const { ready, terminating, unreplaced } = assessment;
  const active = assessment.active.length;
  switch (plan.kind) {
    case 'blind':
    case 'steady':
    case 'wait':
      return { headcount: { active, ready, terminating }, failure: undefined };
    case 'stop':
      return removed(assessment, await each(plan.pods, (pod) => deps.deletePod(job, pod)));
    case 'remove': {
      const uids = plan.pods.map((pod) => pod.metadata.uid);
      deps.expectations.expectDeletions(key, uids);
      const results = await each(plan.pods, async (pod) => {
        if (isTracked(pod)) await deps.releasePod(pod);
        await deps.deletePod(job, pod);
      });
      for (const { pod, failure } of results) if (failure !== undefined) deps.expectations.deletionFailed(key, pod.metadata.uid, failure);
      return removed(assessment, results);
    }
    case 'create': {
      const drafts = plan.indexes.map((index) => newPod(job, index, index === undefined ? undefined : unreplaced.get(index)));
      const create = (pod: New<Pod>): Promise<void> => deps.createPod(job, pod);
      const { succeeded, failure } = await deps.creations.run({ key, pass, drafts, known: pods, create });
      return { headcount: { active: active + succeeded, ready, terminating }, failure };
    }
    default:
      return assertNever(plan);
  }
}

interface Result {
  readonly pod: Pod;
  readonly failure: Error | undefined;
}

async function each(pods: readonly Pod[], attempt: (pod: Pod) => Promise<void>): Promise<readonly Result[]> {
  const results = await Promise.allSettled(pods.map(attempt));
  return results.map((result, i) => ({
    pod: pods[i] as Pod,
    failure: result.status === 'rejected' ? (result.reason as Error) : undefined,
  }));
}

function removed({ active, ready, terminating }: Assessment, results: readonly Result[]): Acted {
  const gone = results.filter(({ failure }) => failure === undefined).map(({ pod }) => pod);
  return {
    headcount: {
      active: active.length - gone.length,
      ready: ready - gone.filter(isPodReady).length,
      terminating: terminating + gone.length,
    },
    failure: results.find(({ failure }) => failure !== undefined)?.failure,
  };
}

/** A Job is over only when all its pods are known and told to stop, or when it has what it wants. */
function verdictAfter(
  plan: Plan,
  { headcount }: Acted,
  { job, settled }: Observed,
  { verdict, succeeded }: Assessment,
): Verdict | undefined {
  if (plan.kind === 'stop') return headcount.active === 0 && settled ? verdict : undefined;
  const { completions } = job.spec;
  const complete = (completions === undefined ? succeeded > 0 : succeeded >= completions) && headcount.active === 0;
  if (!complete) return undefined;
  return { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

interface Settling {
  readonly key: string;
  readonly job: Job;
  readonly tracked: Tracked;
  readonly verdict: Verdict | undefined;
  readonly assessment: Assessment;
}

/** Writes the status at most twice: before pods are let go, and after. Source: flushUncountedAndRemoveFinalizers. */
async function settle({ key, job, tracked: { status, release, tracked, more }, verdict, assessment }: Settling, deps: Deps): Promise<void> {
  let written = job;
  if (!deepEqual(status, job.status)) {
    written = await deps.writeStatus(job, status);
    deps.backoffs.set(key, assessment.backoff);
    tellSuspension(job, status, deps);
  }
  deps.releases.expect(
    key,
    release.map((pod) => pod.metadata.uid),
  );
  const results = await each(release, (pod) => deps.releasePod(pod));
  const left = new Set(tracked);
  for (const { pod, failure } of results) {
    if (failure === undefined) left.delete(pod.metadata.uid);
    else deps.releases.observed(key, pod.metadata.uid);
  }
  const refusal = results.find(({ failure }) => failure !== undefined)?.failure;
  const counted = countReleased(status, left);
  const finished = refusal === undefined && !more && verdict !== undefined ? finishedStatus(counted, verdict, deps.now()) : undefined;
  const last = finished ?? counted;
  if (!deepEqual(last, status)) await deps.writeStatus(written, last);
  if (finished !== undefined && verdict !== undefined) tellFinished(job, finished, verdict, deps);
  if (refusal !== undefined) throw refusal;
}

function tellSuspension(job: Job, status: JobStatus, deps: Deps): void {
  const [before, after] = [job.status, status].map(({ conditions }) => isConditionTrue(conditions, 'Suspended'));
  if (before === after) return;
  if (after === true) deps.event(job, 'Normal', 'Suspended', 'Job suspended');
  else deps.event(job, 'Normal', 'Resumed', 'Job resumed');
}

/** Source: recordJobFinished. */
function tellFinished(job: Job, { succeeded = 0 }: JobStatus, { type, reason, message }: Verdict, deps: Deps): void {
  if (type === 'FailureTarget') return deps.event(job, 'Warning', reason, message);
  if (job.spec.completions !== undefined && succeeded > job.spec.completions)
    deps.event(job, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached');
  deps.event(job, 'Normal', 'Completed', 'Job completed');
}

/** What only time changes: the end of a back-off, the deadline. */
function nextLook(plan: Plan, { deadlineInMs, verdict }: Assessment): Requeue | undefined {
  const waits = [plan.kind === 'wait' ? plan.ms : undefined, verdict === undefined ? deadlineInMs : undefined];
  const known = waits.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : { afterMs: Math.max(0, Math.min(...known)) };
}
