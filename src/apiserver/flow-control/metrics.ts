// What flow control counts, under upstream's names. Source: apiserver pkg/util/flowcontrol/metrics metrics.go.
import { CounterFamily, gauge, HistogramFamily, type Counter, type Histogram } from '#base/metrics.ts';
import type { PriorityLevel } from './level.ts';
import type { Refusal } from './queue-set.ts';

const PREFIX = 'apiserver_flowcontrol_';
/** Seconds. Source: requestDurationSecondsBuckets. */
const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const SEATS = [1, 2, 4, 8, 16, 32, 64, 100];

const LEVEL = ['priority_level'];
const FLOW = ['priority_level', 'flow_schema'];

/** What is counted for one schema of one level. */
export class FlowSeries {
  /** Priority level and flow schema. */
  readonly labels: readonly [string, string];
  readonly seats: Histogram;
  readonly dispatched: Counter;
  executing = 0;
  executingSeats = 0;
  waiting = 0;
  readonly #metrics: FlowMetrics;
  readonly #waited: readonly [Histogram, Histogram];
  readonly #executed: readonly [Histogram, Histogram];

  constructor(metrics: FlowMetrics, labels: readonly [string, string]) {
    this.#metrics = metrics;
    this.labels = labels;
    this.seats = metrics.seats.of(...labels);
    this.dispatched = metrics.dispatched.of(...labels);
    this.#waited = [metrics.waited.of(...labels, 'false'), metrics.waited.of(...labels, 'true')];
    this.#executed = [metrics.executed.of(...labels, 'regular'), metrics.executed.of(...labels, 'watch')];
  }

  waited(execute: boolean, ms: number): void {
    this.#waited[execute ? 1 : 0].observe(ms / 1_000);
  }

  executed(watch: boolean, ms: number): void {
    this.#executed[watch ? 1 : 0].observe(ms / 1_000);
  }

  rejected(reason: Refusal): void {
    this.#metrics.rejected.of(...this.labels, reason).add();
  }
}

export class FlowMetrics {
  readonly rejected = new CounterFamily(
    `${PREFIX}rejected_requests_total`,
    '[BETA] Number of requests rejected by API Priority and Fairness subsystem',
    [...FLOW, 'reason'],
  );
  readonly dispatched = new CounterFamily(
    `${PREFIX}dispatched_requests_total`,
    '[BETA] Number of requests executed by API Priority and Fairness subsystem',
    FLOW,
  );
  readonly waited = new HistogramFamily(
    `${PREFIX}request_wait_duration_seconds`,
    '[BETA] Length of time a request spent waiting in its queue',
    [...FLOW, 'execute'],
    SECONDS,
  );
  readonly executed = new HistogramFamily(
    `${PREFIX}request_execution_seconds`,
    'Duration of request execution in the API Priority and Fairness subsystem',
    [...FLOW, 'type'],
    SECONDS,
  );
  readonly seats = new HistogramFamily(`${PREFIX}work_estimated_seats`, 'Number of estimated seats associated with requests', FLOW, SEATS);
  fairFraction = 0;
  readonly #series = new Map<string, FlowSeries>();

  series(priorityLevel: string, flowSchema: string): FlowSeries {
    const key = `${priorityLevel}/${flowSchema}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      this.#series.set(key, (series = new FlowSeries(this, [priorityLevel, flowSchema])));
    }
    return series;
  }

  expose(levels: Iterable<PriorityLevel>): string {
    const all = [...levels];
    const flows = [...this.#series.values()];
    const perFlow = (name: string, help: string, value: (series: FlowSeries) => number): string =>
      gauge(
        `${PREFIX}${name}`,
        help,
        FLOW,
        flows.map((series) => [series.labels, value(series)]),
      );
    const perLevel = (name: string, help: string, value: (level: PriorityLevel) => number): string =>
      gauge(
        `${PREFIX}${name}`,
        help,
        LEVEL,
        all.map((level) => [[level.name], value(level)]),
      );
    return [
      this.rejected.expose(),
      this.dispatched.expose(),
      this.waited.expose(),
      this.executed.expose(),
      this.seats.expose(),
      perFlow('current_inqueue_requests', '[BETA] Number of requests currently pending in queues', ({ waiting }) => waiting),
      perFlow('current_executing_requests', '[BETA] Number of requests currently executing', ({ executing }) => executing),
      perFlow(
        'current_executing_seats',
        '[BETA] Number of seats occupied by currently executing requests',
        ({ executingSeats }) => executingSeats,
      ),
      perLevel(
        'nominal_limit_seats',
        '[BETA] Nominal number of execution seats configured for each priority level',
        ({ limits }) => limits.nominal,
      ),
      perLevel(
        'lower_limit_seats',
        'Configured lower bound on number of execution seats of each priority level',
        ({ limits }) => limits.least,
      ),
      perLevel(
        'upper_limit_seats',
        'Configured upper bound on number of execution seats of each priority level',
        ({ limits }) => limits.most,
      ),
      perLevel('current_limit_seats', 'Current derived number of execution seats of each priority level', ({ current }) => current),
      perLevel('target_seats', 'Seat allocation targets', ({ target }) => target),
      perLevel('demand_seats_high_watermark', 'High watermark of demand, over the last period', ({ demand }) => demand.stats.highWatermark),
      perLevel('demand_seats_average', 'Time-weighted average of demand, over the last period', ({ demand }) => demand.stats.average),
      perLevel(
        'demand_seats_stdev',
        'Time-weighted standard deviation of demand, over the last period',
        ({ demand }) => demand.stats.deviation,
      ),
      perLevel('demand_seats_smoothed', 'Smoothed seat demands', ({ demand }) => demand.stats.smoothed),
      gauge(
        `${PREFIX}seat_fair_frac`,
        'Fair fraction of the seats to allocate to each priority level that can use it',
        [],
        [[[], this.fairFraction]],
      ),
    ].join('');
  }
}
