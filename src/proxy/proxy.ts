// The service proxy of one node: informers in, nftables transactions out. What the rules are is decided in ./nft and
// ./endpoints.ts; this file only carries changes over, one transaction for all that came while the last one ran.
import { Readable } from 'node:stream';
import { type Clock, elapses, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { rulesStand } from '#base/nft-rules.ts';
import { ProgramError } from '#base/program.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import type { EndpointSlice, Node, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import type { Ids } from '#base/ids.ts';
import type { Client } from '#client/contract.ts';
import { type EventRecorder, QueueingEventRecorder } from '#client/events/event-recorder.ts';
import type { Informer } from '#client/informer-contract.ts';
import { type FlowRemoval, flowRemovals, listArguments, removalArguments, staleFlows, udpFlows, type UdpFlows } from './conntrack-plan.ts';
import type { ProxyNode } from './endpoints.ts';
import { type HealthCheck, healthCheckOf } from './health/health-plan.ts';
import type { ListenAddress } from './health/listening.ts';
import { ProxyHealth } from './health/proxy-health.ts';
import { ServiceHealth } from './health/service-health.ts';
import { configz } from './metrics/configz.ts';
import { ProxyMetrics, type WithoutLocal } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve-metrics.ts';
import { withoutLocal } from './metrics/without-local.ts';
import { type Fragment, serviceFragment } from './nft/fragment.ts';
import { RuleState } from './nft/rule-state.ts';

const BY_SERVICE = 'proxy-service';

/** After a refused transaction. Milliseconds. */
const RETRY_MS = { first: 100, longest: 30_000 };

/**
 * Between looks whether the rules are still there: a firewall that is loaded anew flushes all and tells nobody. Milliseconds.
 * Source: kube-proxy looks for its canary every syncPeriod, 30 s.
 */
const LOOK_EVERY_MS = 10_000;

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
    /** Of all pods: one network, or one of each family, the main one first. Services have no other families here. */
    readonly podCIDRs: readonly string[];
    /** TCP port on all addresses that tells the proxy's own health. */
    readonly healthzPort: number;
    /** TCP port on the loopback that tells the proxy's figures. */
    readonly metricsPort: number;
  };
}

/** What one Service asks of this node in one family. */
interface Observation {
  readonly fragment: Fragment | undefined;
  readonly flows: UdpFlows;
  readonly check: HealthCheck | undefined;
  readonly withoutLocal: WithoutLocal | undefined;
}

const NOTHING: Observation = { fragment: undefined, flows: new Map(), check: undefined, withoutLocal: undefined };

/** What there is of each family. */
interface Side {
  readonly family: IpFamily;
  readonly podCIDR: string;
  readonly state: RuleState;
  /** By Service. */
  readonly flows: Map<string, UdpFlows>;
  /** What follows once the rules are in force; kept while transactions are refused. */
  readonly checks: Map<string, HealthCheck | undefined>;
  readonly health: ServiceHealth;
}

const EVERYWHERE: Readonly<Record<IpFamily, ListenAddress>> = { IPv4: { host: '0.0.0.0' }, IPv6: { host: '::', ipv6Only: true } };
const hostPort = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const LOOPBACK: Readonly<Record<IpFamily, string>> = { IPv4: '127.0.0.1', IPv6: '::1' };

export class Proxy {
  readonly #deps: ProxyDeps;
  readonly #sides: readonly Side[];
  /** As `checks` of a side. */
  readonly #removals: FlowRemoval[] = [];
  /** Services that changed since the last transaction began. */
  #dirty = new Set<string>();
  #wake = Promise.withResolvers<void>();
  #installed = false;
  /** What an earlier proxy left among tracked connections is gone. */
  #flowsKnown = false;
  #synced = Promise.withResolvers<void>();
  readonly #metrics: ProxyMetrics;
  readonly #health: ProxyHealth;
  #node: ProxyNode;

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
    this.#node = { name: deps.config.nodeName, zone: undefined };
    this.#metrics = new ProxyMetrics(deps.clock, deps.config.podCIDRs.map(ipFamilyOf));
    this.#health = new ProxyHealth(deps.clock, this.#metrics);
    this.#sides = deps.config.podCIDRs.map((podCIDR) => this.#sideOf(podCIDR));
    deps.endpointSlices.addIndex(BY_SERVICE, (slice) => serviceKeyOf(slice));
  }

  #sideOf(podCIDR: string): Side {
    const { config, logger, events } = this.#deps;
    const family = ipFamilyOf(podCIDR);
    const proxyHealthy = (): boolean => this.#health.healthy;
    const health = new ServiceHealth({ nodeName: config.nodeName, address: EVERYWHERE[family], logger, events, proxyHealthy });
    return { family, podCIDR, state: new RuleState(podCIDR), flows: new Map(), checks: new Map(), health };
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
      const families = this.#sides.map(({ family }) => family);
      const healthz = { host: families.includes('IPv6') ? '::' : '0.0.0.0', port: config.healthzPort };
      await this.#health.serve(healthz, () => nodes.get(config.nodeName), logger, signal);
      const figures = { host: LOOPBACK[families[0] ?? 'IPv4'], port: config.metricsPort };
      const addresses = { healthzAddress: hostPort(healthz), metricsAddress: hostPort(figures) };
      const told = configz({ ...config, ...addresses });
      await serveMetrics({ ...figures, expose: () => this.#metrics.expose(), configz: told }, logger, signal);
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

  #nodeSeen({ metadata: { name, labels } }: Node): void {
    const zone = labels?.[LABEL.zone];
    if (name !== this.#node.name || zone === this.#node.zone) return;
    this.#node = { name, zone };
    this.#changed(...(this.#sides[0]?.state.services ?? [])); // each side knows them all
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
    while (this.#installed && this.#dirty.size === 0 && !signal.aborted) {
      if (!(await elapses(clock, LOOK_EVERY_MS, this.#wake.promise))) {
        this.#wake = Promise.withResolvers();
        continue;
      }
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
    const scripts = this.#sides.map((side) => this.#update(side, dirty));
    const script = scripts.join('');
    if (script !== '') await this.#deps.runProgram('nft', ['-f', '-'], { input: Readable.from([script]), signal });
    if (!this.#installed) this.#deps.logger.info('service rules are in force', { services: this.#sides[0]?.state.size });
    this.#installed = true;
    this.#metrics.synced();
    if (this.#dirty.size === 0) this.#health.updated();
    this.#synced.resolve();
    for (const { checks, health } of this.#sides) {
      for (const [key, check] of checks) await health.set(key, check);
      checks.clear();
    }
    // After the rules: entries made in between already follow the new ones.
    if (!this.#flowsKnown) await this.#recallFlows(signal);
    for (const removal of this.#removals.splice(0)) await this.#forget(removalArguments(removal), signal);
  }

  /** The script that brings one family in line with the Services in `keys`. */
  #update(side: Side, keys: ReadonlySet<string>): string {
    const { family, state, flows, checks } = side;
    const changes = new Map<string, Fragment | undefined>();
    for (const key of keys) {
      const now = this.#observe(key, side);
      changes.set(key, now.fragment);
      this.#metrics.withoutLocal(key, family, now.withoutLocal);
      checks.set(key, now.check);
      if (this.#flowsKnown) this.#removals.push(...flowRemovals(flows.get(key) ?? NOTHING.flows, now.flows, family));
      if (now.flows.size === 0) flows.delete(key);
      else flows.set(key, now.flows);
    }
    const difference = state.update(changes);
    return this.#installed ? difference : state.whole();
  }

  #observe(key: string, { family, podCIDR }: Side): Observation {
    const { services, endpointSlices } = this.#deps;
    const service = services.byKey(key);
    if (service === undefined || isServedElsewhere(service)) return NOTHING;
    const slices = endpointSlices.byIndex(BY_SERVICE, key);
    const node = this.#node;
    return {
      fragment: serviceFragment(service, slices, { node, podCIDR }),
      flows: udpFlows(service, slices, node, family),
      check: healthCheckOf(service, slices, node, family),
      withoutLocal: withoutLocal(service, slices, node, family),
    };
  }

  /** Who served before this proxy began is known by what is tracked alone. */
  async #recallFlows(signal: AbortSignal): Promise<void> {
    this.#flowsKnown = true;
    for (const { family, flows } of this.#sides) {
      const all = new Map([...flows.values()].flatMap((each) => [...each]));
      if (all.size === 0) continue;
      try {
        this.#removals.push(...staleFlows(await this.#deps.runProgram('conntrack', listArguments(family), { signal }), all, family));
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        this.#deps.logger.warn('stale UDP flows of an earlier proxy may remain', { family, error });
      }
    }
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

/** Source: kube-proxy server.go labelSelector. */
const isServedElsewhere = ({ metadata: { labels = {} } }: Service): boolean =>
  labels[LABEL.serviceProxyName] !== undefined || labels[LABEL.headlessService] !== undefined;

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
