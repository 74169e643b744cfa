// How health checks went, for `/metrics/slis`. Source: component-base/metrics/prometheus/slis.
import { CounterFamily, GaugeFamily } from './metrics.ts';

/** The path below which a check is asked for. */
export type HealthKind = 'healthz' | 'livez' | 'readyz';

export class HealthFigures {
  readonly #last = new GaugeFamily('kubernetes_healthcheck', '[STABLE] This metric records the result of a single healthcheck.', [
    'name',
    'type',
  ]);
  readonly #total = new CounterFamily('kubernetes_healthchecks_total', '[STABLE] This metric records the results of all healthcheck.', [
    'name',
    'status',
    'type',
  ]);

  checked(kind: HealthKind, name: string, passed: boolean): void {
    this.#last.of(name, kind).set(passed ? 1 : 0);
    this.#total.of(name, passed ? 'success' : 'error', kind).add();
  }

  /** Prometheus' text format; empty before the first check. */
  expose(): string {
    return this.#last.expose() + this.#total.expose();
  }
}
