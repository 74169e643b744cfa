// The resource metrics API: NodeMetrics and PodMetrics of metrics.k8s.io/v1beta1, from memory. Source: metrics-server pkg/api.
import { formatDuration } from '#apimachinery/duration.ts';
import { notFound } from '#apimachinery/errors.ts';
import { Quantity } from '#apimachinery/quantity.ts';
import { formatTime } from '#apimachinery/time.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { ContainerMetrics, NodeMetrics, NodeMetricsList, PodMetrics, PodMetricsList } from '#api/gen/metrics-v1beta1.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { FieldSelector } from '#apimachinery/fields.ts';
import type { Usage } from './contract.ts';

export const METRICS_GROUP_VERSION = { group: 'metrics.k8s.io', version: 'v1beta1' } as const;
const API_VERSION = 'metrics.k8s.io/v1beta1';
const NANO = -9;

/** What is known of the present; the scraper keeps it. */
export interface UsageReader {
  node(name: string): Usage | undefined;
  /** By container; empty until every container has been seen twice. */
  pod(namespace: string, name: string): ReadonlyMap<string, Usage>;
}

export interface MetricsSelection {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labels: LabelSelector;
  readonly fields: FieldSelector;
}

export interface MetricsApiDeps {
  readonly nodes: Lister<Node>;
  readonly pods: Lister<Pod>;
  readonly usage: UsageReader;
}

export class MetricsApi {
  readonly #deps: MetricsApiDeps;

  constructor(deps: MetricsApiDeps) {
    this.#deps = deps;
  }

  listNodes({ labels, fields }: MetricsSelection): NodeMetricsList {
    const items = [...this.#deps.nodes.list()].filter(matching(labels, fields)).flatMap((node) => this.#node(node) ?? []);
    return { kind: 'NodeMetricsList', apiVersion: API_VERSION, metadata: {}, items: items.toSorted(byName) };
  }

  /** @throws StatusError NotFound also when nothing is known of the node yet */
  getNode(name: string): NodeMetrics {
    const node = this.#deps.nodes.get(name);
    const found = node === undefined ? undefined : this.#node(node);
    if (found === undefined) throw notFound({ group: 'metrics.k8s.io', resource: 'nodes' }, name);
    return found;
  }

  listPods({ namespace, labels, fields }: MetricsSelection): PodMetricsList {
    const items = [...this.#deps.pods.list(namespace)].filter(matching(labels, fields)).flatMap((pod) => this.#pod(pod) ?? []);
    return { kind: 'PodMetricsList', apiVersion: API_VERSION, metadata: {}, items: items.toSorted(byName) };
  }

  /** @throws StatusError NotFound also when nothing is known of the pod yet */
  getPod(namespace: string, name: string): PodMetrics {
    const pod = this.#deps.pods.get(name, namespace);
    const found = pod === undefined ? undefined : this.#pod(pod);
    if (found === undefined) throw notFound({ group: 'metrics.k8s.io', resource: 'pods' }, `${namespace}/${name}`);
    return found;
  }

  #node({ metadata }: Node): NodeMetrics | undefined {
    const usage = this.#deps.usage.node(metadata.name);
    if (usage === undefined) return undefined;
    return { kind: 'NodeMetrics', apiVersion: API_VERSION, metadata: identity(metadata, usage), ...timesOf(usage), usage: amounts(usage) };
  }

  #pod(pod: Pod): PodMetrics | undefined {
    if (isPodTerminal(pod)) return undefined;
    const { metadata } = pod;
    const usages = this.#deps.usage.pod(metadata.namespace, metadata.name);
    const [first] = [...usages.values()].toSorted((a, b) => a.at - b.at);
    if (first === undefined) return undefined;
    const containers = [...usages].map(([name, usage]): ContainerMetrics => ({ name, usage: amounts(usage) }));
    return {
      kind: 'PodMetrics',
      apiVersion: API_VERSION,
      metadata: identity(metadata, first),
      ...timesOf(first),
      containers: containers.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    };
  }
}

interface Named {
  readonly metadata: { readonly name?: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
}

const matching =
  (labels: LabelSelector, fields: FieldSelector) =>
  ({ metadata }: Named): boolean =>
    labels.matches(metadata.labels) &&
    fields.matches((field) =>
      field === 'metadata.name' ? (metadata.name ?? '') : field === 'metadata.namespace' ? (metadata.namespace ?? '') : '',
    );

const key = ({ metadata }: Named): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
const byName = (a: Named, b: Named): number => (key(a) < key(b) ? -1 : 1);

function identity({ name, namespace, labels }: Named['metadata'], { at }: Usage): NodeMetrics['metadata'] {
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    creationTimestamp: formatTime(at),
    ...(labels === undefined ? {} : { labels }),
  };
}

const timesOf = ({ at, windowMs }: Usage): Pick<NodeMetrics, 'timestamp' | 'window'> => ({
  timestamp: formatTime(at),
  window: formatDuration(windowMs) as unknown as NodeMetrics['window'], // a string, as every Duration of the API
});

const amounts = ({ cpu, memory }: Usage): ContainerMetrics['usage'] => ({
  cpu: new Quantity(cpu, NANO, 'DecimalSI').toString(),
  memory: Quantity.of(memory, 'BinarySI').toString(),
});
