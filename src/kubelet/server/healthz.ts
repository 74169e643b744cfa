// The kubelet's health on a port of its own, for whoever is on the machine. Source: kubelet app server.go run.
import { createServer, type Server } from 'node:http';
import type { CancelTimer, Clock } from '#base/clock.ts';
import { HealthFigures } from '#base/health-figures.ts';
import type { Logger } from '#base/log.ts';
import { requestPath } from '#base/request-path.ts';
import { answerWhole, plain } from './answers.ts';
import type { KubeletHost } from './contract.ts';
import { health } from './routes.ts';

/** Milliseconds after which a port that was taken is tried again. */
const RETRY_MS = 5000;

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
  #retry: CancelTimer | undefined;

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
    this.#server.on('error', (error) => this.#failed(error));
  }

  /** A port that somebody else has is no end: it is tried again until it is free. */
  start(): void {
    const { host, port } = this.#deps.address;
    if (port !== 0) this.#server.listen({ host, port });
  }

  stop(): void {
    this.#retry?.();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #failed(error: Error): void {
    const { clock, logger, address } = this.#deps;
    logger.error('Failed to start healthz server', { ...address, error });
    if (!this.#server.listening) this.#retry = clock.after(RETRY_MS, () => this.start());
  }
}
