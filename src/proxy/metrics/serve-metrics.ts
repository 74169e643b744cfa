// The proxy's figures and how it works, for whoever is on the node. Source: kube-proxy serveMetrics.
import { createServer } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { buildInfo } from '#api/build.ts';
import { HealthFigures } from '#base/health-figures.ts';
import type { Logger } from '#base/log.ts';
import { requestPath } from '#base/request-path.ts';
import { close, listen } from '../health/listening.ts';

/** Source: kube-proxy's default of --metrics-bind-address. */
export const METRICS_PORT = 10_249;
const MODE = 'nftables';

const TYPES: Readonly<Record<string, string>> = {
  '/metrics': 'text/plain; version=0.0.4; charset=utf-8',
  '/metrics/slis': 'text/plain; version=0.0.4; charset=utf-8',
  '/configz': 'application/json',
};

interface Figures {
  readonly host: string;
  readonly port: number;
  /** Prometheus' text format. */
  readonly expose: () => string;
  /** The configuration in use now. */
  readonly configz: () => object;
}

/** Serves /metrics, /metrics/slis, /proxyMode, /configz and /healthz until the signal aborts. Without its port the proxy works on, unseen. */
export async function serveMetrics({ host, port, expose, configz }: Figures, logger: Logger, signal: AbortSignal): Promise<void> {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  const figures = new HealthFigures();
  const answer = async (path: string): Promise<string | undefined> => {
    switch (path) {
      case '/metrics':
        return buildInfo() + expose() + (await own.metrics());
      case '/metrics/slis':
        return figures.expose();
      case '/proxyMode':
        return MODE;
      case '/configz':
        return JSON.stringify(configz());
      case '/healthz':
        figures.checked('healthz', 'ping', true);
        return 'ok';
      default:
        return undefined;
    }
  };
  const server = createServer((request, response) => {
    const path = requestPath(request.url);
    const headers = {
      'Content-Type': TYPES[path] ?? 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
    };
    void answer(path).then((body) => response.writeHead(body === undefined ? 404 : 200, headers).end(body ?? '404 page not found\n'));
  });
  try {
    await listen(server, port, { host }, logger);
  } catch (error) {
    logger.error("the proxy's figures cannot be served", { port, error });
    return;
  }
  signal.addEventListener('abort', () => void close(server), { once: true });
  if (signal.aborted) await close(server);
}
