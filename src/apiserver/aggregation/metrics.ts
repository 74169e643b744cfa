// What aggregation counts, under upstream's names. Source: kube-aggregator pkg/controllers/status/metrics.
import { CounterVector } from '../metrics/vectors.ts';

const GAUGE = 'aggregator_unavailable_apiservice';

export class AggregatorMetrics {
  readonly #available = new Map<string, boolean>();
  readonly #transitions = new CounterVector(`${GAUGE}_total`, 'How often APIServices became unavailable, by name and reason.', [
    'name',
    'reason',
  ]);

  set(name: string, available: boolean): void {
    this.#available.set(name, available);
  }

  forget(name: string): void {
    this.#available.delete(name);
  }

  becameUnavailable(name: string, reason: string): void {
    this.#transitions.increment(name, reason);
  }

  /** Text exposition format. */
  expose(): string {
    const lines = [...this.#available].map(([name, available]) => `${GAUGE}{name=${JSON.stringify(name)}} ${available ? 0 : 1}\n`);
    const gauge = `# HELP ${GAUGE} Whether an APIService is unavailable, by name.\n# TYPE ${GAUGE} gauge\n${lines.join('')}`;
    return (lines.length === 0 ? '' : gauge) + this.#transitions.expose();
  }
}
