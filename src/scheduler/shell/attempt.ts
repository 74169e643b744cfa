// One attempt to schedule one pod: a node for it, others that make room, or word of why not. Source: schedule_one.go scheduleOnePod.
import { assertNever } from '#base/assert-never.ts';
import { podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { Decision } from '../cycle/place-pod.ts';
import { fitMessage } from '../framework/fit-error.ts';
import type { PostFilterResult, Refusal } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { QueuedPod } from '../queue/queued-pod.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { ActiveProfile, Attempt, AttemptDeps } from './attempt-contract.ts';
import { fail, type Failure, nameOf, NONE } from './attempt-failure.ts';
import { place } from './place-attempt.ts';

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
  { evictor, nominator }: AttemptDeps,
): void {
  const displaced = nominator.podsOn(node).filter(({ priority }) => priority < podPriority(preemptor));
  const [victimPods, displacedPods] = [victims, displaced].map((infos) => infos.map(({ pod }) => pod)) as [Pod[], Pod[]];
  if (!evictor.evict({ preemptor, node, victims: victimPods, displaced: displacedPods, events })) return;
  for (const { uid } of displaced) nominator.remove(uid);
}
