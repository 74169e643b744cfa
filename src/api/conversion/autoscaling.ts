// autoscaling/v1 knows one target, the CPU; everything else a v2 autoscaler says travels in annotations.
// Source: pkg/apis/autoscaling/v1/conversion.go, annotations.go.
import type { HorizontalPodAutoscaler as V1 } from '../gen/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from '../gen/autoscaling-v2.ts';
import { DecodeError, decodeValue } from '../decode.ts';
import { isJsonObject, type JsonObject } from '../json-object.ts';
import { schemaOfDefinition } from '../schema.ts';
import type { KubeObject, New } from '../types.ts';
import { fromOldSpec, fromOldStatus, toOldSpec, toOldStatus, type OldMetric } from './autoscaler-metrics.ts';
import type { Conversion } from './contract.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const CURRENT_METRICS = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
const BEHAVIOR = `${PREFIX}behavior`;
const ROUND_TRIP: readonly string[] = [
  METRICS,
  CURRENT_METRICS,
  CONDITIONS,
  BEHAVIOR,
  `${PREFIX}scale-down-tolerance`,
  `${PREFIX}scale-up-tolerance`,
];

const DEFAULT_CPU_UTILIZATION = 80;

export const horizontalPodAutoscalers: Conversion = {
  toServed: (object) => toV1(object as unknown as HorizontalPodAutoscaler) as unknown as KubeObject,
  toStored: (object) => fromV1(object as unknown as V1) as unknown as KubeObject,
};

function toV1({ metadata, spec, status, ...rest }: HorizontalPodAutoscaler): object {
  const metrics = spec?.metrics ?? [];
  const cpu = metrics.find(isCpuUtilization);
  const others = metrics.filter((metric) => !isCpuUtilization(metric)).map(toOldSpec);
  const annotations: Record<string, string> = dropRoundTrip(metadata.annotations);
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others);
  const current = status?.currentMetrics ?? [];
  if (current.length > 0) annotations[CURRENT_METRICS] = JSON.stringify(current.map(toOldStatus));
  if (spec?.behavior !== undefined) annotations[BEHAVIOR] = JSON.stringify(internalBehavior(spec.behavior));
  if (status?.conditions !== undefined && status.conditions.length > 0) annotations[CONDITIONS] = JSON.stringify(status.conditions);
  const cpuNow = current.findLast((metric) => metric.type === 'Resource' && metric.resource?.name === 'cpu')?.resource?.current
    .averageUtilization;
  return {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: { ...metadata, annotations },
    spec: {
      scaleTargetRef: spec?.scaleTargetRef,
      minReplicas: spec?.minReplicas,
      maxReplicas: spec?.maxReplicas,
      targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization,
    },
    status: {
      observedGeneration: status?.observedGeneration,
      lastScaleTime: status?.lastScaleTime,
      currentReplicas: status?.currentReplicas,
      desiredReplicas: status?.desiredReplicas,
      currentCPUUtilizationPercentage: cpuNow,
    },
  };
}

function fromV1({ metadata, spec, status, ...rest }: V1): object {
  const annotations = metadata.annotations ?? {};
  const metrics: New<MetricSpec>[] = [
    ...(readable(
      'MetricSpec',
      parseList(annotations[METRICS])?.map((one) => fromOldSpec(one as unknown as OldMetric)),
    ) ?? []),
  ];
  const target = spec?.targetCPUUtilizationPercentage;
  if (target !== undefined || metrics.length === 0) metrics.push(cpuMetric(target ?? DEFAULT_CPU_UTILIZATION));
  const cpuNow = status?.currentCPUUtilizationPercentage;
  const currentMetrics: readonly New<MetricStatus>[] | undefined =
    readable(
      'MetricStatus',
      parseList(annotations[CURRENT_METRICS])?.map((one) => fromOldStatus(one as unknown as OldMetric)),
    ) ?? (cpuNow === undefined ? undefined : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpuNow } } }]);
  const conditions = readable(
    'HorizontalPodAutoscalerCondition',
    parseList(annotations[CONDITIONS]) as readonly HorizontalPodAutoscalerCondition[] | undefined,
  );
  return {
    ...rest,
    apiVersion: 'autoscaling/v2',
    metadata: { ...metadata, annotations: dropRoundTrip(annotations) },
    spec: {
      scaleTargetRef: spec?.scaleTargetRef,
      minReplicas: spec?.minReplicas,
      maxReplicas: spec?.maxReplicas,
      metrics,
      behavior: parseBehavior(annotations[BEHAVIOR]),
    },
    status: {
      observedGeneration: status?.observedGeneration,
      lastScaleTime: status?.lastScaleTime,
      currentReplicas: status?.currentReplicas,
      desiredReplicas: status?.desiredReplicas,
      currentMetrics: currentMetrics ?? null,
      conditions,
    },
  };
}

const isCpuUtilization = ({ type, resource }: MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;

const cpuMetric = (averageUtilization: number): New<MetricSpec> => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

function dropRoundTrip(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !ROUND_TRIP.includes(key)));
}

/** Undefined for an annotation that is absent or unreadable: upstream ignores one that is. */
function parseAnnotation(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseList(text: string | undefined): readonly JsonObject[] | undefined {
  const value = parseAnnotation(text);
  return Array.isArray(value) && value.every(isJsonObject) ? value : undefined;
}

/** Upstream writes this annotation from a Go type without JSON names: `{"ScaleUp":{"Policies":[{"Type":…}]}}`. */
function internalBehavior({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): object {
  const rules = (given: HPAScalingRules | undefined): object | null =>
    given === undefined
      ? null
      : {
          StabilizationWindowSeconds: given.stabilizationWindowSeconds ?? null,
          SelectPolicy: given.selectPolicy ?? null,
          Policies:
            given.policies?.map(({ type, value, periodSeconds }) => ({ Type: type, Value: value, PeriodSeconds: periodSeconds })) ?? null,
          Tolerance: given.tolerance ?? null,
        };
  return { ScaleUp: rules(scaleUp), ScaleDown: rules(scaleDown) };
}

function parseBehavior(text: string | undefined): object | undefined {
  const value = parseAnnotation(text);
  if (!isJsonObject(value)) return undefined;
  const { scaleUp, scaleDown } = camelKeys(value) as { readonly scaleUp?: unknown; readonly scaleDown?: unknown };
  if (scaleUp === undefined && scaleDown === undefined) return undefined;
  return readable('HorizontalPodAutoscalerBehavior', [{ scaleUp, scaleDown }])?.[0];
}

/** The values, unless one is no value of its type: then the annotation they come from is ignored, as upstream does. */
function readable<T>(type: string, values: readonly T[] | undefined): readonly T[] | undefined {
  const schema = schemaOfDefinition(`io.k8s.api.autoscaling.v2.${type}`);
  try {
    return values?.map((value) => decodeValue<T>(value, schema, { fieldValidation: 'Ignore' }).object);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Go names as JSON names, nulls left out. */
function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(entries.map(([key, member]) => [key.charAt(0).toLowerCase() + key.slice(1), camelKeys(member)]));
}
