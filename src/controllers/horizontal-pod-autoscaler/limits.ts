// pure
// How far and how fast replicas may change. Source: horizontal.go normalizeDesiredReplicas, its rules and behaviours.
import type { HorizontalPodAutoscaler, HPAScalingRules } from '#api/types.ts';
import type { AutoscalingTuning } from '../runtime/tuning.ts';

/** Without behaviours: at most twice as many, but four from any beginning. Source: scaleUpLimitFactor, scaleUpLimitMinimum. */
const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

/** What was asked for at a time (milliseconds since the epoch). */
export interface Recommendation {
  readonly replicas: number;
  readonly at: number;
}

/** Replicas added or removed at a time. */
export interface ScaleEvent {
  readonly change: number;
  readonly at: number;
}

/** What one autoscaler has done and wanted lately. */
export interface History {
  readonly recommendations: readonly Recommendation[];
  readonly ups: readonly ScaleEvent[];
  readonly downs: readonly ScaleEvent[];
}

export const NO_HISTORY: History = { recommendations: [], ups: [], downs: [] };

export interface Said {
  readonly reason: string;
  readonly message: string;
}

export interface Limited {
  readonly replicas: number;
  readonly able: Said;
  /** `reason` other than DesiredWithinRange: something held the count back. */
  readonly limit: Said;
  readonly limited: boolean;
  readonly history: History;
}

export interface Wanted {
  readonly hpa: HorizontalPodAutoscaler;
  readonly current: number;
  readonly desired: number;
  readonly now: number;
  readonly tuning: Pick<AutoscalingTuning, 'downscaleStabilizationMs'>;
}

const READY: Said = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const DOWN_STABILIZED: Said = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const UP_STABILIZED: Said = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const IN_RANGE: Said = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const TOO_FEW: Said = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' };
const TOO_MANY: Said = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' };
const UP_LIMIT: Said = { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' };
const DOWN_LIMIT: Said = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};

export function limit(wanted: Wanted, history: History): Limited {
  const { hpa, current, desired, now, tuning } = wanted;
  const { behavior } = hpa.spec;
  const stable = behavior === undefined ? stabilizeDown(wanted, history) : stabilize(wanted, history);
  const stabilized = desired >= current && behavior !== undefined ? UP_STABILIZED : DOWN_STABILIZED;
  const kept = recorded(history, { replicas: desired, at: now }, windowOf(hpa, tuning.downscaleStabilizationMs));
  const { replicas, said } = behavior === undefined ? withinRules(wanted, stable) : withinBehavior(wanted, stable, history);
  return { replicas, able: stable === desired ? READY : stabilized, limit: said, limited: replicas !== stable, history: kept };
}

/** The highest of the last five minutes. Source: stabilizeRecommendation. */
function stabilizeDown({ desired, now, tuning }: Wanted, { recommendations }: History): number {
  const recent = recommendations.filter(({ at }) => at > now - tuning.downscaleStabilizationMs);
  return Math.max(desired, ...recent.map(({ replicas }) => replicas));
}

/** No higher than the lowest of one window, no lower than the highest of the other. Source: stabilizeRecommendationWithBehaviors. */
function stabilize({ hpa, current, desired, now, tuning }: Wanted, { recommendations }: History): number {
  const within = (rules: HPAScalingRules | undefined, fallback: number): readonly number[] => {
    const cutoff = now - (rules?.stabilizationWindowSeconds ?? fallback) * 1000;
    return recommendations.filter(({ at }) => at > cutoff).map(({ replicas }) => replicas);
  };
  const up = Math.min(desired, ...within(hpa.spec.behavior?.scaleUp, 0));
  const down = Math.max(desired, ...within(hpa.spec.behavior?.scaleDown, tuning.downscaleStabilizationMs / 1000));
  return Math.min(Math.max(current, up), down);
}

/** How long recommendations matter. */
function windowOf({ spec: { behavior } }: HorizontalPodAutoscaler, stabilizationMs: number): number {
  if (behavior === undefined) return stabilizationMs;
  const down = behavior.scaleDown?.stabilizationWindowSeconds ?? stabilizationMs / 1000;
  return Math.max(behavior.scaleUp?.stabilizationWindowSeconds ?? 0, down) * 1000;
}

function recorded(history: History, recommendation: Recommendation, windowMs: number): History {
  const recent = history.recommendations.filter(({ at }) => at > recommendation.at - windowMs);
  return { ...history, recommendations: [...recent, recommendation] };
}

interface Held {
  readonly replicas: number;
  readonly said: Said;
}

/** Source: convertDesiredReplicasWithRules. */
function withinRules({ hpa, current }: Wanted, desired: number): Held {
  const { minReplicas, maxReplicas } = hpa.spec;
  const rate = Math.max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM);
  if (desired < minReplicas) return { replicas: minReplicas, said: TOO_FEW };
  const [most, said] = maxReplicas > rate ? [rate, UP_LIMIT] : [maxReplicas, TOO_MANY];
  return desired > most ? { replicas: most, said } : { replicas: desired, said: IN_RANGE };
}

/** Source: convertDesiredReplicasWithBehaviorRate. */
function withinBehavior({ hpa, current, now }: Wanted, desired: number, history: History): Held {
  const { minReplicas, maxReplicas, behavior } = hpa.spec;
  if (behavior !== undefined && desired > current) {
    const rate = Math.max(current, rateUp(behavior.scaleUp, current, history, now));
    const [most, said] = maxReplicas > rate ? [rate, UP_LIMIT] : [maxReplicas, TOO_MANY];
    if (desired > most) return { replicas: most, said };
  } else if (behavior !== undefined && desired < current) {
    const rate = Math.min(current, rateDown(behavior.scaleDown, current, history, now));
    const [least, said] = minReplicas < rate ? [rate, DOWN_LIMIT] : [minReplicas, TOO_FEW];
    if (desired < least) return { replicas: least, said };
  }
  return { replicas: desired, said: IN_RANGE };
}

const changeSince = (events: readonly ScaleEvent[], now: number, periodSeconds: number): number =>
  events.filter(({ at }) => at > now - periodSeconds * 1000).reduce((sum, { change }) => sum + change, 0);

/** Each policy counts from what there was when its period began. Source: calculateScaleUpLimitWithScalingRules. */
function rateUp({ selectPolicy, policies }: HPAScalingRules, current: number, { ups, downs }: History, now: number): number {
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = current - changeSince(ups, now, periodSeconds) + changeSince(downs, now, periodSeconds);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

/** The policy that changes least is the one that leaves most. Source: calculateScaleDownLimitWithBehaviors. */
function rateDown({ selectPolicy, policies }: HPAScalingRules, current: number, { ups, downs }: History, now: number): number {
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = current - changeSince(ups, now, periodSeconds) + changeSince(downs, now, periodSeconds);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

/** With the change that was just made; those older than any policy's period are forgotten. Source: storeScaleEvent. */
export function scaled(history: History, { spec: { behavior } }: HorizontalPodAutoscaler, from: number, to: number, now: number): History {
  if (behavior === undefined) return history;
  const longest = (rules: HPAScalingRules | undefined): number =>
    Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds));
  const recent = (events: readonly ScaleEvent[], rules: HPAScalingRules | undefined): readonly ScaleEvent[] =>
    events.filter(({ at }) => at > now - longest(rules) * 1000);
  const event = { change: Math.abs(to - from), at: now };
  return {
    ...history,
    ups: [...recent(history.ups, behavior.scaleUp), ...(to > from ? [event] : [])],
    downs: [...recent(history.downs, behavior.scaleDown), ...(to < from ? [event] : [])],
  };
}
