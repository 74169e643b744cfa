// How long rules of custom resources take, under upstream's names. Source: apiserver pkg/cel/metrics.
import type { Clock } from '#base/clock.ts';
import { DEFAULT_BUCKETS, HistogramFamily } from '#base/metrics.ts';

export class RuleMetrics {
  readonly #clock: Clock;
  readonly #compilations = new HistogramFamily(
    'apiserver_cel_compilation_duration_seconds',
    '[BETA] Time of compiling the rules of a schema, in seconds.',
    [],
    DEFAULT_BUCKETS,
  );
  readonly #evaluations = new HistogramFamily(
    'apiserver_cel_evaluation_duration_seconds',
    '[BETA] Time of asking the rules of a schema about an object, in seconds.',
    [],
    DEFAULT_BUCKETS,
  );

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  compiling<T>(work: () => T): T {
    return this.#timed(this.#compilations, work);
  }

  evaluating<T>(work: () => T): T {
    return this.#timed(this.#evaluations, work);
  }

  /** Text exposition format. */
  expose(): string {
    return this.#compilations.expose() + this.#evaluations.expose();
  }

  #timed<T>(family: HistogramFamily, work: () => T): T {
    const begun = this.#clock.monotonic();
    try {
      return work();
    } finally {
      family.of().observe((this.#clock.monotonic() - begun) / 1_000);
    }
  }
}
