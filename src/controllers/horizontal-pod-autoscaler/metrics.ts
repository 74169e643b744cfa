// pure
// What each metric of an autoscaler asks for, and what its status says of it. Source: horizontal.go computeReplicasForMetric.
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { Quantity, quantityMilliValue } from '#apimachinery/quantity.ts';
import { byAverage, byShare, byUtilization, byValue, type Current, MetricError, type PodSamples, type Proposal } from './replicas.ts';

/** What was read for a metric. */
export type Reading =
  | { readonly kind: 'pods'; readonly samples: PodSamples }
  /** Thousandths; several of an external metric are added up. */
  | { readonly kind: 'values'; readonly values: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string };

/** And how long it took. */
export type TimedReading = Reading & { readonly seconds?: number };

export type MetricOutcome =
  | { readonly kind: 'proposal'; readonly replicas: number; readonly name: string; readonly status: MetricStatus }
  | { readonly kind: 'invalid'; readonly reason: string; readonly message: string };

interface Evaluated {
  readonly proposal: Proposal;
  readonly name: string;
  readonly status: MetricStatus;
}

/** `statusReplicas`: as the scale's status says. */
export function evaluate(spec: MetricSpec, reading: Reading, current: Current, statusReplicas: number): MetricOutcome {
  const kind = KINDS[spec.type];
  if (kind === undefined)
    return { kind: 'invalid', reason: 'InvalidMetricSourceType', message: `unknown metric source type ${goQuote(spec.type)}` };
  try {
    const { proposal, name, status } = kind.evaluate(spec, reading, current, statusReplicas);
    return { kind: 'proposal', replicas: proposal.replicas, name, status };
  } catch (error) {
    if (!(error instanceof MetricError)) throw error;
    return { kind: 'invalid', reason: `FailedGet${spec.type}Metric`, message: error.message };
  }
}

interface Kind {
  evaluate(spec: MetricSpec, reading: Reading, current: Current, statusReplicas: number): Evaluated;
}

const KINDS: Readonly<Record<string, Kind>> = {
  Resource: {
    evaluate({ resource }, reading, current) {
      const { name = '', target } = resource ?? {};
      const { proposal, title } = wrapped(`failed to get ${name} resource metric value`, () =>
        ofResource(current, reading, target, { resource: name }),
      );
      return { proposal, name: title, status: { type: 'Resource', resource: { name, current: currentOf(proposal) } } };
    },
  },
  ContainerResource: {
    evaluate({ containerResource }, reading, current) {
      const { name = '', container = '', target } = containerResource ?? {};
      const requested = { resource: name, container };
      const { proposal, title } = wrapped(`failed to get ${name} container metric value`, () =>
        ofResource(current, reading, target, requested),
      );
      return {
        proposal,
        name: title,
        status: { type: 'ContainerResource', containerResource: { name, container, current: currentOf(proposal) } },
      };
    },
  },
  Pods: {
    evaluate({ pods }, reading, current) {
      const { metric = { name: '' }, target } = pods ?? {};
      const proposal = wrapped('failed to get pods metric value', () =>
        byAverage(current, samplesOf(reading, `unable to get metric ${metric.name}`), milli(target?.averageValue)),
      );
      return {
        proposal,
        name: `pods metric ${metric.name}`,
        status: { type: 'Pods', pods: { metric, current: { averageValue: quantity(proposal.value) } } },
      };
    },
  },
  Object: {
    evaluate({ object }, reading, current, statusReplicas) {
      const { metric = { name: '' }, describedObject = { kind: '', name: '' }, target } = object ?? {};
      const described = `${describedObject.kind} on ${current.pods[0]?.metadata.namespace ?? ''} ${describedObject.name}`;
      const { proposal, value } = wrapped('failed to get object metric value', () =>
        ofWhole({ reading, current, statusReplicas, target, why: `unable to get metric ${metric.name}: ${described}`, kind: 'object' }),
      );
      return {
        proposal,
        name: `${describedObject.kind} metric ${metric.name}`,
        status: { type: 'Object', object: { metric, describedObject, current: value } },
      };
    },
  },
  External: {
    evaluate({ external }, reading, current, statusReplicas) {
      const { metric = { name: '' }, target } = external ?? {};
      const { proposal, value } = wrapped(`failed to get ${metric.name} external metric value`, () =>
        ofWhole({ reading, current, statusReplicas, target, why: `unable to get external metric ${metric.name}`, kind: 'external' }),
      );
      return {
        proposal,
        name: `external metric ${metric.name}(${metric.selector === undefined ? 'nil' : JSON.stringify(metric.selector)})`,
        status: { type: 'External', external: { metric, current: value } },
      };
    },
  },
};

function wrapped<T>(what: string, calculate: () => T): T {
  try {
    return calculate();
  } catch (error) {
    throw error instanceof MetricError ? new MetricError(`${what}: ${error.message}`) : error;
  }
}

function ofResource(
  current: Current,
  reading: Reading,
  target: MetricTarget | undefined,
  requested: { readonly resource: string; readonly container?: string },
): { readonly proposal: Proposal; readonly title: string } {
  const { resource } = requested;
  const why = `unable to get metrics for resource ${resource}`;
  if (target?.averageValue !== undefined) {
    const { averageValue } = target;
    const proposal = wrapped(`failed to get ${resource} usage`, () =>
      byAverage(current, samplesOf(reading, why), milli(averageValue), resource),
    );
    return { proposal, title: `${resource} resource` };
  }
  const { averageUtilization } = target ?? {};
  if (averageUtilization === undefined)
    throw new MetricError(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  const proposal = wrapped(`failed to get ${resource} utilization`, () =>
    byUtilization(current, samplesOf(reading, why), averageUtilization, requested),
  );
  return { proposal, title: `${resource} resource utilization (percentage of request)` };
}

interface Whole {
  readonly reading: Reading;
  readonly current: Current;
  readonly statusReplicas: number;
  readonly target: MetricTarget | undefined;
  readonly why: string;
  readonly kind: 'object' | 'external';
}

/** One value of something that is not a pod: against a value, or shared by all replicas. */
function ofWhole({ reading, current, statusReplicas, target, why, kind }: Whole): {
  readonly proposal: Proposal;
  readonly value: MetricValueStatus;
} {
  const total = (): number => valuesOf(reading, why).reduce((sum, value) => sum + value, 0);
  if (target?.value !== undefined) {
    const proposal = byValue(current, total(), milli(target.value));
    return { proposal, value: { value: quantity(proposal.value) } };
  }
  if (target?.averageValue === undefined)
    throw new MetricError(`invalid ${kind} metric source: neither a value target nor an average value target was set`);
  const proposal = byShare(current, statusReplicas, total(), milli(target.averageValue));
  return { proposal, value: { averageValue: quantity(proposal.value) } };
}

function samplesOf(reading: Reading, why: string): PodSamples {
  if (reading.kind === 'pods') return reading.samples;
  throw new MetricError(reading.kind === 'failed' ? `${why}: ${reading.message}` : why);
}

function valuesOf(reading: Reading, why: string): readonly number[] {
  if (reading.kind === 'values') return reading.values;
  throw new MetricError(reading.kind === 'failed' ? `${why}: ${reading.message}` : why);
}

const milli = (text: string | undefined): number => quantityMilliValue(text);
const quantity = (value: number): string => Quantity.milli(value).toString();

const currentOf = ({ utilization, value }: Proposal): MetricValueStatus => ({
  averageValue: quantity(value),
  ...(utilization === undefined ? {} : { averageUtilization: utilization }),
});

export interface MetricsSummary {
  readonly statuses: readonly MetricStatus[];
  /** The greatest number that any metric asks for, and the name of that metric; undefined when nothing may be done. */
  readonly wanted: { readonly replicas: number; readonly name: string } | undefined;
  /** Each is told by an event. */
  readonly invalid: readonly Extract<MetricOutcome, { readonly kind: 'invalid' }>[];
}

/** One metric that cannot be read keeps replicas from being taken away, not from being added. Source: computeReplicasForMetrics. */
export function summarize({ spec }: HorizontalPodAutoscaler, outcomes: readonly MetricOutcome[], specReplicas: number): MetricsSummary {
  const proposals = outcomes.filter((outcome) => outcome.kind === 'proposal');
  const invalid = outcomes.filter((outcome) => outcome.kind === 'invalid');
  const [best] = proposals.toSorted((a, b) => b.replicas - a.replicas);
  const blind = best === undefined || (invalid.length > 0 && best.replicas < specReplicas);
  return {
    statuses: outcomes
      .map((outcome, i) => (outcome.kind === 'proposal' ? outcome.status : { type: spec.metrics[i]?.type ?? '' }))
      .filter((status) => Object.keys(status).length > 1),
    wanted: blind ? undefined : { replicas: best.replicas, name: best.name },
    invalid,
  };
}
