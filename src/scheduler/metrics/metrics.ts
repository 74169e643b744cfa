// What the scheduler counts and times, under upstream's names. Source: pkg/scheduler/metrics.
import { CounterFamily, exponentialBuckets, gauge, HistogramFamily } from '#base/metrics.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where figures go; durations are in seconds. */
export interface Metrics {
  count(name: CounterName, labels: Labels): void;
  observe(name: HistogramName, labels: Labels, value: number): void;
  /** What is so at present, read when somebody looks; absent: nothing runs. */
  follow(gauges: Gauges | undefined): void;
}

export interface Gauges {
  /** Pods by part of the queue. */
  readonly pending: () => Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>;
  /** Pods that wait, by the plugin that refused them and their profile. */
  readonly unschedulable: () => Iterable<readonly [labels: readonly [plugin: string, profile: string], pods: number]>;
  readonly cache: () => Readonly<Record<'nodes' | 'pods' | 'assumed_pods', number>>;
  /** What is under way beside the scheduling: upstream has a goroutine for each. */
  readonly underWay: () => Readonly<Record<'binding' | 'preemption', number>>;
}

const ATTEMPT_BUCKETS = exponentialBuckets(0.001, 2, 15);
const SLI_BUCKETS = exponentialBuckets(0.01, 2, 20);

interface Described {
  readonly help: string;
  readonly labels: readonly string[];
}

const COUNTERS = {
  scheduler_schedule_attempts_total: {
    help: "Attempts to place pods, by result: 'unschedulable' found no node, 'error' is a fault of the scheduler or of a neighbour.",
    labels: ['result', 'profile'],
  },
  scheduler_queue_incoming_pods_total: { help: 'Pods that came to a part of the queue, by event.', labels: ['queue', 'event'] },
  scheduler_resourceclaim_creates_total: {
    help: 'Claims made for extended resources that devices stand for.',
    labels: ['status', 'admin_access'],
  },
  scheduler_dra_bindingconditions_allocations_total: {
    help: 'Attempts that waited for devices to become ready, once for each driver.',
    labels: ['profile', 'driver', 'status'],
  },
  scheduler_preemption_attempts_total: { help: 'Attempts to make room by evicting pods.', labels: [] },
} as const satisfies Record<string, Described>;

const HISTOGRAMS = {
  scheduler_scheduling_attempt_duration_seconds: {
    help: 'Time of an attempt, from taking the pod to its binding.',
    labels: ['result', 'profile'],
    buckets: ATTEMPT_BUCKETS,
  },
  scheduler_scheduling_algorithm_duration_seconds: { help: 'Time of choosing a node.', labels: [], buckets: ATTEMPT_BUCKETS },
  scheduler_pod_scheduling_sli_duration_seconds: {
    help: 'Time from the first attempt to the binding of a pod, by its number of attempts.',
    labels: ['attempts'],
    buckets: SLI_BUCKETS,
  },
  scheduler_pod_scheduling_attempts: {
    help: 'Attempts that it took to place a pod.',
    labels: [],
    buckets: exponentialBuckets(1, 2, 5),
  },
  scheduler_dra_bindingconditions_wait_duration_seconds: {
    help: 'Time of waiting for devices to become ready before a pod is bound.',
    labels: ['profile', 'driver', 'status'],
    buckets: exponentialBuckets(0.1, 2, 14),
  },
  scheduler_preemption_victims: { help: 'Pods evicted for one.', labels: [], buckets: exponentialBuckets(1, 2, 7) },
  scheduler_framework_extension_point_duration_seconds: {
    help: 'Time of all plugins of an extension point.',
    labels: ['extension_point', 'status', 'profile'],
    buckets: exponentialBuckets(0.0001, 2, 12),
  },
  scheduler_plugin_execution_duration_seconds: {
    help: 'Time of one plugin at an extension point, of one attempt in ten.',
    labels: ['plugin', 'extension_point', 'status'],
    buckets: exponentialBuckets(0.00001, 1.5, 20),
  },
} as const satisfies Record<string, Described & { readonly buckets: readonly number[] }>;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;

export const noMetrics: Metrics = { count() {}, observe() {}, follow() {} };

/** Kept beyond the life of one scheduler: one that leads anew counts on. */
export class SchedulerMetrics implements Metrics {
  readonly #counters = new Map(Object.entries(COUNTERS).map(([name, { help, labels }]) => [name, new CounterFamily(name, help, labels)]));
  readonly #histograms = new Map(
    Object.entries(HISTOGRAMS).map(([name, { help, labels, buckets }]) => [name, new HistogramFamily(name, help, labels, buckets)]),
  );
  #gauges: Gauges | undefined;

  count(name: CounterName, labels: Labels): void {
    this.#counters
      .get(name)
      ?.of(...valuesOf(COUNTERS[name].labels, labels))
      .add();
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

  /** Prometheus' text format. */
  expose(): string {
    const counted = [...this.#counters.values(), ...this.#histograms.values()].map((family) => family.expose());
    return [...counted, this.#gauges === undefined ? '' : exposeGauges(this.#gauges)].join('');
  }
}

function valuesOf(names: readonly string[], labels: Labels): readonly string[] {
  return names.map((name) => labels[name] ?? '');
}

function exposeGauges({ pending, unschedulable, cache, underWay }: Gauges): string {
  const byName = (figures: Readonly<Record<string, number>>) => Object.entries(figures).map(([name, value]) => [[name], value] as const);
  return [
    gauge('scheduler_pending_pods', 'Pods that wait, by part of the queue.', ['queue'], byName(pending())),
    gauge('scheduler_unschedulable_pods', 'Pods that wait, by each plugin that refused them.', ['plugin', 'profile'], unschedulable()),
    gauge('scheduler_cache_size', 'Nodes, pods and assumed pods that the scheduler knows.', ['type'], byName(cache())),
    gauge('scheduler_goroutines', 'Bindings and preemptions under way.', ['operation'], byName(underWay())),
  ].join('');
}

/** Attempts are told apart up to this many. Source: getAttemptsLabel. */
const MOST_ATTEMPTS = 15;

export function attemptsLabel(attempts: number): string {
  return attempts >= MOST_ATTEMPTS ? `${MOST_ATTEMPTS}+` : String(attempts);
}
