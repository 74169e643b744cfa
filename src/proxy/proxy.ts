// The service proxy of one node: informers in, nftables transactions out. What the rules are is decided in ./nft and
// ./endpoints.ts; this file only carries changes over, one transaction for all that came while the last one ran.
import { Readable } from 'node:stream';
import type { Clock } from '#base/clock.ts';
import { wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ProgramError } from '#base/program.ts';
import type { EndpointSlice, Node, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import type { Ids } from '#base/ids.ts';
import type { Client } from '#client/contract.ts';
import { type EventRecorder, QueueingEventRecorder } from '#client/events/event-recorder.ts';
import type { Informer } from '#client/informer-contract.ts';
import { conntrackArguments, type FlowRemoval, flowRemovals, type UdpFlow, udpFlows } from './conntrack-plan.ts';
import type { ProxyNode } from './endpoints.ts';
import { type HealthCheck, healthCheckOf } from './health/health-plan.ts';
import { ProxyHealth } from './health/proxy-health.ts';
import { ServiceHealth } from './health/service-health.ts';
import { ProxyMetrics, type WithoutLocal } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve-metrics.ts';
import { withoutLocal } from './metrics/without-local.ts';
import { type Fragment, serviceFragment } from './nft/fragment.ts';
import { RuleState } from './nft/rule-state.ts';

const BY_SERVICE = 'proxy-service';

/** After a refused transaction. Milliseconds. */
const RETRY_MS = { first: 100, longest: 30_000 };

/** Runs a program with these arguments and this standard input. @throws ProgramError */
export type RunProgram = (
  file: string,
  args: readonly string[],
  options: { readonly input?: Readable; readonly signal?: AbortSignal },
) => Promise<string>;

export interface ProxyDeps {
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  /** May be of this node alone. */
  readonly nodes: Informer<Node>;
  readonly runProgram: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly config: {
    readonly nodeName: string;
    readonly podCIDR: string;
    /** TCP port on all addresses that tells the proxy's own health. */
    readonly healthzPort: number;
    /** TCP port on the loopback that tells the proxy's figures. */
    readonly metricsPort: number;
  };
}

/** What one Service asks of this node. */
interface Observation {
  readonly fragment: Fragment | undefined;
  readonly flows: ReadonlyMap<string, UdpFlow>;
  readonly check: HealthCheck | undefined;
  readonly withoutLocal: WithoutLocal | undefined;
}

export class Proxy {
  readonly #deps: ProxyDeps;
  readonly #state = new RuleState();
  readonly #flows = new Map<string, ReadonlyMap<string, UdpFlow>>();
  /** What follows once the rules are in force; kept while transactions are refused. */
  readonly #checks = new Map<string, HealthCheck | undefined>();
  readonly #removals: FlowRemoval[] = [];
  /** Services that changed since the last transaction began. */
  #dirty = new Set<string>();
  #wake = Promise.withResolvers<void>();
  #installed = false;
  #synced = Promise.withResolvers<void>();
  readonly #metrics: ProxyMetrics;
  readonly #health: ProxyHealth;
  readonly #serviceHealth: ServiceHealth;
  #node: ProxyNode;

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
    this.#node = { name: deps.config.nodeName, zone: undefined };
    this.#metrics = new ProxyMetrics(deps.clock);
    this.#health = new ProxyHealth(deps.clock, this.#metrics);
    this.#serviceHealth = new ServiceHealth({
      nodeName: deps.config.nodeName,
      logger: deps.logger,
      events: deps.events,
      proxyHealthy: () => this.#health.healthy,
    });
    deps.endpointSlices.addIndex(BY_SERVICE, (slice) => serviceKeyOf(slice));
  }

  /** Resolves once the rules of all Services known at start are in force. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Runs until the signal aborts; the rules stay in force then, so that traffic goes on while a proxy is replaced. */
  async run(signal: AbortSignal): Promise<void> {
    const { services, endpointSlices, nodes, config, logger } = this.#deps;
    const remove = [
      nodes.addHandlers({ added: (node) => this.#nodeSeen(node), updated: (node) => this.#nodeSeen(node) }),
      services.addHandlers({
        added: (service) => this.#serviceChanged(service),
        updated: (service) => this.#serviceChanged(service),
        deleted: (service) => this.#serviceChanged(service),
      }),
      endpointSlices.addHandlers({
        added: (slice) => this.#sliceChanged(slice),
        updated: (slice, previous) => this.#sliceChanged(slice, previous),
        deleted: (slice) => {
          this.#metrics.sliceGone(slice);
          this.#changed(...serviceKeyOf(slice));
        },
      }),
    ];
    signal.addEventListener('abort', () => this.#wake.resolve(), { once: true });
    try {
      // Rules of an incomplete view would refuse connections to Services that are well.
      await Promise.all([services.synced(), endpointSlices.synced(), nodes.synced()]);
      await this.#health.serve(config.healthzPort, () => nodes.get(config.nodeName), logger, signal);
      await serveMetrics(config.metricsPort, () => this.#metrics.expose(), logger, signal);
      let pause = RETRY_MS.first;
      while (!signal.aborted) {
        try {
          await this.#apply(signal);
          pause = RETRY_MS.first;
          await this.#wake.promise;
          this.#wake = Promise.withResolvers();
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ProgramError)) throw error;
          this.#metrics.failed();
          this.#installed = false; // what is in force is unknown now: the next transaction replaces all of it
          this.#deps.logger.error('service rules were refused; all will be written anew', { error, retryMs: pause });
          await wait(this.#deps.clock, pause, signal).catch(() => {});
          pause = Math.min(pause * 2, RETRY_MS.longest);
        }
      }
    } finally {
      for (const off of remove) off();
      await this.#serviceHealth.stop();
    }
  }

  #nodeSeen({ metadata: { name, labels } }: Node): void {
    const zone = labels?.[LABEL.zone];
    if (name !== this.#node.name || zone === this.#node.zone) return;
    this.#node = { name, zone };
    this.#changed(...this.#state.services);
  }

  #serviceChanged(service: Service): void {
    this.#metrics.serviceChanged();
    this.#changed(keyOf(service));
  }

  #sliceChanged(slice: EndpointSlice, previous = slice): void {
    this.#metrics.sliceChanged(slice);
    this.#changed(...serviceKeyOf(slice), ...serviceKeyOf(previous));
  }

  #changed(...keys: readonly string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#dirty.add(key);
    this.#health.queued();
    this.#wake.resolve();
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    this.#metrics.began();
    const changes = new Map<string, Fragment | undefined>();
    for (const key of dirty) {
      const { fragment, flows, check, withoutLocal: lacking } = this.#observe(key);
      changes.set(key, fragment);
      this.#metrics.withoutLocal(key, lacking);
      this.#checks.set(key, check);
      this.#removals.push(...flowRemovals(this.#flows.get(key) ?? new Map<string, UdpFlow>(), flows));
      if (flows.size === 0) this.#flows.delete(key);
      else this.#flows.set(key, flows);
    }
    const difference = this.#state.update(changes);
    const script = this.#installed ? difference : this.#state.whole();
    if (script !== '') await this.#deps.runProgram('nft', ['-f', '-'], { input: Readable.from([script]), signal });
    if (!this.#installed) this.#deps.logger.info('service rules are in force', { services: this.#state.size });
    this.#installed = true;
    this.#metrics.synced();
    if (this.#dirty.size === 0) this.#health.updated();
    this.#synced.resolve();
    for (const [key, check] of this.#checks) await this.#serviceHealth.set(key, check);
    this.#checks.clear();
    // After the rules: entries made in between already follow the new ones.
    for (const removal of this.#removals.splice(0)) await this.#forget(conntrackArguments(removal), signal);
  }

  #observe(key: string): Observation {
    const { services, endpointSlices, config } = this.#deps;
    const service = services.byKey(key);
    if (service === undefined || service.metadata.labels?.[LABEL.serviceProxyName] !== undefined /* another proxy's */)
      return { fragment: undefined, flows: new Map(), check: undefined, withoutLocal: undefined };
    const slices = endpointSlices.byIndex(BY_SERVICE, key);
    const node = this.#node;
    return {
      fragment: serviceFragment(service, slices, { node, podCIDR: config.podCIDR }),
      flows: udpFlows(service, slices, node),
      check: healthCheckOf(service, slices, node),
      withoutLocal: withoutLocal(service, slices, node),
    };
  }

  /** conntrack ends with 1 when there was nothing to delete. */
  async #forget(args: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.runProgram('conntrack', args, { signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      if (!error.message.includes('0 flow entries')) this.#deps.logger.warn('stale UDP flows may remain', { args, error });
    }
  }
}

const keyOf = (service: Service): string => `${service.metadata.namespace}/${service.metadata.name}`;

function serviceKeyOf(slice: EndpointSlice): readonly string[] {
  const name = slice.metadata.labels?.[LABEL.serviceName];
  return name === undefined ? [] : [`${slice.metadata.namespace}/${name}`];
}

/** The recorder of a proxy's events. */
export function proxyEvents(
  client: Client,
  {
    nodeName,
    ...deps
  }: { readonly nodeName: string; readonly clock: Clock; readonly ids: Ids; readonly logger: Logger; readonly signal: AbortSignal },
): EventRecorder {
  return new QueueingEventRecorder({ client, component: 'kube-proxy', host: nodeName, ...deps });
}
