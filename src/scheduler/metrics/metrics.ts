// What the scheduler counts and times, under upstream's names. Source: pkg/scheduler/metrics.
import type { Pod } from '#api/types.ts';
import { type Counter, CounterFamily, exponentialBuckets, gauge, HistogramFamily } from '#base/metrics.ts';
import { exposePodResources } from './pod-resources.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where figures go; durations are in seconds. */
export interface Metrics {
  count(name: CounterName, labels: Labels): void;
  /** Counts one for each of `each`: a list that is kept by who counts and never changed. */
  countEach(name: CounterName, each: readonly Labels[]): void;
  observe(name: HistogramName, labels: Labels, value: number): void;
  /** What is so at present, read when somebody looks; absent: nothing runs. */
  follow(gauges: Gauges | undefined): void;
}

export interface Gauges {
  /** Pods by part of the queue. */
  readonly pending: () => Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>;
  /** Pods that wait, by the plugin that refused them and their profile. */
  readonly unschedulable: () => Iterable<readonly [labels: readonly [plugin: string, profile: string], pods: number]>;
  /** What happened while pods were being scheduled, by event, as long as one of them may have to hear of it. */
  readonly inFlight: () => Readonly<Record<string, number>>;
  readonly cache: () => Readonly<Record<'nodes' | 'pods' | 'assumed_pods', number>>;
  /** What is under way beside the scheduling: upstream has a goroutine for each. */
  readonly underWay: () => Readonly<Record<'binding' | 'preemption', number>>;
  readonly pods: () => Iterable<Pod>;
}

const ATTEMPT_BUCKETS = exponentialBuckets(0.001, 2, 15);
const SLI_BUCKETS = exponentialBuckets(0.01, 2, 20);

interface Described {
  /** Begins with how stable upstream promises the metric to be. */
  readonly help: string;
  readonly labels: readonly string[];
}

const COUNTERS = {
  scheduler_schedule_attempts_total: {
    help: "[STABLE] Attempts to place pods, by result: 'unschedulable' found no node, 'error' is a fault of the scheduler or of a neighbour.",
    labels: ['result', 'profile'],
  },
  scheduler_queue_incoming_pods_total: { help: '[STABLE] Pods that came to a part of the queue, by event.', labels: ['queue', 'event'] },
  scheduler_resourceclaim_creates_total: {
    help: '[ALPHA] Claims made for extended resources that devices stand for.',
    labels: ['status', 'admin_access'],
  },
  scheduler_dra_bindingconditions_allocations_total: {
    help: '[ALPHA] Attempts that waited for devices to become ready, once for each driver.',
    labels: ['profile', 'driver', 'status'],
  },
  scheduler_pod_scheduled_after_flush_total: {
    help: '[ALPHA] Pods placed after they had waited so long that they were tried without any event.',
    labels: [],
  },
  scheduler_plugin_evaluation_total: {
    help: '[BETA] Attempts that a plugin took part in, at PreFilter, Filter, PreScore and Score.',
    labels: ['plugin', 'extension_point', 'profile'],
  },
  scheduler_batch_attempts_total: {
    help: '[ALPHA] Attempts by whether what was found out for pods of the kind before was used.',
    labels: ['profile', 'result'],
  },
  scheduler_preemption_goroutines_execution_total: { help: '[ALPHA] Preemptions carried out, by result.', labels: ['result'] },
  scheduler_preemption_attempts_total: { help: '[STABLE] Attempts to make room by evicting pods.', labels: [] },
} as const satisfies Record<string, Described>;

const HISTOGRAMS = {
  scheduler_scheduling_attempt_duration_seconds: {
    help: '[STABLE] Time of an attempt, from taking the pod to its binding.',
    labels: ['result', 'profile'],
    buckets: ATTEMPT_BUCKETS,
  },
  scheduler_scheduling_algorithm_duration_seconds: { help: '[BETA] Time of choosing a node.', labels: [], buckets: ATTEMPT_BUCKETS },
  scheduler_pod_scheduling_sli_duration_seconds: {
    help: '[BETA] Time from the first attempt to the binding of a pod, by its number of attempts.',
    labels: ['attempts'],
    buckets: SLI_BUCKETS,
  },
  scheduler_pod_scheduling_attempts: {
    help: '[STABLE] Attempts that it took to place a pod.',
    labels: [],
    buckets: exponentialBuckets(1, 2, 5),
  },
  scheduler_dra_bindingconditions_wait_duration_seconds: {
    help: '[ALPHA] Time of waiting for devices to become ready before a pod is bound.',
    labels: ['profile', 'driver', 'status'],
    buckets: exponentialBuckets(0.1, 2, 14),
  },
  scheduler_event_handling_duration_seconds: {
    help: '[ALPHA] Time of taking in an event: state of the cluster, queue and the pods it wakes.',
    labels: ['event'],
    buckets: exponentialBuckets(0.0001, 2, 12),
  },
  scheduler_queueing_hint_execution_duration_seconds: {
    help: '[ALPHA] Time of asking a plugin whether an event may help a pod it refused.',
    labels: ['plugin', 'event', 'hint'],
    buckets: exponentialBuckets(0.00001, 1.5, 20),
  },
  scheduler_preemption_goroutines_duration_seconds: {
    help: '[ALPHA] Time of carrying out a preemption.',
    labels: ['result'],
    buckets: exponentialBuckets(0.01, 2, 20),
  },
  scheduler_permit_wait_duration_seconds: {
    help: '[BETA] Time of waiting for plugins that have a say after a node was chosen.',
    labels: ['result'],
    buckets: ATTEMPT_BUCKETS,
  },
  scheduler_preemption_victims: { help: '[STABLE] Pods evicted for one.', labels: [], buckets: exponentialBuckets(1, 2, 7) },
  scheduler_framework_extension_point_duration_seconds: {
    help: '[STABLE] Time of all plugins of an extension point.',
    labels: ['extension_point', 'status', 'profile'],
    buckets: exponentialBuckets(0.0001, 2, 12),
  },
  scheduler_plugin_execution_duration_seconds: {
    help: '[BETA] Time of one plugin at an extension point, of one attempt in ten.',
    labels: ['plugin', 'extension_point', 'status'],
    buckets: exponentialBuckets(0.00001, 1.5, 20),
  },
} as const satisfies Record<string, Described & { readonly buckets: readonly number[] }>;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;

export const noMetrics: Metrics = { count() {}, countEach() {}, observe() {}, follow() {} };

/** Kept beyond the life of one scheduler: one that leads anew counts on. */
export class SchedulerMetrics implements Metrics {
  readonly #counters = new Map(Object.entries(COUNTERS).map(([name, { help, labels }]) => [name, new CounterFamily(name, help, labels)]));
  readonly #histograms = new Map(
    Object.entries(HISTOGRAMS).map(([name, { help, labels, buckets }]) => [name, new HistogramFamily(name, help, labels, buckets)]),
  );
  #gauges: Gauges | undefined;
  readonly #series = new WeakMap<readonly Labels[], readonly Counter[]>();

  count(name: CounterName, labels: Labels): void {
    this.#counters
      .get(name)
      ?.of(...valuesOf(COUNTERS[name].labels, labels))
      .add();
  }

  countEach(name: CounterName, each: readonly Labels[]): void {
    let series = this.#series.get(each);
    if (series === undefined) {
      series = each.map((labels) => this.#counters.get(name)?.of(...valuesOf(COUNTERS[name].labels, labels)) as Counter);
      this.#series.set(each, series);
    }
    for (const counter of series) counter.add();
  }

  observe(name: HistogramName, labels: Labels, value: number): void {
    this.#histograms
      .get(name)
      ?.of(...valuesOf(HISTOGRAMS[name].labels, labels))
      .observe(value);
  }

  follow(gauges: Gauges | undefined): void {
    this.#gauges = gauges;
  }

  /** What pods ask for, a series for each resource of each: apart from the others for its size. Prometheus' text format. */
  exposePodResources(): string {
    return this.#gauges === undefined ? '' : exposePodResources(this.#gauges.pods());
  }

  /** Prometheus' text format. */
  expose(): string {
    const counted = [...this.#counters.values(), ...this.#histograms.values()].map((family) => family.expose());
    return [...counted, this.#gauges === undefined ? '' : exposeGauges(this.#gauges)].join('');
  }
}

function valuesOf(names: readonly string[], labels: Labels): readonly string[] {
  return names.map((name) => labels[name] ?? '');
}

function exposeGauges({ pending, unschedulable, inFlight, cache, underWay }: Gauges): string {
  const byName = (figures: Readonly<Record<string, number>>) => Object.entries(figures).map(([name, value]) => [[name], value] as const);
  return [
    gauge('scheduler_pending_pods', '[STABLE] Pods that wait, by part of the queue.', ['queue'], byName(pending())),
    gauge(
      'scheduler_unschedulable_pods',
      '[BETA] Pods that wait, by each plugin that refused them.',
      ['plugin', 'profile'],
      unschedulable(),
    ),
    gauge('scheduler_inflight_events', '[ALPHA] Events that pods being scheduled may have to hear of.', ['event'], byName(inFlight())),
    gauge('scheduler_cache_size', '[ALPHA] Nodes, pods and assumed pods that the scheduler knows.', ['type'], byName(cache())),
    gauge('scheduler_goroutines', '[BETA] Bindings and preemptions under way.', ['operation'], byName(underWay())),
  ].join('');
}

/** Attempts are told apart up to this many. Source: getAttemptsLabel. */
const MOST_ATTEMPTS = 15;

export function attemptsLabel(attempts: number): string {
  return attempts >= MOST_ATTEMPTS ? `${MOST_ATTEMPTS}+` : String(attempts);
}
