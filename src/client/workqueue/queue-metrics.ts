// The figures of all queues of a process, by their names. Source: component-base/metrics/prometheus/workqueue.
import { CounterFamily, exponentialBuckets, gauge, GaugeFamily, HistogramFamily } from '#base/metrics.ts';
import type { WorkQueue, WorkQueueMetrics } from './work-queue.ts';

const BUCKETS = exponentialBuckets(10e-9, 10, 12);
const LABELS = ['name'];

export class QueueMetrics {
  readonly #depth = new GaugeFamily('workqueue_depth', '[BETA] Items that are ready to be taken.', LABELS);
  readonly #adds = new CounterFamily('workqueue_adds_total', '[BETA] Items added.', LABELS);
  readonly #retries = new CounterFamily('workqueue_retries_total', '[BETA] Items put off for later.', LABELS);
  readonly #waits = new HistogramFamily(
    'workqueue_queue_duration_seconds',
    '[BETA] Time that an item waits in the queue.',
    LABELS,
    BUCKETS,
  );
  readonly #works = new HistogramFamily('workqueue_work_duration_seconds', '[BETA] Time that an item is worked on.', LABELS, BUCKETS);
  readonly #queues = new Map<string, Pick<WorkQueue<unknown>, 'unfinished'>>();

  /** A queue of that name that comes again, after a lead was lost, counts on. */
  of(name: string): WorkQueueMetrics {
    const [depth, adds, retries] = [this.#depth.of(name), this.#adds.of(name), this.#retries.of(name)];
    const [waits, works] = [this.#waits.of(name), this.#works.of(name)];
    depth.set(0);
    return {
      added(items) {
        adds.add();
        depth.set(items);
      },
      taken(items, seconds) {
        depth.set(items);
        waits.observe(seconds);
      },
      finished: (seconds) => works.observe(seconds),
      retried: () => retries.add(),
    };
  }

  /** Reads the work under way from `queue`, in place of one of that name before. */
  follow(name: string, queue: Pick<WorkQueue<unknown>, 'unfinished'>): void {
    this.#queues.set(name, queue);
  }

  /** Prometheus' text format. */
  expose(): string {
    const now = [...this.#queues].map(([name, queue]) => [name, queue.unfinished()] as const);
    return [
      ...[this.#depth, this.#adds, this.#waits, this.#works, this.#retries].map((family) => family.expose()),
      gauge(
        'workqueue_unfinished_work_seconds',
        '[BETA] Seconds that items under way have been worked on, in sum: it grows where a worker is stuck.',
        LABELS,
        now.map(([name, { totalSeconds }]) => [[name], totalSeconds]),
      ),
      gauge(
        'workqueue_longest_running_processor_seconds',
        '[BETA] Seconds that the item under way for longest has been worked on.',
        LABELS,
        now.map(([name, { longestSeconds }]) => [[name], longestSeconds]),
      ),
    ].join('');
  }
}
