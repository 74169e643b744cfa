// pure
// How many pods of a budget may be disrupted now. Source: disruption.go trySync, getExpectedPodCount.
import { ownValue } from '#api/json-object.ts';
import { setCondition } from '#api/conditions.ts';
import { scaledValue } from '#api/int-or-percent.ts';
import { isPodReady, isPodTerminal, podCondition } from '#api/pods.ts';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';

/** An eviction that was let through and led to no deletion within this time is forgotten. Source: DeletionTimeout. */
const DELETION_TIMEOUT_MS = 2 * 60 * 1000;

/** Source: stalePodDisruptionTimeout. */
const STALE_CONDITION_MS = 2 * 60 * 1000;

/** Whether the budget is a share of what the pods' owners want, and not a number of pods. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string';
}

export interface Expectation {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
}

/** `scale`: pods wanted by all owners together; read only when `needsScale`. */
export function expectation({ spec }: PodDisruptionBudget, pods: number, scale: number): Expectation {
  if (spec.maxUnavailable !== undefined)
    return { expectedPods: scale, desiredHealthy: Math.max(0, scale - scaledValue(spec.maxUnavailable, scale, 'up')) };
  if (spec.minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  const expectedPods = typeof spec.minAvailable === 'string' ? scale : pods;
  return { expectedPods, desiredHealthy: scaledValue(spec.minAvailable, expectedPods, 'up') };
}

export interface Disrupted {
  /** Pods that are about to be deleted, by name, with the time of their eviction. */
  readonly pods: Readonly<Record<string, string>>;
  /** Evicted too long ago to be deleted still. */
  readonly forgotten: readonly Pod[];
  /** Milliseconds until the next one is forgotten. */
  readonly afterMs: number | undefined;
}

/** Source: buildDisruptedPodMap. */
export function stillDisrupted({ status }: PodDisruptionBudget, pods: readonly Pod[], now: number): Disrupted {
  const kept: Record<string, string> = {};
  const forgotten: Pod[] = [];
  const waits: number[] = [];
  for (const pod of pods) {
    const time = ownValue(status.disruptedPods, pod.metadata.name);
    if (time === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const left = parseTime(time) + DELETION_TIMEOUT_MS - now;
    if (left < 0) {
      forgotten.push(pod);
      continue;
    }
    kept[pod.metadata.name] = time;
    waits.push(left);
  }
  return { pods: kept, forgotten, afterMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

export function budgetStatus(
  { metadata, status }: PodDisruptionBudget,
  pods: readonly Pod[],
  { expectedPods, desiredHealthy }: Expectation,
  disrupted: Disrupted,
  now: number,
): PodDisruptionBudgetStatus {
  const currentHealthy = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !Object.hasOwn(disrupted.pods, pod.metadata.name) && isPodReady(pod),
  ).length;
  // A budget without pods allows nothing: its first pods may be there before it is counted again.
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const observedGeneration = metadata.generation ?? 0;
  const allowed = disruptionsAllowed > 0;
  return {
    observedGeneration,
    ...(Object.keys(disrupted.pods).length === 0 ? {} : { disruptedPods: disrupted.pods }),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: setCondition(
      status.conditions,
      {
        type: 'DisruptionAllowed',
        status: allowed ? 'True' : 'False',
        reason: allowed ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        observedGeneration,
        lastTransitionTime: null as unknown as string,
      },
      now,
    ),
  };
}

/** What a budget shows that could not be counted: nothing may be disrupted. Source: failSafe. */
export function failedStatus({ status }: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False' as const,
    reason: 'SyncFailed',
    message,
    observedGeneration: status.observedGeneration ?? 0,
    lastTransitionTime: null as unknown as string,
  };
  return { ...status, disruptionsAllowed: 0, conditions: setCondition(status.conditions, condition, now) };
}

/**
 * Milliseconds until the pod's DisruptionTarget condition is stale: it was to be deleted, and was not. 0 when it is.
 * Undefined when it has none that can be. Source: nonTerminatingPodHasStaleDisruptionCondition.
 */
export function untilStale(pod: Pod, now: number): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
  const condition = podCondition(pod.status, 'DisruptionTarget');
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  const since = condition.lastTransitionTime;
  return since === undefined || since === null ? 0 : Math.max(0, parseTime(since) + STALE_CONDITION_MS - now);
}
