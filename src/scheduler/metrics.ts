// What the scheduler counts and times, under upstream's names. Source: pkg/scheduler/metrics.

export type Labels = Readonly<Record<string, string>>;

/** Where figures go; durations are in seconds. */
export interface Metrics {
  count(name: CounterName, labels: Labels): void;
  observe(name: HistogramName, labels: Labels, value: number): void;
}

export type CounterName =
  | 'scheduler_schedule_attempts_total'
  | 'scheduler_queue_incoming_pods_total'
  | 'scheduler_preemption_attempts_total';

export type HistogramName =
  | 'scheduler_scheduling_attempt_duration_seconds'
  | 'scheduler_scheduling_algorithm_duration_seconds'
  | 'scheduler_pod_scheduling_sli_duration_seconds'
  | 'scheduler_pod_scheduling_attempts'
  | 'scheduler_preemption_victims';

export const noMetrics: Metrics = { count() {}, observe() {} };

/** Attempts are told apart up to this many. Source: getAttemptsLabel. */
const MOST_ATTEMPTS = 15;

export function attemptsLabel(attempts: number): string {
  return attempts >= MOST_ATTEMPTS ? `${MOST_ATTEMPTS}+` : String(attempts);
}
