// pure
// How many replicas a metric asks for. Values are thousandths. Source: podautoscaler replica_calculator.go, metrics/utilization.go.
import { ownValue } from '#api/json-object.ts';
import { isSidecar, podCondition } from '#api/pods.ts';
import type { Container, Pod } from '#api/types.ts';
import { quantityMilliValue } from '#apimachinery/quantity.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { AutoscalingTuning } from '../runtime/tuning.ts';

/** A metric cannot be used; the message is upstream's. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
}

/** What one pod showed. */
export interface PodSample {
  readonly value: number;
  /** Milliseconds since the epoch: the end of the time it was measured over. */
  readonly at: number;
  readonly windowMs: number;
}

export type PodSamples = ReadonlyMap<string, PodSample>;

/** How far a ratio may be from 1 before anything is done, each way. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

const isWithin = (ratio: number, { up, down }: Tolerances): boolean => ratio >= 1 - down && ratio <= 1 + up;

export interface Current {
  /** As the scale's spec says. */
  readonly replicas: number;
  /** Of the scale's selector. */
  readonly pods: readonly Pod[];
  readonly tolerances: Tolerances;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly tuning: AutoscalingTuning;
}

export interface Proposal {
  readonly replicas: number;
  /** Percent of what pods request, where that was the target. */
  readonly utilization?: number;
  /** Average of all pods, or the value itself. */
  readonly value: number;
}

interface Groups {
  readonly ready: number;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
  /** Of ready pods, and of those that are not known here: gone already, or not seen yet. */
  readonly samples: ReadonlyMap<string, number>;
}

/** Pods on their way out do not count; those that start, or show nothing, are kept apart. Source: groupPods. */
function groupPods({ pods, now, tuning }: Current, samples: PodSamples, resource: string): Groups {
  const unready: string[] = [];
  const missing: string[] = [];
  const used = new Map([...samples].map(([name, { value }]) => [name, value]));
  let ready = 0;
  for (const pod of pods) {
    const { name } = pod.metadata;
    const sample = samples.get(name);
    const group = groupOf(pod, sample, resource === 'cpu' ? (shown) => isStarting(pod, shown, now, tuning) : () => false);
    if (group === 'ready') ready++;
    else used.delete(name);
    if (group === 'unready') unready.push(name);
    if (group === 'missing') missing.push(name);
  }
  return { ready, unready, missing, samples: used };
}

function groupOf(
  { metadata, status }: Pod,
  sample: PodSample | undefined,
  starts: (sample: PodSample) => boolean,
): 'leaving' | 'unready' | 'missing' | 'ready' {
  if (metadata.deletionTimestamp !== undefined || status.phase === 'Failed') return 'leaving';
  if (status.phase === 'Pending') return 'unready';
  if (sample === undefined) return 'missing';
  return starts(sample) ? 'unready' : 'ready';
}

/** CPU use of a pod that starts says nothing of its load. */
function isStarting({ status }: Pod, { at, windowMs }: PodSample, now: number, tuning: AutoscalingTuning): boolean {
  const ready = podCondition(status, 'Ready');
  if (ready === undefined || status.startTime === undefined || ready.lastTransitionTime === null) return true;
  const [started, changed] = [parseTime(status.startTime), parseTime(ready.lastTransitionTime)];
  if (started + tuning.cpuInitializationMs > now) return ready.status === 'False' || at < changed + windowMs;
  return ready.status === 'False' && started + tuning.initialReadinessMs > changed;
}

interface Measure {
  /** Used against wanted: 1 is on target. */
  readonly ratio: number;
  readonly utilization?: number;
  readonly value: number;
}

interface Basis {
  readonly groups: Groups;
  readonly measure: (samples: ReadonlyMap<string, number>) => Measure;
  /** What a pod that shows nothing is taken to use when there might be too many. */
  readonly fallback: (pod: string) => number;
  /** Whether pods that show nothing are taken to use nothing when those that show something are on target. */
  readonly idleOnTarget: boolean;
}

/**
 * Pods that show nothing are taken for what argues against a change: busy when scaling down, idle when scaling up, as
 * those are that start. A change that this reverses is not made.
 */
function propose({ replicas, tolerances }: Current, { groups, measure, fallback, idleOnTarget }: Basis): Proposal {
  const { ready, unready, missing, samples } = groups;
  if (samples.size === 0) throw new MetricError('did not receive metrics for targeted pods (pods might be unready)');
  const first = measure(samples);
  const { value, utilization } = first;
  const answer = (count: number): Proposal => ({ replicas: count, value, ...(utilization === undefined ? {} : { utilization }) });
  const rebalance = unready.length > 0 && first.ratio > 1;
  if (!rebalance && missing.length === 0) return answer(isWithin(first.ratio, tolerances) ? replicas : Math.ceil(first.ratio * ready));

  const all = new Map(samples);
  if (first.ratio < 1) for (const name of missing) all.set(name, fallback(name));
  else if (first.ratio > 1 || idleOnTarget) for (const name of missing) all.set(name, 0);
  if (rebalance) for (const name of unready) all.set(name, 0);
  const { ratio } = measure(all);
  const turned = (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1);
  if (isWithin(ratio, tolerances) || turned) return answer(replicas);
  const count = Math.ceil(ratio * all.size);
  return answer((ratio < 1 && count > replicas) || (ratio > 1 && count < replicas) ? replicas : count);
}

function selected(current: Current): Current {
  if (current.pods.length === 0) throw new MetricError('no pods returned by selector while calculating replica count');
  return current;
}

export interface Requested {
  /** `cpu`, `memory`. */
  readonly resource: string;
  /** Only this one's; absent: all of a pod. */
  readonly container?: string;
}

/** @throws MetricError. Source: GetResourceReplicas */
export function byUtilization(current: Current, samples: PodSamples, target: number, requested: Requested): Proposal {
  const groups = groupPods(selected(current), samples, requested.resource);
  const requests = new Map(current.pods.map((pod) => [pod.metadata.name, requestOf(pod, requested)]));
  const measure = (used: ReadonlyMap<string, number>): Measure => {
    const known = [...used].filter(([name]) => requests.has(name));
    const usage = known.reduce((sum, [, value]) => sum + value, 0);
    const request = known.reduce((sum, [name]) => sum + (requests.get(name) ?? 0), 0);
    if (request === 0) throw new MetricError('no metrics returned matched known pods');
    const utilization = Math.trunc((usage * 100) / request);
    return { ratio: utilization / target, utilization, value: Math.trunc(usage / known.length) };
  };
  const fallback = (name: string): number => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  return propose(current, { groups, measure, fallback, idleOnTarget: false });
}

/** @throws MetricError. Source: calculatePodRequests */
function requestOf(pod: Pod, { resource, container }: Requested): number {
  const { spec, metadata } = pod;
  const sidecars = (spec.initContainers ?? []).filter(isSidecar);
  const own = ({ name, resources }: Container): number => {
    const request = ownValue(resources.requests, resource);
    if (request === undefined) throw new MetricError(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`);
    return quantityMilliValue(request);
  };
  const podLevel = ownValue(spec.resources?.requests, resource);
  if (container === undefined && podLevel !== undefined) return quantityMilliValue(podLevel);
  const counted = [...spec.containers, ...sidecars].filter(({ name }) => container === undefined || name === container);
  return counted.reduce((sum, one) => sum + own(one), 0);
}

/** Against an average of all pods. @throws MetricError. Source: calcPlainMetricReplicas */
export function byAverage(current: Current, samples: PodSamples, target: number, resource = ''): Proposal {
  const groups = groupPods(selected(current), samples, resource);
  const measure = (used: ReadonlyMap<string, number>): Measure => {
    const average = Math.trunc([...used.values()].reduce((sum, value) => sum + value, 0) / used.size);
    return { ratio: average / target, value: average };
  };
  return propose(current, { groups, measure, fallback: () => target, idleOnTarget: true });
}

/** One value of the whole against a target. Source: getUsageRatioReplicaCount */
export function byValue(current: Current, value: number, target: number): Proposal {
  const ratio = value / target;
  if (current.replicas === 0) return { replicas: Math.ceil(ratio), value };
  if (isWithin(ratio, current.tolerances)) return { replicas: current.replicas, value };
  const ready = selected(current).pods.filter(
    ({ status }) => status.phase === 'Running' && podCondition(status, 'Ready')?.status === 'True',
  ).length;
  return { replicas: Math.ceil(ratio * ready), value };
}

/** One value shared by all replicas. `statusReplicas`: as the scale's status says. Source: GetObjectPerPodMetricReplicas */
export function byShare({ tolerances }: Current, statusReplicas: number, value: number, target: number): Proposal {
  const within = statusReplicas > 0 && isWithin(value / (target * statusReplicas), tolerances);
  return {
    replicas: within ? statusReplicas : Math.ceil(value / target),
    value: statusReplicas === 0 ? value : Math.ceil(value / statusReplicas),
  };
}
