// An attempt that came to nothing: the pod waits, and is told why. Source: schedule_one.go handleSchedulingFailure.
import type { Pod } from '#api/types.ts';
import { fitMessage, truncateNote } from '../framework/fit-error.ts';
import { isRejected, type Status, statusMessage } from '../framework/status.ts';
import { clearRejectors, replacePod } from '../queue/queued-pod.ts';
import type { Attempt, AttemptDeps } from './attempt-contract.ts';
import { type Outcome, planPodStatus } from './pod-status-plan.ts';

export interface Failure extends Outcome {
  /** Whose events wake the pod; none: it is tried again after its back-off. */
  readonly plugins: ReadonlySet<string>;
  readonly pending?: ReadonlySet<string>;
}

/** Nobody's events wake the pod. */
export const NONE: ReadonlySet<string> = new Set();

/** Only the chosen node was asked. */
export function refusedPlacement(status: Status): Failure {
  if (!isRejected(status)) return { reason: 'SchedulerError', message: statusMessage(status), plugins: NONE, nominated: '' };
  const message = fitMessage({ nodeCount: 1, statuses: new Map([[status, 1]]) });
  const plugins = new Set([status.plugin]);
  const woken = status.code === 'Pending' ? { plugins: NONE, pending: plugins } : { plugins };
  return { reason: 'Unschedulable', message, nominated: '', ...woken };
}

/** Source: handleSchedulingFailure. */
export function fail(failure: Failure, { queued, active, elapsed }: Attempt, deps: AttemptDeps): void {
  const { queue, nominator, statuses, metrics, clock, logger } = deps;
  const { uid, name, namespace } = queued.pod.metadata;
  const result = failure.reason === 'Unschedulable' ? 'unschedulable' : 'error';
  const profile = active.profile.schedulerName;
  metrics.count('scheduler_schedule_attempts_total', { result, profile });
  metrics.observe('scheduler_scheduling_attempt_duration_seconds', { result, profile }, elapsed());
  if (result === 'error') logger.error('Error scheduling pod; retrying', { pod: nameOf(queued.pod), error: failure.message });

  clearRejectors(queued);
  queued.unschedulablePlugins = failure.plugins;
  queued.pendingPlugins = failure.pending ?? NONE;
  const latest = deps.pods.get(name, namespace);
  // Deleted, replaced by another of its name, or bound after all.
  if (latest === undefined || latest.metadata.uid !== uid || (latest.spec.nodeName ?? '') !== '') return queue.done(uid);
  replacePod(queued, latest);
  queue.addUnschedulable(queued);
  if (failure.nominated !== undefined) nominator.nominate(latest, failure.nominated);

  active.events.event(latest, 'Warning', 'FailedScheduling', truncateNote(failure.message), { action: 'Scheduling' });
  const patch = planPodStatus(latest, failure, clock.now());
  if (patch !== undefined) statuses.patch(latest, patch);
}

export const nameOf = ({ metadata: { namespace, name } }: Pod): string => `${namespace}/${name}`;
