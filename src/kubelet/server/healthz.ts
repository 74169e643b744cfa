// The kubelet's health on a port of its own, for whoever is on the machine. Source: kubelet app server.go run.
import { createServer, type Server } from 'node:http';
import type { Clock } from '#base/clock.ts';
import { HealthFigures } from '#base/health-figures.ts';
import { listenOnceFree } from '#base/listening.ts';
import type { Logger } from '#base/log.ts';
import { requestPath } from '#base/request-path.ts';
import { answerWhole, plain } from './answers.ts';
import type { KubeletHost } from './contract.ts';
import { health } from './routes.ts';

export interface HealthzDeps {
  readonly host: KubeletHost;
  /** Port 0: not served. */
  readonly address: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly logger: Logger;
}

export class HealthzServer {
  readonly #deps: HealthzDeps;
  readonly #server: Server;
  readonly #stop = new AbortController();

  constructor(deps: HealthzDeps) {
    this.#deps = deps;
    const checks = new HealthFigures();
    this.#server = createServer((request, response) => {
      const { host } = deps;
      const [path, query = ''] = [requestPath(request.url), (request.url ?? '').split('?')[1]];
      if (path === '/healthz') answerWhole(response, health({ host, checks }, new URLSearchParams(query)));
      else if (path === '/healthz/ping') answerWhole(response, plain('ok'));
      else answerWhole(response, plain('404 page not found\n', 404));
    });
  }

  start(): void {
    const { address, clock, logger } = this.#deps;
    if (address.port === 0) return;
    const kept = { clock, logger, signal: this.#stop.signal, without: 'Failed to start healthz server' };
    void listenOnceFree(this.#server, address.port, { host: address.host }, kept);
  }

  stop(): void {
    this.#stop.abort();
  }
}
