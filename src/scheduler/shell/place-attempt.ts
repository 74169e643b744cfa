// A pod for which a node was found: assumed there, reserved, bound. Source: schedule_one.go schedulingCycle, bindingCycle.
import type { Pod } from '#api/types.ts';
import { ASSIGNED_POD_DELETE } from '../framework/cluster-event.ts';
import type { Placement } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { isRejected, type Status, statusMessage } from '../framework/status.ts';
import { attemptsLabel, type Metrics } from '../metrics/metrics.ts';
import type { FrameworkTimes } from '../metrics/times.ts';
import type { Attempt, AttemptDeps } from './attempt-contract.ts';
import { fail, NONE, refusedPlacement } from './attempt-failure.ts';

export function place(node: string, attempt: Attempt, deps: AttemptDeps): void {
  const { queued, active, info } = attempt;
  const { cluster, queue, nominator, binder, metrics, statuses } = deps;
  const { profile } = active;
  const placement = { pod: queued.pod, node };
  cluster.assume(info, node);
  nominator.remove(info.uid);

  const refused = reserveAndPermit(profile, placement, deps.times);
  if (refused !== undefined) {
    cluster.removePod(info.uid);
    return fail(refusedPlacement(refused), attempt, deps);
  }
  // From here on nothing makes the pod unschedulable, so events meanwhile need not be kept for it.
  queue.done(info.uid);
  statuses.drop(info.uid);
  binder.bind(profile, placement, (failure) => {
    if (failure === undefined) bound(placement, attempt, metrics, deps);
    else bindingFailed(failure, placement, attempt, deps);
    deps.wake();
  });
}

function reserveAndPermit(profile: Profile, placement: Placement, times: FrameworkTimes): Status | undefined {
  const ask = (shown: 'Reserve' | 'Permit'): Status | undefined => {
    const point = shown === 'Reserve' ? 'reserve' : 'permit';
    for (const plugin of profile[point]) {
      const status = plugin[point]?.(placement);
      if (status === undefined) continue;
      return isRejected(status) ? status : { ...status, reasons: [`running ${shown} plugin "${plugin.name}": ${statusMessage(status)}`] };
    }
    return undefined;
  };
  const run = (shown: 'Reserve' | 'Permit') =>
    times.point(
      shown,
      profile.schedulerName,
      () => ask(shown),
      (status) => status,
    );
  const refused = run('Reserve') ?? run('Permit');
  if (refused !== undefined) unreserve(profile, placement, times);
  return refused;
}

function unreserve(profile: Profile, placement: Placement, times: FrameworkTimes): void {
  times.point('Unreserve', profile.schedulerName, () => {
    for (const plugin of profile.reserve.toReversed()) plugin.unreserve?.(placement);
  });
}

function bound(
  { pod, node }: { readonly pod: Pod; readonly node: string },
  attempt: Attempt,
  metrics: Metrics,
  { clock }: AttemptDeps,
): void {
  const { queued, active, elapsed } = attempt;
  const { name, namespace } = pod.metadata;
  active.events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`, { action: 'Binding' });
  const profile = active.profile.schedulerName;
  metrics.count('scheduler_schedule_attempts_total', { result: 'scheduled', profile });
  metrics.observe('scheduler_scheduling_attempt_duration_seconds', { result: 'scheduled', profile }, elapsed());
  metrics.observe('scheduler_pod_scheduling_attempts', {}, queued.attempts);
  if (queued.wasFlushed) metrics.count('scheduler_pod_scheduled_after_flush_total', {});
  const waited = (clock.now() - (queued.firstAttempt ?? clock.now())) / 1000;
  metrics.observe('scheduler_pod_scheduling_sli_duration_seconds', { attempts: attemptsLabel(queued.attempts) }, waited);
}

/** What the pod held is free again, as if it had been deleted. Source: handleBindingCycleError. */
function bindingFailed(
  status: Status,
  { pod, node }: { readonly pod: Pod; readonly node: string },
  attempt: Attempt,
  deps: AttemptDeps,
): void {
  const { cluster, queue } = deps;
  const { info } = attempt;
  unreserve(attempt.active.profile, { pod, node }, deps.times);
  // The API server may have bound the pod and the answer been lost; then the informer has said so.
  if (cluster.isAssumed(info.uid)) cluster.removePod(info.uid);
  const gone = { ...pod, spec: { ...pod.spec, nodeName: node } };
  queue.moveAll(ASSIGNED_POD_DELETE, gone, undefined, (other) => !isRejected(status) || other.metadata.uid !== info.uid);
  fail(
    isRejected(status)
      ? refusedPlacement(status)
      : { reason: 'SchedulerError', message: statusMessage(status), plugins: NONE, nominated: '' },
    attempt,
    deps,
  );
}
