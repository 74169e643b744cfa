// pure
// One look at what an autoscaler watches over: whether to change the scale, and what its status says. Source: horizontal.go
// reconcileAutoscaler.
import { setCondition } from '#api/conditions.ts';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
  Pod,
} from '#api/types.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { formatTime } from '#apimachinery/time.ts';
import { type History, limit, NO_HISTORY } from './limits.ts';
import { evaluate, type MetricOutcome, type Reading, summarize, type TimedReading } from './metrics.ts';
import type { AutoscalingTuning } from '../runtime/tuning.ts';
import type { Current } from './replicas.ts';

export interface Observed {
  readonly hpa: HorizontalPodAutoscaler;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** Of the scale's selector. */
  readonly pods: readonly Pod[];
  /** One for each metric; not needed where the count alone decides. */
  readonly readings: readonly TimedReading[];
  readonly history: History;
  readonly now: number;
  readonly tuning: AutoscalingTuning;
  /** The scale's selector cannot be used: nothing is read. */
  readonly refusal?: Refusal;
}

export interface Refusal {
  /** Of the event. */
  readonly event: string;
  /** Of the condition. */
  readonly reason: string;
  readonly message: string;
  /** What the condition says, where it is not the message. */
  readonly said?: string;
}

export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface ScalePlan {
  /** As it is when no rescale is wanted, or before it is done. */
  readonly status: HorizontalPodAutoscalerStatus;
  readonly rescale: { readonly replicas: number; readonly reason: string } | undefined;
  readonly notices: readonly Notice[];
  readonly history: History;
  /** What each metric came to, where metrics decided. */
  readonly outcomes?: readonly MetricOutcome[];
  /** Not all could be found out that was asked. */
  readonly failed?: boolean;
}

/** Whether the number of replicas alone decides: then no metric is read. */
export function byCount({
  hpa: { spec },
  specReplicas,
}: Pick<Observed, 'hpa' | 'specReplicas'>): { readonly replicas: number; readonly reason: string } | undefined {
  if (specReplicas > spec.maxReplicas) return { replicas: spec.maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
  if (specReplicas < spec.minReplicas) return { replicas: spec.minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' };
  return undefined;
}

/** A target that was taken to nothing by hand rests, unless the autoscaler itself may go there. */
export function isDisabled({ hpa: { spec }, specReplicas }: Pick<Observed, 'hpa' | 'specReplicas'>): boolean {
  return specReplicas === 0 && spec.minReplicas !== 0;
}

export function planScale(observed: Observed): ScalePlan {
  const { hpa, specReplicas, now } = observed;
  const history =
    observed.history === NO_HISTORY ? { ...NO_HISTORY, recommendations: [{ replicas: specReplicas, at: now }] } : observed.history;
  const status = said(withGeneration(hpa), now, {
    type: 'AbleToScale',
    status: 'True',
    reason: 'SucceededGetScale',
    message: "the HPA controller was able to get the target's current scale",
  });
  if (isDisabled(observed)) {
    const message = 'scaling is disabled since the replica count of the target is zero';
    const disabled = said(status, now, { type: 'ScalingActive', status: 'False', reason: 'ScalingDisabled', message });
    return { status: counted(disabled, specReplicas, 0, []), rescale: undefined, notices: [], history };
  }
  const forced = byCount(observed);
  if (forced !== undefined) return { status: counted(status, specReplicas, forced.replicas, []), rescale: forced, notices: [], history };
  const { refusal } = observed;
  return refusal === undefined ? planByMetrics({ ...observed, history }, status) : refused({ ...observed, history }, status, refusal);
}

function refused({ hpa, specReplicas, history, now }: Observed, before: HorizontalPodAutoscalerStatus, refusal: Refusal): ScalePlan {
  const { event, reason, message } = refusal;
  const status = said(before, now, { type: 'ScalingActive', status: 'False', reason, message: refusal.said ?? message });
  return {
    status: counted(status, specReplicas, hpa.status.desiredReplicas ?? 0, []),
    rescale: undefined,
    notices: [
      { type: 'Warning', reason: event, message },
      { type: 'Warning', reason: 'FailedComputeMetricsReplicas', message },
    ],
    history,
    failed: true,
  };
}

function planByMetrics(observed: Observed, before: HorizontalPodAutoscalerStatus): ScalePlan {
  const { hpa, specReplicas, statusReplicas, pods, readings, history, now, tuning } = observed;
  const current: Current = { replicas: specReplicas, pods, tolerances: tolerancesOf(hpa, tuning), now, tuning };
  const unread: Reading = { kind: 'failed', message: 'it was not read' };
  const situation = { current, statusReplicas, namespace: hpa.metadata.namespace };
  const outcomes = hpa.spec.metrics.map((metric, i) => evaluate(metric, readings[i] ?? unread, situation));
  const { statuses, wanted, invalid } = summarize(outcomes, specReplicas);
  const notices: Notice[] = invalid.map(({ reason, message }) => ({ type: 'Warning', reason, message }));
  const [first] = invalid;
  if (wanted === undefined) {
    const error = [first?.context, first?.message].filter((part) => part !== undefined && part !== '').join(': ');
    const why = `invalid metrics (${invalid.length} invalid out of ${hpa.spec.metrics.length}), first error is: ${error}`;
    const message = `the HPA was unable to compute the replica count: ${first?.message ?? ''}`;
    const inactive = said(before, now, { type: 'ScalingActive', status: 'False', reason: first?.reason ?? '', message });
    return {
      status: counted(inactive, specReplicas, hpa.status.desiredReplicas ?? 0, statuses),
      rescale: undefined,
      notices: [...notices, { type: 'Warning', reason: 'FailedComputeMetricsReplicas', message: why }],
      history,
      outcomes,
      failed: true,
    };
  }
  const found = `the HPA was able to successfully calculate a replica count from ${wanted.name}`;
  const active = said(before, now, { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message: found });
  const limited = limit({ hpa, current: specReplicas, desired: wanted.replicas, now, tuning }, history);
  const able = said(active, now, { type: 'AbleToScale', status: 'True', ...limited.able });
  const final = said(able, now, { type: 'ScalingLimited', status: limited.limited ? 'True' : 'False', ...limited.limit });
  const reason =
    wanted.replicas > specReplicas ? `${wanted.name} above target` : wanted.replicas < specReplicas ? 'All metrics below target' : '';
  return {
    status: counted(final, specReplicas, limited.replicas, statuses),
    rescale: limited.replicas === specReplicas ? undefined : { replicas: limited.replicas, reason },
    notices,
    history: limited.history,
    outcomes,
    failed: invalid.length > 0,
  };
}

function tolerancesOf({ spec: { behavior } }: HorizontalPodAutoscaler, { tolerance }: AutoscalingTuning): Current['tolerances'] {
  const number = (text: string | undefined): number => (text === undefined ? tolerance : parseQuantity(text).milliValue() / 1000);
  return { up: number(behavior?.scaleUp?.tolerance), down: number(behavior?.scaleDown?.tolerance) };
}

type Condition = Omit<HorizontalPodAutoscalerCondition, 'lastTransitionTime'>;

export function said(status: HorizontalPodAutoscalerStatus, now: number, condition: Condition): HorizontalPodAutoscalerStatus {
  return { ...status, conditions: setCondition(status.conditions, { ...condition, lastTransitionTime: null }, now) };
}

export function withGeneration({ metadata, status }: HorizontalPodAutoscaler): HorizontalPodAutoscalerStatus {
  return metadata.generation === undefined ? status : { ...status, observedGeneration: metadata.generation };
}

function counted(
  status: HorizontalPodAutoscalerStatus,
  current: number,
  desired: number,
  metrics: readonly MetricStatus[],
): HorizontalPodAutoscalerStatus {
  const { currentReplicas: _, ...rest } = status;
  return {
    ...rest,
    ...(current === 0 ? {} : { currentReplicas: current }),
    desiredReplicas: desired,
    currentMetrics: metrics.length === 0 ? null : metrics,
  };
}

/** After the scale was changed. */
export function rescaled(status: HorizontalPodAutoscalerStatus, replicas: number, now: number): HorizontalPodAutoscalerStatus {
  const message = `the HPA controller was able to update the target scale to ${replicas}`;
  return {
    ...said(status, now, { type: 'AbleToScale', status: 'True', reason: 'SucceededRescale', message }),
    lastScaleTime: formatTime(now),
  };
}
