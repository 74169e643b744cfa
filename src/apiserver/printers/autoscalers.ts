// HorizontalPodAutoscalers of both versions. Source: printers.go printHorizontalPodAutoscaler, formatHPAMetrics.
import type { AutoscalingV1HorizontalPodAutoscaler, HorizontalPodAutoscaler, KubeObject, MetricSpec, MetricStatus } from '#api/types.ts';
import { NONE, UNSET } from './cells.ts';
import { created, integer, name, printer, text } from './columns.ts';
import type { TablePrinter } from './contract.ts';

interface AnyAutoscaler {
  readonly metadata: HorizontalPodAutoscaler['metadata'];
  readonly spec: {
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly minReplicas?: number;
    readonly maxReplicas: number;
  };
  readonly status?: { readonly currentReplicas?: number };
}

const autoscalerPrinter = <T extends AnyAutoscaler>(targets: (autoscaler: T) => string): TablePrinter<T> =>
  printer<T>([
    name,
    text('Reference', 'What is scaled.', ({ spec: { scaleTargetRef } }) => `${scaleTargetRef.kind}/${scaleTargetRef.name}`),
    text('Targets', 'Load, and the load that is aimed at.', targets),
    text('MinPods', 'Fewest pods.', ({ spec }) => (spec.minReplicas === undefined ? UNSET : String(spec.minReplicas))),
    text('MaxPods', 'Most pods.', ({ spec }) => spec.maxReplicas),
    text('Replicas', 'Pods there are.', ({ status }) => status?.currentReplicas ?? 0),
    created,
  ]);

interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number };
}

/** What any workload that can be scaled says of it. Its name has no format, as upstream's. Source: printScale. */
export const scales: TablePrinter<Scale> = printer<Scale>([
  { ...name, format: '' },
  integer('Desired', 'Pods wanted.', ({ spec }) => spec.replicas ?? 0),
  integer('Available', 'Pods there are.', ({ status }) => status.replicas),
  created,
]);

export const autoscalers: TablePrinter<HorizontalPodAutoscaler> = autoscalerPrinter(({ spec, status }) =>
  metricsCell(spec.metrics ?? [], status?.currentMetrics ?? []),
);

/** Version 1 knows but one metric. */
export const autoscalersV1: TablePrinter<AutoscalingV1HorizontalPodAutoscaler> = autoscalerPrinter(({ spec, status }) => {
  const target = spec.targetCPUUtilizationPercentage;
  return target === undefined ? NONE : `cpu: ${percent(status?.currentCPUUtilizationPercentage)}/${target}%`;
});

/** Most metrics a cell shows. Source: formatHPAMetrics. */
const SHOWN_METRICS = 2;
const UNKNOWN = '<unknown>';

const percent = (value: number | undefined): string => (value === undefined ? UNKNOWN : `${value}%`);

function metricsCell(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return NONE;
  const all = specs.map((spec, index) => metricCell(spec, statuses[index]));
  const shown = all.slice(0, SHOWN_METRICS).join(', ');
  return all.length > SHOWN_METRICS ? `${shown} + ${all.length - SHOWN_METRICS} more...` : shown;
}

function metricCell(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return averageOrValue(spec.external?.target, status?.external?.current);
    case 'Object':
      return averageOrValue(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${spec.pods?.target.averageValue ?? ''}`;
    case 'Resource':
      return resourceCell(spec.resource, status?.resource?.current);
    case 'ContainerResource':
      return resourceCell(spec.containerResource, status?.containerResource?.current);
    default:
      return '<unknown type>';
  }
}

interface Amounts {
  readonly averageValue?: string;
  readonly value?: string;
  readonly averageUtilization?: number;
}

function averageOrValue(target: Amounts | undefined, current: Amounts | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${current?.value ?? UNKNOWN}/${target?.value ?? ''}`;
}

function resourceCell(spec: { readonly name: string; readonly target: Amounts } | undefined, current: Amounts | undefined): string {
  if (spec?.target.averageValue !== undefined) return `${spec.name}: ${current?.averageValue ?? UNKNOWN}/${spec.target.averageValue}`;
  const target = spec?.target.averageUtilization;
  return `${spec?.name ?? ''}: ${percent(current?.averageUtilization)}/${target === undefined ? '<auto>' : `${target}%`}`;
}
