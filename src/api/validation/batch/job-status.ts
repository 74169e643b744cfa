// Status of jobs. Source: batch validation.go ValidateJobStatusUpdate, registry batch/job getStatusValidationOptions.
import type { Job, JobStatus } from '../../gen/batch-v1.ts';
import { OMITTED } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { parseTime } from '#apimachinery/time.ts';
import { validateObjectMetaUpdate } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import { firstOverlap, indexCount } from './indexes.ts';

const STATUS = Path.of('status');
const CONDITIONS = STATUS.child('conditions');

type Status = Partial<JobStatus>;
type ConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

const statusOf = ({ status }: Job): Status => status ?? {};

const has = (job: Job, type: ConditionType, value = 'True'): boolean =>
  (statusOf(job).conditions ?? []).some((condition) => condition.type === type && condition.status === value);

const isFinished = (job: Job): boolean => has(job, 'Complete') || has(job, 'Failed');
const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';

export function validateJobStatusUpdate(out: Problems, job: Job, old: Job): void {
  validateObjectMetaUpdate(out, job.metadata, old.metadata);
  validateCounters(out, statusOf(job));
  validateConditions(out, job, old);
  validateTransitions(out, job, old);
}

function validateCounters(out: Problems, status: Status): void {
  for (const key of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) out.nonNegative(STATUS.child(key), status[key]);
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const path = STATUS.child('uncountedTerminatedPods');
  const seen = new Set<string>();
  for (const [member, uids] of [
    ['succeeded', succeeded],
    ['failed', failed],
  ] as const) {
    uids.forEach((uid, i) => {
      const at = path.child(member).index(i);
      if (uid === '') out.invalid(at, uid, 'must not be empty');
      else if (seen.has(uid)) out.duplicate(at, uid);
      seen.add(uid);
    });
  }
}

/** Which parts of a status a write changed: only those are judged, so that old statuses can be carried along. */
interface Changes {
  readonly complete: boolean;
  readonly failed: boolean;
  readonly finished: boolean;
  readonly completionTime: boolean;
  readonly startTime: boolean;
  readonly active: boolean;
  readonly completedIndexes: boolean;
  readonly failedIndexes: boolean;
}

function changesOf(job: Job, old: Job): Changes {
  const [now, before] = [statusOf(job), statusOf(old)];
  const changed = (key: keyof Status): boolean => now[key] !== before[key];
  return {
    complete: has(job, 'Complete') !== has(old, 'Complete'),
    failed: has(job, 'Failed') !== has(old, 'Failed'),
    finished: isFinished(job) !== isFinished(old),
    completionTime: changed('completionTime'),
    startTime: changed('startTime'),
    active: (now.active ?? 0) !== (before.active ?? 0),
    completedIndexes: changed('completedIndexes'),
    failedIndexes: changed('failedIndexes'),
  };
}

function validateConditions(out: Problems, job: Job, old: Job): void {
  const changes = changesOf(job, old);
  const changed = (type: ConditionType): boolean => has(job, type) !== has(old, type);
  const complete = has(job, 'Complete');
  const refuse = (when: boolean, detail: string): void => {
    if (when) out.invalid(CONDITIONS, OMITTED, detail);
  };
  refuse((changes.complete || changes.failed) && complete && has(job, 'Failed'), 'cannot set Complete=True and Failed=true conditions');
  refuse(
    (changes.complete || changed('FailureTarget')) && complete && has(job, 'FailureTarget'),
    'cannot set Complete=True and FailureTarget=true conditions',
  );
  validateTimes(out, job, changes);
  refuse(
    (changes.failed || changes.failedIndexes) && has(job, 'Failed') && !has(job, 'FailureTarget'),
    'cannot set Failed=True condition without the FailureTarget=true condition',
  );
  refuse(
    (changes.complete || changed('SuccessCriteriaMet')) && complete && !has(job, 'SuccessCriteriaMet'),
    'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  );
  validateFinished(out, job, old, changes);
  validateIndexes(out, job, changes);
  validatePods(out, job, old, changes);
  const met = has(job, 'SuccessCriteriaMet');
  refuse(met && has(job, 'Failed'), 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  refuse(met && has(job, 'FailureTarget'), 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  refuse(
    job.spec.successPolicy !== undefined && !met && complete,
    'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True',
  );
}

function validateTimes(out: Problems, job: Job, changes: Changes): void {
  const { completionTime, startTime } = statusOf(job);
  const at = STATUS.child('completionTime');
  if (changes.complete || changes.completionTime) {
    if (completionTime !== undefined && !has(job, 'Complete'))
      out.invalid(at, completionTime, 'cannot set completionTime when there is no Complete=True condition');
    if (completionTime === undefined && has(job, 'Complete')) out.required(at, 'completionTime is required for Complete jobs');
  }
  if ((changes.startTime || changes.completionTime) && startTime !== undefined && completionTime !== undefined) {
    if (parseTime(completionTime) < parseTime(startTime)) out.invalid(at, completionTime, 'must be equal to or after `startTime`');
  }
}

function validateFinished(out: Problems, job: Job, old: Job, changes: Changes): void {
  if (!isFinished(job)) return;
  const status = statusOf(job);
  const { active = 0, startTime, uncountedTerminatedPods: uncounted } = status;
  if ((changes.finished || changes.active) && active > 0)
    out.invalid(STATUS.child('active'), active, 'active>0 is invalid for finished job');
  const neverStarted = job.spec.suspend === true && job.spec.completions === 0;
  if ((changes.finished || changes.startTime) && !neverStarted && startTime === undefined)
    out.required(STATUS.child('startTime'), 'startTime is required for finished job');
  const changed = changes.finished || !deepEqual(uncounted, statusOf(old).uncountedTerminatedPods);
  const { succeeded = [], failed = [] } = uncounted ?? {};
  if (changed && succeeded.length + failed.length > 0) {
    const shown = { Succeeded: uncounted?.succeeded ?? null, Failed: uncounted?.failed ?? null };
    out.invalid(STATUS.child('uncountedTerminatedPods'), shown, 'must be empty for finished job');
  }
}

function validateIndexes(out: Problems, job: Job, changes: Changes): void {
  const { completedIndexes = '', failedIndexes } = statusOf(job);
  const { completions, backoffLimitPerIndex } = job.spec;
  const [completedAt, failedAt] = [STATUS.child('completedIndexes'), STATUS.child('failedIndexes')];
  const check = (at: Path, name: string, text: string): void => {
    const { problem } = indexCount(text, completions ?? 0);
    if (problem !== undefined) out.invalid(at, text, `error parsing ${name}: ${problem}`);
  };
  if (changes.completedIndexes && completions !== undefined) check(completedAt, 'completedIndexes', completedIndexes);
  const failed = changes.failedIndexes ? failedIndexes : undefined;
  if (failed !== undefined && completions !== undefined && backoffLimitPerIndex !== undefined) check(failedAt, 'failedIndexes', failed);
  if (changes.completedIndexes && completedIndexes !== '' && !isIndexed(job)) {
    out.invalid(completedAt, completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode');
  }
  if (failed !== undefined && backoffLimitPerIndex === undefined)
    out.invalid(failedAt, failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  if (!(changes.failedIndexes || changes.completedIndexes) || completions === undefined || failedIndexes === undefined) return;
  const overlap = firstOverlap(completedIndexes, failedIndexes, completions);
  if (overlap !== undefined) out.invalid(failedAt, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${overlap}`);
}

function validatePods(out: Problems, job: Job, old: Job, changes: Changes): void {
  const { terminating, ready, active = 0 } = statusOf(job);
  const before = statusOf(old);
  if ((changes.finished || terminating !== before.terminating) && (terminating ?? 0) > 0 && isFinished(job))
    out.invalid(STATUS.child('terminating'), terminating, 'terminating>0 is invalid for finished job');
  if ((ready !== before.ready || changes.active) && ready !== undefined && ready > active)
    out.invalid(STATUS.child('ready'), ready, 'cannot set more ready pods than active');
}

/** What a status never goes back from. */
function validateTransitions(out: Problems, job: Job, old: Job): void {
  const [now, before] = [statusOf(job), statusOf(old)];
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const) {
    if (has(old, type) && !has(job, type)) out.invalid(CONDITIONS, OMITTED, `cannot disable the terminal ${type}=True condition`);
  }
  if ((now.failed ?? 0) < (before.failed ?? 0)) out.invalid(STATUS.child('failed'), now.failed ?? 0, 'cannot decrease the failed counter');
  const elastic = isIndexed(job) && job.spec.completions === job.spec.parallelism;
  if (!elastic && (now.succeeded ?? 0) < (before.succeeded ?? 0))
    out.invalid(STATUS.child('succeeded'), now.succeeded ?? 0, 'cannot decrease the succeeded counter');
  if (now.completionTime !== undefined && before.completionTime !== undefined && now.completionTime !== before.completionTime)
    out.invalid(STATUS.child('completionTime'), now.completionTime, 'field is immutable');
  const resuming = has(old, 'Suspended') && has(job, 'Suspended', 'False');
  if (before.startTime !== undefined && before.startTime !== now.startTime && !resuming && job.spec.suspend !== true)
    out.invalid(STATUS.child('startTime'), now.startTime ?? null, 'field is immutable for unsuspended job once set');
  const [met, wasMet] = [has(job, 'SuccessCriteriaMet'), has(old, 'SuccessCriteriaMet')];
  if (wasMet && !met) out.invalid(CONDITIONS, OMITTED, 'cannot disable the SuccessCriteriaMet=True condition');
  if (has(old, 'Complete') && !wasMet && met)
    out.invalid(CONDITIONS, OMITTED, 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}
