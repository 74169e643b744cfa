// Whether this proxy carries changes over in time, told on a port of its own. Source: kube-proxy healthcheck proxy_health.go.
import { createServer } from 'node:http';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { requestPath } from '#base/request-path.ts';
import type { Node } from '#api/types.ts';
import { listenOnceFree } from '#base/listening.ts';
import type { BindAddress } from '../bind-addresses.ts';
import type { ProxyMetrics } from '../metrics/metrics.ts';

/** From a change until its rules must be in force. Milliseconds. Source: ProxyServer.Run, twice the sync period. */
const LATE_MS = 60_000;

/** Set by the cluster autoscaler on a node that it is about to remove. Source: ToBeDeletedTaint. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Whether load balancers should still send new connections to a node. A node not seen yet is taken to be well. */
export function nodeEligible(node: Node | undefined): boolean {
  return node?.metadata.deletionTimestamp === undefined && node?.spec.taints?.some(({ key }) => key === TO_BE_DELETED) !== true;
}

export class ProxyHealth {
  readonly #clock: Clock;
  readonly #metrics: ProxyMetrics;
  /** Monotonic time of the oldest change whose rules are not in force. */
  #pendingSince: number | undefined;
  #lastUpdated: number | undefined;

  constructor(clock: Clock, metrics: ProxyMetrics) {
    this.#clock = clock;
    this.#metrics = metrics;
  }

  get healthy(): boolean {
    return this.#lastUpdated === undefined || this.#pendingSince === undefined || this.#clock.monotonic() - this.#pendingSince < LATE_MS;
  }

  /** A change has come in. */
  queued(): void {
    this.#pendingSince ??= this.#clock.monotonic();
  }

  /** All that came in before is in force. */
  updated(): void {
    this.#pendingSince = undefined;
    this.#lastUpdated = this.#clock.now();
  }

  /** Serves /healthz and /livez until the signal aborts. While another program has its port the proxy works on, unseen. */
  async serve({ host, port }: BindAddress, node: () => Node | undefined, logger: Logger, signal: AbortSignal): Promise<void> {
    const server = createServer((request, response) => {
      const path = requestPath(request.url);
      if (path !== '/healthz' && path !== '/livez') return response.writeHead(404).end();
      const eligible = nodeEligible(node());
      const healthy = this.healthy && (eligible || path === '/livez');
      const code = healthy ? 200 : 503;
      this.#metrics.answered(path === '/healthz' ? 'healthz' : 'livez', code);
      response.writeHead(code, { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' });
      const now = this.#clock.now();
      const lastUpdated = time(healthy ? now : (this.#lastUpdated ?? 0));
      response.end(JSON.stringify({ lastUpdated, currentTime: time(now), ...(path === '/healthz' ? { nodeEligible: eligible } : {}) }));
    });
    const without = "the proxy's own health cannot be served";
    await listenOnceFree(server, port, { host }, { clock: this.#clock, logger, signal, without });
  }
}

const time = (ms: number): string => new Date(ms).toISOString();
