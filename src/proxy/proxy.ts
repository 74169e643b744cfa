// The service proxy of one node: informers in, nftables transactions out. What the rules are is decided in ./nft and
// ./endpoints.ts; this file only carries changes over, one transaction for all that came while the last one ran.
import { Readable } from 'node:stream';
import { type Clock, elapses, wait } from '#base/clock.ts';
import { trackConnections } from '#base/connection-tracking.ts';
import type { Logger } from '#base/log.ts';
import { rulesStand } from '#base/nft-rules.ts';
import { ProgramError } from '#base/program.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { nodeHostIps } from '#api/nodes.ts';
import type { EndpointSlice, Node, Service, ServiceCIDR } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Informer } from '#client/informer-contract.ts';
import { networksOf, outermost } from './addresses.ts';
import type { BindAddresses } from './bind-addresses.ts';
import { forgetClients, knownClients } from './clients.ts';
import { type ProxyNode, serviceKeyOf } from './endpoints.ts';
import { tellStart } from './events.ts';
import { Flows } from './flows.ts';
import type { HealthCheck } from './health/health-plan.ts';
import { localAddresses } from './health/local-addresses.ts';
import { ProxyHealth } from './health/proxy-health.ts';
import { ServiceHealth } from './health/service-health.ts';
import { configz } from './metrics/configz.ts';
import { ProxyMetrics } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve-metrics.ts';
import type { Fragment } from './nft/fragment.ts';
import { nodeFragment } from './nft/node-fragment.ts';
import { RuleState } from './nft/rule-state.ts';
import { nodePortAddresses, nodePortNetworks } from './node-ports.ts';
import { NOTHING, observe, type Observation } from './observe.ts';
import type { RunProgram } from './run-program.ts';

const BY_SERVICE = 'proxy-service';

/** After a refused transaction. Milliseconds. */
const RETRY_MS = { first: 100, longest: 30_000 };

/**
 * Between looks whether the rules are still there: a firewall that is loaded anew flushes all and tells nobody. Milliseconds.
 * Source: kube-proxy looks for its canary every syncPeriod, 30 s.
 */
const LOOK_EVERY_MS = 10_000;

export interface ProxyDeps {
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  /** May be of this node alone. */
  readonly nodes: Informer<Node>;
  readonly serviceCIDRs: Informer<ServiceCIDR>;
  readonly runProgram: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly config: {
    readonly nodeName: string;
    /** Of all pods: one network, or one of each family, the main one first. Services have no other families here. */
    readonly podCIDRs: readonly string[];
    /** Where node ports are served: networks, or `primary` alone for the addresses that the node object tells; none: everywhere. */
    readonly nodePortAddresses: readonly string[];
    readonly bindAddresses: BindAddresses;
    /** What the proxy was started with, for `/flagz`; no secrets. */
    readonly flags: Readonly<Record<string, string>>;
  };
}

/** What there is of each family. */
interface Side {
  readonly family: IpFamily;
  readonly podCIDR: string;
  readonly state: RuleState;
  /** What follows once the rules are in force; kept while transactions are refused. */
  readonly checks: Map<string, HealthCheck | undefined>;
  readonly health: ServiceHealth;
}

/** Stands among Services for the node and the cluster themselves: no Service has such a key. */
const NODE = 'node';

export class Proxy {
  readonly #deps: ProxyDeps;
  readonly #sides: readonly Side[];
  readonly #flows: Flows;
  /** Services that changed since the last transaction began. */
  #dirty = new Set<string>();
  #wake = Promise.withResolvers<void>();
  #installed = false;
  /** Monotonic time of the next look, which no stream of changes puts off. */
  #lookAt: number;
  #synced = Promise.withResolvers<void>();
  readonly #metrics: ProxyMetrics;
  readonly #health: ProxyHealth;
  #node: ProxyNode;
  /** As far as the node object tells them. */
  #nodeIPs: readonly string[] = [];

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
    this.#node = { name: deps.config.nodeName, zone: undefined };
    this.#dirty.add(NODE);
    this.#lookAt = deps.clock.monotonic() + LOOK_EVERY_MS;
    this.#flows = new Flows(deps.runProgram, deps.logger);
    this.#metrics = new ProxyMetrics(deps.clock, deps.config.podCIDRs.map(ipFamilyOf));
    this.#health = new ProxyHealth(deps.clock, this.#metrics);
    this.#sides = deps.config.podCIDRs.map((podCIDR) => this.#sideOf(podCIDR));
    deps.endpointSlices.addIndex(BY_SERVICE, (slice) => serviceKeyOf(slice));
  }

  #sideOf(podCIDR: string): Side {
    const { config, logger, events } = this.#deps;
    const family = ipFamilyOf(podCIDR);
    const proxyHealthy = (): boolean => this.#health.healthy;
    const health = new ServiceHealth({ nodeName: config.nodeName, logger, events, proxyHealthy });
    return { family, podCIDR, state: new RuleState(podCIDR), checks: new Map(), health };
  }

  /** Resolves once the rules of all Services known at start are in force. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Runs until the signal aborts; the rules stay in force then, so that traffic goes on while a proxy is replaced. */
  async run(signal: AbortSignal): Promise<void> {
    const { services, endpointSlices, nodes, serviceCIDRs, config, clock, logger, events } = this.#deps;
    const networkChanged = (): void => this.#changed(NODE);
    const remove = [
      nodes.addHandlers({ added: (node) => this.#nodeSeen(node), updated: (node) => this.#nodeSeen(node) }),
      serviceCIDRs.addHandlers({ added: networkChanged, updated: networkChanged, deleted: networkChanged }),
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
      await Promise.all([services.synced(), endpointSlices.synced(), nodes.synced(), serviceCIDRs.synced()]);
      const { bindAddresses, flags } = config;
      await this.#health.serve(bindAddresses.healthz, () => nodes.get(config.nodeName), logger, signal);
      const told = (): object => configz({ ...config, nodePortAddresses: this.#sides.flatMap((side) => this.#nodePorts(side)) });
      await serveMetrics({ ...bindAddresses.metrics, expose: () => this.#metrics.expose(), configz: told, flags, clock }, logger, signal);
      tellStart(events, config.nodeName);
      let pause = RETRY_MS.first;
      while (!signal.aborted) {
        try {
          await this.#apply(signal);
          pause = RETRY_MS.first;
          await this.#rest(signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ProgramError)) throw error;
          this.#metrics.failed();
          this.#installed = false; // what is in force is unknown now: the next transaction replaces all of it
          this.#deps.logger.error('service rules are not in force; all will be written anew', { error, retryMs: pause });
          await wait(this.#deps.clock, pause, signal).catch(() => {});
          pause = Math.min(pause * 2, RETRY_MS.longest);
        }
      }
    } finally {
      for (const off of remove) off();
      for (const { health } of this.#sides) await health.stop();
    }
  }

  #nodeSeen(node: Node): void {
    const { name, labels } = node.metadata;
    const zone = labels?.[LABEL.zone];
    const ips = nodeHostIps(node);
    if (name !== this.#node.name || (zone === this.#node.zone && ips.join() === this.#nodeIPs.join())) return;
    this.#node = { name, zone };
    this.#nodeIPs = ips;
    this.#changed(NODE, ...(this.#sides[0]?.state.owners ?? [])); // each side knows them all
  }

  #nodePorts({ family }: Pick<Side, 'family'>): readonly string[] {
    return nodePortNetworks(this.#deps.config.nodePortAddresses, this.#nodeIPs, family);
  }

  /** Health check node ports are open where node ports are served; the machine's addresses come and go untold. */
  async #moveHealth(): Promise<void> {
    const local = localAddresses(this.#deps.logger);
    if (local === undefined) return;
    for (const side of this.#sides) {
      await side.health.listenOn(nodePortAddresses(this.#nodePorts(side), local, side.family));
      await side.health.retry();
    }
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

  /** Until there is something to apply: a change, or rules that somebody removed. @throws ProgramError when that cannot be told */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, logger, runProgram: run } = this.#deps;
    while (this.#installed && !signal.aborted) {
      const left = this.#lookAt - clock.monotonic();
      if (left > 0) {
        if (this.#dirty.size > 0) return;
        if (!(await elapses(clock, left, this.#wake.promise))) this.#wake = Promise.withResolvers();
        continue;
      }
      this.#lookAt = clock.monotonic() + LOOK_EVERY_MS;
      await this.#moveHealth();
      if (await this.#stand({ run, signal })) continue;
      logger.warn('somebody removed service rules; all are written anew');
      this.#installed = false;
    }
  }

  async #stand(asked: { readonly run: RunProgram; readonly signal: AbortSignal }): Promise<boolean> {
    for (const { state } of this.#sides) if (!(await rulesStand(state.stake(), asked))) return false;
    return true;
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    this.#metrics.began();
    const scripts: string[] = [];
    for (const side of this.#sides) scripts.push(await this.#update(side, dirty, signal));
    const script = scripts.join('');
    if (script !== '') await this.#deps.runProgram('nft', ['-f', '-'], { input: Readable.from([script]), signal });
    if (!this.#installed) {
      trackConnections(this.#deps.logger);
      this.#deps.logger.info('service rules are in force', { services: this.#deps.services.size });
    }
    this.#installed = true;
    this.#metrics.synced();
    if (this.#dirty.size === 0) this.#health.updated();
    this.#synced.resolve();
    await this.#moveHealth();
    for (const { checks, health } of this.#sides) {
      await health.update(checks);
      checks.clear();
    }
    await this.#flows.forgetStale(signal);
    const { runProgram: run, logger } = this.#deps;
    for (const { family, state } of this.#sides) await forgetClients(state.affinities, { family, run, logger, signal });
  }

  /** The script that brings one family in line with the Services in `keys`. */
  async #update(side: Side, keys: ReadonlySet<string>, signal: AbortSignal): Promise<string> {
    const { family, state, checks } = side;
    const changes = new Map<string, Fragment | undefined>();
    for (const key of keys) {
      const now = this.#observe(key, side);
      changes.set(key, now.fragment);
      this.#metrics.withoutLocal(key, family, now.withoutLocal);
      checks.set(key, now.check);
      this.#flows.set(key, family, now.flows);
    }
    const difference = state.update(changes);
    if (this.#installed) return difference;
    const { runProgram: run, logger } = this.#deps;
    return state.whole(await knownClients(state.affinities, { family, run, logger, signal }));
  }

  #observe(key: string, { family, podCIDR }: Side): Observation {
    const { services, endpointSlices, serviceCIDRs } = this.#deps;
    if (key === NODE) {
      const cidrs = [...serviceCIDRs.list()].flatMap(({ spec }) => spec.cidrs ?? []);
      const networks = { nodePorts: this.#nodePorts({ family }), services: outermost(networksOf(cidrs, family)) };
      return { ...NOTHING, fragment: nodeFragment(networks) };
    }
    const context = { node: this.#node, podCIDR, nodeIPs: this.#nodeIPs };
    return observe(services.byKey(key), endpointSlices.byIndex(BY_SERVICE, key), context);
  }
}

const keyOf = (service: Service): string => `${service.metadata.namespace}/${service.metadata.name}`;
