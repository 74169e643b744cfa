// Metrics of an autoscaler in the form autoscaling/v1 carries them in annotations.
// Source: pkg/apis/autoscaling/v1/conversion.go.
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../gen/autoscaling-v2.ts';
import type { New } from '../types.ts';

/** A metric of the old form; which members it has depends on its type. */
export interface OldMetric {
  readonly type: string;
  readonly object?: Old;
  readonly pods?: Old;
  readonly resource?: Old;
  readonly containerResource?: Old;
  readonly external?: Old;
}

interface Old {
  readonly name?: string;
  readonly container?: string;
  readonly metricName?: string;
  readonly target?: { readonly kind?: string; readonly name?: string; readonly apiVersion?: string };
  readonly selector?: object;
  readonly metricSelector?: object;
  readonly targetValue?: string;
  readonly averageValue?: string;
  readonly targetAverageValue?: string;
  readonly targetAverageUtilization?: number;
  readonly currentValue?: string;
  readonly currentAverageValue?: string;
  readonly currentAverageUtilization?: number;
}

/** Quantities the old form cannot leave out. */
const ZERO = '0';

/** Leaves out members that are undefined. */
function compact<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

export function toOldSpec(spec: New<MetricSpec>): OldMetric {
  const { type = '', object, pods, resource, containerResource, external } = spec;
  return compact({
    type,
    object: object && {
      ...compact({ target: object.describedObject, metricName: object.metric?.name, targetValue: object.target?.value ?? ZERO }),
      ...compact({ selector: object.metric?.selector, averageValue: object.target?.averageValue }),
    },
    pods:
      pods &&
      compact({ metricName: pods.metric?.name, targetAverageValue: pods.target?.averageValue ?? ZERO, selector: pods.metric?.selector }),
    resource: resource && { name: resource.name, ...oldTarget(resource.target) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...oldTarget(containerResource.target),
      container: containerResource.container,
    },
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        targetValue: external.target?.value,
        targetAverageValue: external.target?.averageValue,
      }),
  }) as OldMetric;
}

const oldTarget = (target: New<MetricTarget> | undefined): object =>
  compact({ targetAverageUtilization: target?.averageUtilization, targetAverageValue: target?.averageValue });

export function fromOldSpec({ type, object, pods, resource, containerResource, external }: OldMetric): New<MetricSpec> {
  return compact({
    type,
    object: object && {
      describedObject: {
        kind: object.target?.kind ?? '',
        name: object.target?.name ?? '',
        ...compact({ apiVersion: object.target?.apiVersion }),
      },
      target: objectTarget(object),
      metric: compact({ name: object.metricName ?? '', selector: object.selector }),
    },
    pods: pods && {
      metric: compact({ name: pods.metricName ?? '', selector: pods.selector }),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue ?? ZERO },
    },
    resource: resource && { name: resource.name ?? '', target: resourceTarget(resource) },
    containerResource: containerResource && {
      name: containerResource.name ?? '',
      target: resourceTarget(containerResource),
      container: containerResource.container ?? '',
    },
    external: external && {
      metric: compact({ name: external.metricName ?? '', selector: external.metricSelector }),
      target: compact({
        type: external.targetValue === undefined ? 'AverageValue' : 'Value',
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      }),
    },
  }) as New<MetricSpec>;
}

/** A zero value beside an average is the old form's way of saying nothing. */
function objectTarget({ targetValue = ZERO, averageValue }: Old): object {
  if (averageValue === undefined) return { type: 'Value', value: targetValue };
  return compact({ type: 'AverageValue', value: targetValue === ZERO ? undefined : targetValue, averageValue });
}

function resourceTarget({ targetAverageUtilization, targetAverageValue }: Old): object {
  return compact({
    type: targetAverageUtilization === undefined ? 'AverageValue' : 'Utilization',
    averageValue: targetAverageValue,
    averageUtilization: targetAverageUtilization,
  });
}

export function toOldStatus({ type = '', object, pods, resource, containerResource, external }: New<MetricStatus>): OldMetric {
  return compact({
    type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric?.name,
        currentValue: object.current?.value ?? ZERO,
        selector: object.metric?.selector,
        averageValue: object.current?.averageValue,
      }),
    pods:
      pods &&
      compact({ metricName: pods.metric?.name, currentAverageValue: pods.current?.averageValue ?? ZERO, selector: pods.metric?.selector }),
    resource: resource && { name: resource.name, ...oldCurrent(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...oldCurrent(containerResource.current),
      container: containerResource.container,
    },
    external:
      external &&
      compact({
        metricName: external.metric?.name,
        metricSelector: external.metric?.selector,
        currentValue: external.current?.value ?? ZERO,
        currentAverageValue: external.current?.averageValue,
      }),
  }) as OldMetric;
}

const oldCurrent = (current: New<MetricValueStatus> | undefined): object =>
  compact({ currentAverageUtilization: current?.averageUtilization, currentAverageValue: current?.averageValue ?? ZERO });

export function fromOldStatus({ type, object, pods, resource, containerResource, external }: OldMetric): New<MetricStatus> {
  return compact({
    type,
    object: object && {
      metric: compact({ name: object.metricName ?? '', selector: object.selector }),
      current: compact({ value: object.currentValue ?? ZERO, averageValue: object.averageValue }),
      describedObject: {
        kind: object.target?.kind ?? '',
        name: object.target?.name ?? '',
        ...compact({ apiVersion: object.target?.apiVersion }),
      },
    },
    pods: pods && {
      metric: compact({ name: pods.metricName ?? '', selector: pods.selector }),
      current: { averageValue: pods.currentAverageValue ?? ZERO },
    },
    resource: resource && { name: resource.name ?? '', current: current(resource) },
    containerResource: containerResource && {
      name: containerResource.name ?? '',
      current: current(containerResource),
      container: containerResource.container ?? '',
    },
    external: external && {
      metric: compact({ name: external.metricName ?? '', selector: external.metricSelector }),
      current: compact({ value: external.currentValue ?? ZERO, averageValue: external.currentAverageValue }),
    },
  }) as New<MetricStatus>;
}

const current = ({ currentAverageValue = ZERO, currentAverageUtilization }: Old): object =>
  compact({ averageValue: currentAverageValue, averageUtilization: currentAverageUtilization });
