// Tells load balancers by HTTP which nodes can serve a Service whose traffic must stay on the node: one server for each
// health check node port and address. Source: kube-proxy healthcheck service_health.go.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '#base/log.ts';
import type { Service } from '#api/types.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { HealthCheck } from './health-plan.ts';
import { close, listen } from '#base/listening.ts';

export interface ServiceHealthDeps {
  readonly nodeName: string;
  readonly logger: Logger;
  readonly events: EventRecorder;
  /** Whether rules reach the kernel in time. */
  proxyHealthy(): boolean;
}

export class ServiceHealth {
  readonly #deps: ServiceHealthDeps;
  readonly #open = new Map<string, { check: HealthCheck; readonly servers: readonly Server[] }>();
  /** What is to be served and could not be. */
  readonly #refused = new Map<string, HealthCheck>();
  #addresses: readonly string[] = [];

  constructor(deps: ServiceHealthDeps) {
    this.#deps = deps;
  }

  /** Opens, changes or (undefined) closes what is served for the Service of each key, `namespace/name`. */
  async update(checks: ReadonlyMap<string, HealthCheck | undefined>): Promise<void> {
    // A port that one Service gives up may be another one's now.
    for (const [key, check] of checks) if (check === undefined) await this.#set(key, check);
    for (const [key, check] of checks) if (check !== undefined) await this.#set(key, check);
  }

  async #set(key: string, check: HealthCheck | undefined): Promise<void> {
    this.#refused.delete(key);
    const open = this.#open.get(key);
    if (open !== undefined && open.check.port === check?.port) {
      open.check = check;
      return;
    }
    this.#open.delete(key);
    await closeAll(open?.servers ?? []);
    if (check !== undefined) await this.#serve(key, check);
  }

  /** Moves all that is served to these addresses: `0.0.0.0` and `::` are all of their family, none serves nowhere. */
  async listenOn(addresses: readonly string[]): Promise<void> {
    if (addresses.join() === this.#addresses.join()) return;
    this.#addresses = addresses;
    for (const [key, { check }] of [...this.#open]) {
      await this.#set(key, undefined);
      await this.#set(key, check);
    }
  }

  /** Ports that other programs had may be free now. */
  async retry(): Promise<void> {
    for (const [key, check] of [...this.#refused]) await this.#set(key, check);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.#set(key, undefined)));
  }

  async #serve(key: string, check: HealthCheck): Promise<void> {
    const { nodeName, logger, events } = this.#deps;
    const servers: Server[] = [];
    try {
      for (const host of this.#addresses) {
        const server = createServer((_, response) => this.#answer(key, response));
        await listen(server, check.port, { host, ipv6Only: true }, logger);
        servers.push(server);
      }
    } catch (error) {
      await closeAll(servers);
      this.#refused.set(key, check);
      // The port is another program's: the Service's traffic itself is not affected.
      const message = `node ${nodeName} failed to start healthcheck "${key}" on port ${check.port}: ${(error as Error).message}`;
      events.event(check.service, 'Warning', 'FailedToStartServiceHealthcheck', message);
      logger.error('a health check node port cannot be served', { service: key, port: check.port, error });
      return;
    }
    this.#open.set(key, { check, servers });
  }

  #answer(key: string, response: ServerResponse): void {
    const check = this.#open.get(key)?.check;
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

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map(close));
}
