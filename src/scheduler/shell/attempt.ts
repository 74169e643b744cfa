// One attempt to schedule one pod: decide, assume, bind; or say why not and wait. Source: schedule_one.go scheduleOnePod,
// handleSchedulingFailure.
import { assertNever } from '#base/assert-never.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { Decision, PodPlacer } from '../cycle/place-pod.ts';
import { ASSIGNED_POD_DELETE } from '../framework/cluster-event.ts';
import { fitMessage, truncateNote } from '../framework/fit-error.ts';
import type { Placement, PostFilterResult, Refusal } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { isRejected, type Status, statusMessage } from '../framework/status.ts';
import { attemptsLabel, type Metrics } from '../metrics/metrics.ts';
import { clearRejectors, type QueuedPod, replacePod } from '../queue/queued-pod.ts';
import type { SchedulingQueue } from '../queue/scheduling-queue.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { FrameworkTimes } from '../metrics/times.ts';
import type { Nominator } from '../state/nominator.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { Binder } from './binder.ts';
import type { Evictor } from './evictor.ts';
import { type Outcome, planPodStatus } from './pod-status-plan.ts';
import type { StatusWriter } from './status-writer.ts';

/** A profile and what serves it alone. */
export interface ActiveProfile {
  readonly profile: Profile;
  readonly placer: PodPlacer;
  readonly events: EventRecorder;
}

export interface AttemptDeps {
  readonly profiles: ReadonlyMap<string, ActiveProfile>;
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  readonly pods: Lister<Pod>;
  readonly binder: Binder;
  readonly statuses: StatusWriter;
  readonly evictor: Evictor;
  readonly metrics: Metrics;
  readonly times: FrameworkTimes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wake: () => void;
}

interface Failure extends Outcome {
  /** Whose events wake the pod; none: it is tried again after its back-off. */
  readonly plugins: ReadonlySet<string>;
  readonly pending?: ReadonlySet<string>;
}

export interface Attempt {
  readonly queued: QueuedPod;
  readonly info: PodInfo;
  readonly active: ActiveProfile;
  /** Seconds since it began. */
  readonly elapsed: () => number;
}

const NONE: ReadonlySet<string> = new Set();

/** `undefined`: there is nothing to try, and the pod is in flight no more. */
export function beginAttempt(queued: QueuedPod, deps: AttemptDeps): Attempt | undefined {
  const { pod } = queued;
  const { uid, name, namespace, deletionTimestamp } = pod.metadata;
  const active = deps.profiles.get(pod.spec.schedulerName);
  if (active === undefined || deps.cluster.isAssumed(uid)) {
    deps.queue.done(uid);
    return undefined;
  }
  if (deletionTimestamp !== undefined) {
    active.events.event(pod, 'Warning', 'FailedScheduling', `skip schedule deleting pod: ${namespace}/${name}`, { action: 'Scheduling' });
    deps.queue.done(uid);
    return undefined;
  }
  const start = deps.clock.monotonic();
  deps.times.begin();
  return { queued, info: deps.cluster.podInfos.of(pod), active, elapsed: () => (deps.clock.monotonic() - start) / 1000 };
}

/** A plugin that breaks over this pod keeps no other one waiting. */
export function attemptPod(attempt: Attempt, deps: AttemptDeps): void {
  let decision: Decision;
  let way: WayOut | undefined;
  try {
    decision = attempt.active.placer.place(attempt.info);
    decided(attempt, deps);
    if (decision.kind === 'refused') way = findWayOut(decision, attempt, deps);
  } catch (error) {
    deps.logger.error('a plugin broke', { pod: nameOf(attempt.queued.pod), error });
    decision = { kind: 'failed', message: `a plugin broke: ${(error as Error).message}` };
  }
  if (decision.kind !== 'refused') act(decision, attempt, deps);
  else if (way !== undefined) refuse(decision, way, attempt, deps);
}

/** A node was chosen, or none was found. */
export function decided({ elapsed }: Attempt, { metrics }: AttemptDeps): void {
  metrics.observe('scheduler_scheduling_algorithm_duration_seconds', {}, elapsed());
}

export type Refused = Extract<Decision, { kind: 'refused' }>;

export function act(decision: Exclude<Decision, Refused>, attempt: Attempt, deps: AttemptDeps): void {
  switch (decision.kind) {
    case 'placed':
      return place(decision.node, attempt, deps);
    case 'no-nodes':
      return fail({ reason: 'Unschedulable', message: 'no nodes available to schedule pods', plugins: NONE, nominated: '' }, attempt, deps);
    case 'failed':
      return fail({ reason: 'SchedulerError', message: decision.message, plugins: NONE, nominated: '' }, attempt, deps);
    default:
      assertNever(decision);
  }
}

/** Evicts whom the way out names, and lets the pod wait. */
export function refuse(decision: Refused, { message, nominated, eviction }: WayOut, attempt: Attempt, deps: AttemptDeps): void {
  if (eviction !== undefined) evict(eviction, attempt.queued.pod, attempt.active, deps);
  const diagnosis = message === '' ? decision.diagnosis : { ...decision.diagnosis, postFilterMessage: message };
  const failure: Failure = { reason: 'Unschedulable', message: fitMessage(diagnosis), plugins: decision.plugins };
  fail(nominated === undefined ? failure : { ...failure, nominated }, attempt, deps);
}

export interface WayOut {
  readonly message: string;
  /** '' for none; absent: as it was. */
  readonly nominated?: string;
  readonly eviction?: Nominated;
  /** What plugins that were asked before the one that evicts have to say, should that come to nothing. */
  readonly before?: readonly string[];
}

/** Source: RunPostFilterPlugins. */
export function findWayOut({ refusal }: Refused, { active }: Attempt, deps: AttemptDeps): WayOut {
  const { profile } = active;
  if (profile.postFilter.length === 0) return { message: '', nominated: '' };
  deps.metrics.count('scheduler_preemption_attempts_total', {});
  return deps.times.point(
    'PostFilter',
    profile.schedulerName,
    () => askPostFilters(profile, refusal, deps.cluster),
    ({ eviction }) => (eviction === undefined ? { code: 'Unschedulable' } : undefined),
  );
}

export type Nominated = Extract<PostFilterResult, { kind: 'nominated' }>;

function askPostFilters(profile: Profile, refusal: Refusal, cluster: ClusterState): WayOut {
  const messages: string[] = [];
  let clears = false;
  for (const plugin of profile.postFilter) {
    const result: PostFilterResult | undefined = plugin.postFilter?.(refusal, cluster);
    if (result === undefined) continue;
    if (result.kind === 'nominated') return { message: '', nominated: result.node, eviction: result, before: messages };
    if (result.kind === 'failed') return { message: result.message };
    if (result.clear) clears = true;
    messages.push(result.message);
  }
  return { message: messages.join(', '), ...(clears ? { nominated: '' } : {}) };
}

function evict(
  { node, victims }: Pick<Nominated, 'node' | 'victims'>,
  preemptor: Pod,
  { events }: ActiveProfile,
  { evictor, nominator, metrics }: AttemptDeps,
): void {
  const displaced = nominator.podsOn(node).filter(({ priority }) => priority < podPriority(preemptor));
  for (const { uid } of displaced) nominator.remove(uid);
  metrics.observe('scheduler_preemption_victims', {}, victims.length);
  evictor.evict({ preemptor, node, victims: victims.map(({ pod }) => pod), displaced: displaced.map(({ pod }) => pod), events });
}

function place(node: string, attempt: Attempt, deps: AttemptDeps): void {
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

/** Only the chosen node was asked. */
function refusedPlacement(status: Status): Failure {
  if (!isRejected(status)) return { reason: 'SchedulerError', message: statusMessage(status), plugins: NONE, nominated: '' };
  const message = fitMessage({ nodeCount: 1, statuses: new Map([[status, 1]]) });
  const plugins = new Set([status.plugin]);
  const woken = status.code === 'Pending' ? { plugins: NONE, pending: plugins } : { plugins };
  return { reason: 'Unschedulable', message, nominated: '', ...woken };
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

const nameOf = ({ metadata: { namespace, name } }: Pod): string => `${namespace}/${name}`;

/** Source: handleSchedulingFailure. */
function fail(failure: Failure, { queued, active, elapsed }: Attempt, deps: AttemptDeps): void {
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
