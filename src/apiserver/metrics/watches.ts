// What watches send, under upstream's names. Source: apiserver pkg/endpoints/metrics metrics.go, pkg/storage/cacher/metrics.
import { CounterFamily, exponentialBuckets, HistogramFamily, type Counter, type Histogram } from '#base/metrics.ts';

/** Bytes. Source: WatchEventsSizes. */
const SIZES = exponentialBuckets(1_024, 2, 8);
const LABELS = ['group', 'version', 'resource'];

/** The events of one resource. */
export class WatchSeries {
  readonly #count: Counter;
  readonly #sizes: Histogram;
  readonly #terminated: () => Counter;

  constructor(count: Counter, sizes: Histogram, terminated: () => Counter) {
    this.#count = count;
    this.#sizes = sizes;
    this.#terminated = terminated;
  }

  /** One event. @param bytes with its frame */
  sent(bytes: number): void {
    this.#count.add();
    this.#sizes.observe(bytes);
  }

  /** A watcher read too slowly and was cut off. */
  terminated(): void {
    this.#terminated().add();
  }
}

export class WatchMetrics {
  readonly #events = new CounterFamily('apiserver_watch_events_total', 'Events sent to watchers.', LABELS);
  readonly #sizes = new HistogramFamily('apiserver_watch_events_sizes', 'Size of events sent to watchers, in bytes.', LABELS, SIZES);
  readonly #terminated = new CounterFamily('apiserver_terminated_watchers_total', 'Watchers cut off because they read too slowly.', [
    'group',
    'resource',
  ]);

  /** For one watch: its events then cost no look-up. */
  of({ group, version, resource }: { readonly group: string; readonly version: string; readonly resource: string }): WatchSeries {
    return new WatchSeries(this.#events.of(group, version, resource), this.#sizes.of(group, version, resource), () =>
      this.#terminated.of(group, resource),
    );
  }

  /** Text exposition format. */
  expose(): string {
    return this.#events.expose() + this.#sizes.expose() + this.#terminated.expose();
  }
}
