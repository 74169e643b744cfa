// What conversion by webhook counts, under upstream's names. Source: apiextensions pkg/apiserver/conversion/metrics.go.
import { CounterFamily, HistogramFamily } from '#base/metrics.ts';

const REQUEST_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60];
const CONVERSION_SECONDS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** What a webhook did wrong. */
export type ConversionFailure = 'call' | 'malformed_response' | 'partial_response' | 'invalid_converted_object';

export interface Conversion {
  /** Name of the definition. */
  readonly definition: string;
  readonly from: string;
  readonly to: string;
  readonly ms: number;
  readonly failure: ConversionFailure | undefined;
}

export class ConversionMetrics {
  readonly #requests = new CounterFamily(
    'apiserver_conversion_webhook_request_total',
    'Requests to conversion webhooks, by success and kind of failure.',
    ['result', 'failure_type'],
  );
  readonly #latency = new HistogramFamily(
    'apiserver_conversion_webhook_duration_seconds',
    'Time of requests to conversion webhooks, in seconds.',
    ['result', 'failure_type'],
    REQUEST_SECONDS,
  );
  readonly #conversions = new HistogramFamily(
    'apiserver_crd_conversion_webhook_duration_seconds',
    'Time of conversions by webhook, in seconds, by definition and versions.',
    ['crd_name', 'from_version', 'to_version', 'succeeded'],
    CONVERSION_SECONDS,
  );

  observe({ definition, from, to, ms, failure }: Conversion): void {
    const labels = failure === undefined ? ['success', ''] : ['failure', `conversion_webhook_${failure}_failure`];
    this.#requests.of(...labels).add();
    this.#latency.of(...labels).observe(ms / 1_000);
    this.#conversions.of(definition, from, to, String(failure === undefined)).observe(ms / 1_000);
  }

  /** Text exposition format. */
  expose(): string {
    return this.#requests.expose() + this.#latency.expose() + this.#conversions.expose();
  }
}
