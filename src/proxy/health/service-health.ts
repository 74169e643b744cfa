// Tells load balancers by HTTP which nodes can serve a Service whose traffic must stay on the node: one server for each
// health check node port, on all addresses of a family. Source: kube-proxy healthcheck service_health.go.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '#base/log.ts';
import type { Service } from '#api/types.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { HealthCheck } from './health-plan.ts';
import { close, listen, type ListenAddress } from './listening.ts';

export interface ServiceHealthDeps {
  readonly nodeName: string;
  /** Where to listen. */
  readonly address: ListenAddress;
  readonly logger: Logger;
  readonly events: EventRecorder;
  /** Whether rules reach the kernel in time. */
  proxyHealthy(): boolean;
}

export class ServiceHealth {
  readonly #deps: ServiceHealthDeps;
  readonly #servers = new Map<string, { check: HealthCheck; readonly server: Server }>();

  constructor(deps: ServiceHealthDeps) {
    this.#deps = deps;
  }

  /** Opens, changes or (undefined) closes what is served for the Service with this key, `namespace/name`. */
  async set(key: string, check: HealthCheck | undefined): Promise<void> {
    const open = this.#servers.get(key);
    if (open !== undefined && open.check.port === check?.port) {
      open.check = check;
      return;
    }
    if (open !== undefined) {
      this.#servers.delete(key);
      await close(open.server);
    }
    if (check !== undefined) await this.#open(key, check);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((key) => this.set(key, undefined)));
  }

  async #open(key: string, check: HealthCheck): Promise<void> {
    const { nodeName, address, logger, events } = this.#deps;
    const server = createServer((_, response) => this.#answer(key, response));
    try {
      await listen(server, check.port, address, logger);
    } catch (error) {
      // The port is another program's: the Service's traffic itself is not affected.
      const message = `node ${nodeName} failed to start healthcheck "${key}" on port ${check.port}: ${(error as Error).message}`;
      events.event(check.service, 'Warning', 'FailedToStartServiceHealthcheck', message);
      logger.error('a health check node port cannot be served', { service: key, port: check.port, error });
      return;
    }
    this.#servers.set(key, { check, server });
  }

  #answer(key: string, response: ServerResponse): void {
    const check = this.#servers.get(key)?.check;
    if (check === undefined) return void response.destroy();
    const serviceProxyHealthy = this.#deps.proxyHealthy();
    const { namespace, name } = check.service.metadata as Service['metadata'] & { readonly namespace: string };
    response.writeHead(check.localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      'X-Load-Balancing-Endpoint-Weight': String(check.localEndpoints),
    });
    response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: check.localEndpoints, serviceProxyHealthy }, undefined, 2));
  }
}
