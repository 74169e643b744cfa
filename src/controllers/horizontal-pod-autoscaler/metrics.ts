// pure
// What each metric of an autoscaler asks for, and what its status says of it. Source: horizontal.go computeReplicasForMetric.
import type { MetricIdentifier, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { goLabelSelector } from '#apimachinery/labels.ts';
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
  /** `context` is what upstream says before the message where it tells of all metrics at once; empty for none. */
  | { readonly kind: 'invalid'; readonly reason: string; readonly message: string; readonly context: string };

interface Evaluated {
  readonly proposal: Proposal;
  readonly name: string;
  readonly status: MetricStatus;
}

export interface Situation {
  readonly current: Current;
  /** As the scale's status says. */
  readonly statusReplicas: number;
  readonly namespace: string;
}

export function evaluate(spec: MetricSpec, reading: Reading, situation: Situation): MetricOutcome {
  const kind = KINDS[spec.type];
  if (kind === undefined) {
    const message = `unknown metric source type ${goQuote(spec.type)}`;
    return { kind: 'invalid', reason: 'InvalidMetricSourceType', message, context: '' };
  }
  try {
    const { proposal, name, status } = kind.evaluate(spec, reading, situation);
    return { kind: 'proposal', replicas: proposal.replicas, name, status };
  } catch (error) {
    if (!(error instanceof MetricError)) throw error;
    return { kind: 'invalid', reason: `FailedGet${spec.type}Metric`, message: error.message, context: kind.context(spec) };
  }
}

interface Kind {
  evaluate(spec: MetricSpec, reading: Reading, situation: Situation): Evaluated;
  context(spec: MetricSpec): string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  Resource: {
    context: ({ resource }) => `failed to get ${resource?.name ?? ''} resource metric value`,
    evaluate({ resource }, reading, { current }) {
      const { name = '', target } = resource ?? {};
      const { proposal, title } = ofResource(current, reading, target, { resource: name });
      return { proposal, name: title, status: { type: 'Resource', resource: { name, current: currentOf(proposal) } } };
    },
  },
  ContainerResource: {
    context: ({ containerResource }) => `failed to get ${containerResource?.container ?? ''} container metric value`,
    evaluate({ containerResource }, reading, { current }) {
      const { name = '', container = '', target } = containerResource ?? {};
      const { proposal, title } = ofResource(current, reading, target, { resource: name, container });
      return {
        proposal,
        name: title,
        status: { type: 'ContainerResource', containerResource: { name, container, current: currentOf(proposal) } },
      };
    },
  },
  Pods: {
    context: () => 'failed to get pods metric value',
    evaluate({ pods }, reading, { current }) {
      const { metric = { name: '' }, target } = pods ?? {};
      const proposal = byAverage(current, samplesOf(reading, `unable to get metric ${metric.name}: `), milli(target?.averageValue));
      return {
        proposal,
        name: `pods metric ${metric.name}`,
        status: { type: 'Pods', pods: { metric, current: { averageValue: quantity(proposal.value) } } },
      };
    },
  },
  Object: {
    context({ object }) {
      const { metric, target } = object ?? {};
      const outer = 'failed to get object metric value';
      return target?.value === undefined && target?.averageValue !== undefined
        ? `${outer}: failed to get ${metric?.name ?? ''} object metric`
        : outer;
    },
    evaluate({ object }, reading, situation) {
      const { metric = { name: '' }, describedObject = { kind: '', name: '' }, target } = object ?? {};
      const { kind, name } = describedObject;
      const why = `unable to get metric ${metric.name}: ${kind} on ${situation.namespace} ${name}/`;
      const { proposal, value } = ofWhole({ reading, situation, target, why, kind: 'object' });
      return {
        proposal,
        // The same words as for an external metric, when it is shared by all replicas.
        name: value.value === undefined ? shared(metric) : `${kind} metric ${metric.name}`,
        status: { type: 'Object', object: { metric, describedObject, current: value } },
      };
    },
  },
  External: {
    context({ external }) {
      const { metric = { name: '' }, target } = external ?? {};
      const outer = `failed to get ${metric.name} external metric value`;
      if (target?.averageValue !== undefined) return `${outer}: failed to get ${metric.name} external metric`;
      return target?.value === undefined ? outer : `${outer}: failed to get external metric ${metric.name}`;
    },
    evaluate({ external }, reading, situation) {
      const { metric = { name: '' }, target } = external ?? {};
      const why = `unable to get external metric ${situation.namespace}/${metric.name}/${goLabelSelector(metric.selector)}: `;
      const { proposal, value } = ofWhole({ reading, situation, target, why, kind: 'external' });
      return { proposal, name: shared(metric), status: { type: 'External', external: { metric, current: value } } };
    },
  },
};

const shared = ({ name, selector }: MetricIdentifier): string => `external metric ${name}(${goLabelSelector(selector)})`;

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
  const { resource, container } = requested;
  const why = `unable to get metrics for resource ${resource}: `;
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
  return { proposal, title: `${resource}${container === undefined ? '' : ' container'} resource utilization (percentage of request)` };
}

interface Whole {
  readonly reading: Reading;
  readonly situation: Situation;
  readonly target: MetricTarget | undefined;
  readonly why: string;
  readonly kind: 'object' | 'external';
}

/** One value of something that is not a pod: against a value, or shared by all replicas. */
function ofWhole({ reading, situation: { current, statusReplicas }, target, why, kind }: Whole): {
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
  throw new MetricError(`${why}${reading.kind === 'failed' ? reading.message : ''}`);
}

function valuesOf(reading: Reading, why: string): readonly number[] {
  if (reading.kind === 'values') return reading.values;
  throw new MetricError(`${why}${reading.kind === 'failed' ? reading.message : ''}`);
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
export function summarize(outcomes: readonly MetricOutcome[], specReplicas: number): MetricsSummary {
  const proposals = outcomes.filter((outcome) => outcome.kind === 'proposal');
  const invalid = outcomes.filter((outcome) => outcome.kind === 'invalid');
  const [best] = proposals.toSorted((a, b) => b.replicas - a.replicas);
  const blind = best === undefined || (invalid.length > 0 && best.replicas < specReplicas);
  return {
    // One each, in the order of the spec: clients find a metric's value by its place.
    statuses: outcomes.map((outcome) => (outcome.kind === 'proposal' ? outcome.status : { type: '' })),
    wanted: blind ? undefined : { replicas: best.replicas, name: best.name },
    invalid,
  };
}
