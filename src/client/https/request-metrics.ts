// What a process asks of API servers, counted. Source: client-go tools/metrics, component-base/metrics/prometheus/restclient.
import { CounterFamily, HistogramFamily } from '#base/metrics.ts';

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export interface RequestAttempt {
  /** `GET`, …. */
  readonly method: string;
  /** `host:port`. */
  readonly host: string;
  /** Status of the answer; undefined when there was none. */
  readonly status: number | undefined;
  readonly seconds: number;
  /** Not the first of its request. */
  readonly again: boolean;
}

export class RequestMetrics {
  readonly #requests = new CounterFamily(
    'rest_client_requests_total',
    'Number of HTTP requests, partitioned by status code, method, and host.',
    ['code', 'method', 'host'],
  );
  readonly #seconds = new HistogramFamily(
    'rest_client_request_duration_seconds',
    'Request latency in seconds. Broken down by verb, and host.',
    ['verb', 'host'],
    SECONDS,
  );
  readonly #retries = new CounterFamily(
    'rest_client_request_retries_total',
    'Number of request retries, partitioned by status code, verb, and host.',
    ['code', 'verb', 'host'],
  );

  attempted({ method, host, status, seconds, again }: RequestAttempt): void {
    const code = status === undefined ? '<error>' : String(status);
    this.#requests.of(code, method, host).add();
    this.#seconds.of(method, host).observe(seconds);
    if (again) this.#retries.of(code, method, host).add();
  }

  /** Prometheus' text format. */
  expose(): string {
    return this.#requests.expose() + this.#seconds.expose() + this.#retries.expose();
  }
}
