// The proxy's figures and how it works, for whoever is on the node. Source: kube-proxy serveMetrics.
import { createServer } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { isStatusError } from '#apimachinery/errors.ts';
import { buildInfo } from '#api/build.ts';
import { flagz, type Page, statusz } from '#api/zpages.ts';
import type { Clock } from '#base/clock.ts';
import { HealthFigures } from '#base/health-figures.ts';
import type { Logger } from '#base/log.ts';
import { requestPath } from '#base/request-path.ts';
import { listenOnceFree } from '#base/listening.ts';
import type { BindAddress } from '../bind-addresses.ts';

const MODE = 'nftables';

const COMPONENT = 'kube-proxy';

/** What `/statusz` names. */
const PATHS = ['/configz', '/flagz', '/healthz', '/healthz/ping', '/metrics', '/metrics/slis', '/proxyMode'];

interface Figures extends BindAddress {
  /** Prometheus' text format. */
  readonly expose: () => string;
  /** The configuration in use now. */
  readonly configz: () => object;
  /** What the proxy was started with, for `/flagz`; no secrets. */
  readonly flags: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Serves /metrics, /metrics/slis, /proxyMode, /configz, /flagz, /statusz and /healthz until the signal aborts. While
 * another program has its port the proxy works on, unseen.
 */
export async function serveMetrics(
  { host, port, expose, configz, flags, clock }: Figures,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = clock.now();
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  const figures = new HealthFigures();
  const answer = async (path: string, accept: string): Promise<Answer> => {
    switch (path) {
      case '/metrics':
        return exposition(buildInfo() + expose() + (await own.metrics()));
      case '/metrics/slis':
        return exposition(figures.expose());
      case '/proxyMode':
        return plain(200, MODE);
      case '/configz':
        return answered(200, 'application/json', JSON.stringify(configz()));
      case '/statusz':
        return page(() => statusz(accept, { component: COMPONENT, startedAt, now: clock.now(), paths: PATHS }));
      case '/flagz':
        return page(() => flagz(accept, COMPONENT, flags));
      case '/healthz':
      case '/healthz/ping':
        figures.checked('healthz', 'ping', true);
        return plain(200, 'ok');
      default:
        return plain(404, '404 page not found\n');
    }
  };
  const server = createServer((request, response) => {
    const asked = answer(requestPath(request.url), request.headers.accept ?? '');
    void asked.then(({ code, headers, body }) => response.writeHead(code, headers).end(body));
  });
  await listenOnceFree(server, port, { host }, { clock, logger, signal, without: "the proxy's figures cannot be served" });
}

const answered = (code: number, type: string, body: string): Answer => ({
  code,
  headers: { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' },
  body,
});

const plain = (code: number, body: string): Answer => answered(code, 'text/plain; charset=utf-8', body);

const exposition = (body: string): Answer => answered(200, 'text/plain; version=0.0.4; charset=utf-8', body);

/** A form that is not to be had is refused in words. */
function page(made: () => Page): Answer {
  try {
    const { type, body, headers } = made();
    return { code: 200, headers: { 'Content-Type': type, ...headers }, body };
  } catch (error) {
    if (!isStatusError(error, 'NotAcceptable')) throw error;
    return plain(406, `${error.message}\n`);
  }
}
