// Reads metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io: whoever serves them. Source: podautoscaler
// metrics/client.go.
import { ownValue } from '#api/json-object.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { type LabelSelectorObject, selectorFromObject } from '#apimachinery/labels.ts';
import { parseDuration } from '#apimachinery/duration.ts';
import { quantityMilliValue } from '#apimachinery/quantity.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { PodMetrics } from '#api/gen/metrics-v1beta1.ts';
import type { MetricSpec } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import type { Reading, TimedReading } from './metrics.ts';
import type { PodSample } from './replicas.ts';
import type { ResourceMapper } from './resource-mapper.ts';

/** Custom metrics without a window are taken to cover this long. Source: metricServerDefaultMetricWindow. */
const DEFAULT_WINDOW_MS = 60_000;

export interface ReadMetricsDeps {
  readonly client: Client;
  readonly mapper: ResourceMapper;
  readonly clock: Clock;
}

export interface MetricsScope {
  readonly namespace: string;
  /** Of the scale, in text. */
  readonly selector: string;
}

/** One reading a metric, in order; what could not be read says why. Pods' own metrics are asked for once. */
export async function readMetrics(
  specs: readonly MetricSpec[],
  scope: MetricsScope,
  deps: ReadMetricsDeps,
): Promise<readonly TimedReading[]> {
  const { clock } = deps;
  let pods: Promise<readonly PodMetrics[]> | undefined;
  const read = async (spec: MetricSpec): Promise<Reading> => {
    try {
      switch (spec.type) {
        case 'Resource':
          return ofPods(await (pods ??= podMetrics(scope, deps)), spec.resource?.name ?? '', undefined);
        case 'ContainerResource': {
          const { name = '', container } = spec.containerResource ?? {};
          return ofPods(await (pods ??= podMetrics(scope, deps)), name, container);
        }
        case 'Pods':
          return await customOfPods(spec, scope, deps);
        case 'Object':
          return await customOfObject(spec, scope, deps);
        default:
          return await external(spec, scope, deps);
      }
    } catch (error) {
      if (!isStatusError(error) && !(error instanceof ConnectionError) && !(error instanceof UnreadableError)) throw error;
      return { kind: 'failed', message: error.message };
    }
  };
  return Promise.all(
    specs.map(async (spec) => {
      const since = clock.monotonic();
      return { ...(await read(spec)), seconds: (clock.monotonic() - since) / 1000 };
    }),
  );
}

/** What was answered cannot be used. */
class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

async function asked<T>(api: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isStatusError(error))
      throw new StatusError(error.reason, `unable to fetch metrics from ${api} metrics API: ${error.message}`, error.details, error.code);
    throw error;
  }
}

async function podMetrics({ namespace, selector }: MetricsScope, { client }: ReadMetricsDeps): Promise<readonly PodMetrics[]> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
  const list = await asked('resource', () =>
    client.getPath<{ readonly items?: readonly PodMetrics[] }>(path, { query: { labelSelector: selector } }),
  );
  if (list.items === undefined || list.items.length === 0) throw new UnreadableError('no metrics returned from resource metrics API');
  return list.items;
}

/** A pod one of whose containers lacks the resource shows nothing. Source: getPodMetrics, getContainerMetrics. */
function ofPods(items: readonly PodMetrics[], resource: string, container: string | undefined): Reading {
  const samples = new Map<string, PodSample>();
  for (const { metadata, containers, timestamp, window } of items) {
    const counted = containers.filter(({ name }) => container === undefined || name === container);
    if (container !== undefined && counted.length === 0)
      throw new UnreadableError(`container ${container} not present in metrics for pod ${metadata.namespace}/${metadata.name}`);
    const usages = counted.map(({ usage }) => ownValue(usage, resource));
    if (!usages.every((usage) => usage !== undefined)) continue;
    const value = usages.reduce((sum, usage) => sum + quantityMilliValue(usage), 0);
    samples.set(metadata.name ?? '', { value, at: parseTime(timestamp), windowMs: parseDuration(window as unknown as string) });
  }
  return { kind: 'pods', samples };
}

/** Of both versions: v1beta2 says `metric.name` and v1beta1 `metricName`, which nobody needs here. */
interface MetricValue {
  readonly describedObject?: { readonly name: string };
  readonly timestamp: string;
  readonly windowSeconds?: number;
  readonly value: string;
}

interface MetricValueList {
  readonly items?: readonly MetricValue[];
}

async function customPath(rest: string, { client }: ReadMetricsDeps): Promise<string> {
  const group = await asked('custom', () =>
    client.getPath<{ readonly preferredVersion: { readonly groupVersion: string } }>('/apis/custom.metrics.k8s.io'),
  );
  return `/apis/${group.preferredVersion.groupVersion}${rest}`;
}

async function customOfPods({ pods }: MetricSpec, { namespace, selector }: MetricsScope, deps: ReadMetricsDeps): Promise<Reading> {
  const { metric = { name: '' } } = pods ?? {};
  const path = await customPath(`/namespaces/${namespace}/pods/*/${metric.name}`, deps);
  const { items = [] } = await asked('custom', () =>
    deps.client.getPath<MetricValueList>(path, { query: { labelSelector: selector, ...metricSelector(metric.selector) } }),
  );
  if (items.length === 0) throw new UnreadableError('no metrics returned from custom metrics API');
  const samples = items.map(({ describedObject, timestamp, windowSeconds, value }): [string, PodSample] => {
    const windowMs = windowSeconds === undefined ? DEFAULT_WINDOW_MS : windowSeconds * 1000;
    return [describedObject?.name ?? '', { value: quantityMilliValue(value), at: parseTime(timestamp), windowMs }];
  });
  return { kind: 'pods', samples: new Map(samples) };
}

async function customOfObject({ object }: MetricSpec, { namespace }: MetricsScope, deps: ReadMetricsDeps): Promise<Reading> {
  const { metric = { name: '' }, describedObject = { kind: '', name: '', apiVersion: '' } } = object ?? {};
  const path = await customPath(await objectPath(describedObject, namespace, metric.name, deps), deps);
  const { items = [] } = await asked('custom', () =>
    deps.client.getPath<MetricValueList>(path, { query: metricSelector(metric.selector) }),
  );
  const [item] = items;
  if (item === undefined) throw new UnreadableError('no metrics returned from custom metrics API');
  return { kind: 'values', values: [quantityMilliValue(item.value)] };
}

/** Source: custom_metrics versioned_client.go. */
async function objectPath(
  { kind, name, apiVersion = 'v1' }: { readonly kind: string; readonly name: string; readonly apiVersion?: string },
  namespace: string,
  metric: string,
  { mapper }: ReadMetricsDeps,
): Promise<string> {
  if (kind === 'Namespace' && apiVersion === 'v1') return `/namespaces/${name}/metrics/${metric}`;
  const resource = await mapper.resourceFor(apiVersion, kind);
  const group = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
  return `${resource.namespaced ? `/namespaces/${namespace}` : ''}/${group}/${name}/${metric}`;
}

async function external({ external: source }: MetricSpec, { namespace }: MetricsScope, { client }: ReadMetricsDeps): Promise<Reading> {
  const { metric = { name: '' } } = source ?? {};
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric.name}`;
  const query = metric.selector === undefined ? {} : { labelSelector: selectorFromObject(metric.selector).toString() };
  const { items = [] } = await asked('external', () => client.getPath<MetricValueList>(path, { query }));
  if (items.length === 0) throw new UnreadableError('no metrics returned from external metrics API');
  return { kind: 'values', values: items.map(({ value }) => quantityMilliValue(value)) };
}

const metricSelector = (selector: LabelSelectorObject | undefined): Readonly<Record<string, string>> =>
  selector === undefined ? {} : { metricLabelSelector: selectorFromObject(selector).toString() };
