// What aggregation counts, under upstream's names. Source: kube-aggregator pkg/controllers/status/metrics.
import { CounterFamily, GaugeFamily } from '#base/metrics.ts';

const GAUGE = 'aggregator_unavailable_apiservice';

export class AggregatorMetrics {
  readonly #unavailable = new GaugeFamily(GAUGE, 'Whether an APIService is unavailable, by name.', ['name']);
  readonly #transitions = new CounterFamily(`${GAUGE}_total`, 'How often APIServices became unavailable, by name and reason.', [
    'name',
    'reason',
  ]);

  set(name: string, available: boolean): void {
    this.#unavailable.of(name).set(available ? 0 : 1);
  }

  forget(name: string): void {
    this.#unavailable.forget(name);
  }

  becameUnavailable(name: string, reason: string): void {
    this.#transitions.of(name, reason).add();
  }

  /** Text exposition format. */
  expose(): string {
    return this.#unavailable.expose() + this.#transitions.expose();
  }
}
