// The service proxy of one node: informers in, nftables transactions out. What the rules are is decided in ./nft and
// ./endpoints.ts; this file only carries changes over, one transaction for all that came while the last one ran.
import { Readable } from 'node:stream';
import type { Clock } from '#base/clock.ts';
import { wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ProgramError } from '#base/program.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { conntrackArguments, flowRemovals, type UdpFlow, udpFlows } from './conntrack-plan.ts';
import type { ProxyNode } from './endpoints.ts';
import { type Fragment, serviceFragment } from './nft/fragment.ts';
import { RuleState } from './nft/rule-state.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const BY_SERVICE = 'proxy-service';
/** A Service with this label is another proxy's. Source: apis/well_known_labels LabelServiceProxyName. */
const OTHER_PROXY_LABEL = 'service.kubernetes.io/service-proxy-name';

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
  readonly runProgram: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: { readonly node: ProxyNode; readonly podCIDR: string };
}

export class Proxy {
  readonly #deps: ProxyDeps;
  readonly #state = new RuleState();
  readonly #flows = new Map<string, ReadonlyMap<string, UdpFlow>>();
  /** Services that changed since the last transaction began. */
  #dirty = new Set<string>();
  #wake = Promise.withResolvers<void>();
  #installed = false;
  #synced = Promise.withResolvers<void>();

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
    deps.endpointSlices.addIndex(BY_SERVICE, (slice) => serviceKeyOf(slice));
  }

  /** Resolves once the rules of all Services known at start are in force. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Runs until the signal aborts; the rules stay in force then, so that traffic goes on while a proxy is replaced. */
  async run(signal: AbortSignal): Promise<void> {
    const { services, endpointSlices } = this.#deps;
    const remove = [
      services.addHandlers({
        added: (service) => this.#changed(keyOf(service)),
        updated: (service) => this.#changed(keyOf(service)),
        deleted: (service) => this.#changed(keyOf(service)),
      }),
      endpointSlices.addHandlers({
        added: (slice) => this.#changed(...serviceKeyOf(slice)),
        updated: (slice, previous) => this.#changed(...serviceKeyOf(slice), ...serviceKeyOf(previous)),
        deleted: (slice) => this.#changed(...serviceKeyOf(slice)),
      }),
    ];
    signal.addEventListener('abort', () => this.#wake.resolve(), { once: true });
    try {
      // Rules of an incomplete view would refuse connections to Services that are well.
      await Promise.all([services.synced(), endpointSlices.synced()]);
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
          this.#installed = false; // what is in force is unknown now: the next transaction replaces all of it
          this.#deps.logger.error('service rules were refused; all will be written anew', { error, retryMs: pause });
          await wait(this.#deps.clock, pause, signal).catch(() => {});
          pause = Math.min(pause * 2, RETRY_MS.longest);
        }
      }
    } finally {
      for (const off of remove) off();
    }
  }

  #changed(...keys: readonly string[]): void {
    for (const key of keys) this.#dirty.add(key);
    this.#wake.resolve();
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const changes = new Map<string, Fragment | undefined>();
    const removals = [...dirty].flatMap((key) => {
      const { fragment, flows } = this.#observe(key);
      changes.set(key, fragment);
      const before = this.#flows.get(key) ?? new Map<string, UdpFlow>();
      if (flows.size === 0) this.#flows.delete(key);
      else this.#flows.set(key, flows);
      return flowRemovals(before, flows);
    });
    const difference = this.#state.update(changes);
    const script = this.#installed ? difference : this.#state.whole();
    if (script !== '') await this.#deps.runProgram('nft', ['-f', '-'], { input: Readable.from([script]), signal });
    if (!this.#installed) this.#deps.logger.info('service rules are in force', { services: this.#state.services });
    this.#installed = true;
    this.#synced.resolve();
    // After the rules: entries made in between already follow the new ones.
    for (const removal of removals) await this.#forget(conntrackArguments(removal), signal);
  }

  #observe(key: string): { readonly fragment: Fragment | undefined; readonly flows: ReadonlyMap<string, UdpFlow> } {
    const { services, endpointSlices, config } = this.#deps;
    const service = services.byKey(key);
    if (service === undefined || service.metadata.labels?.[OTHER_PROXY_LABEL] !== undefined)
      return { fragment: undefined, flows: new Map() };
    const slices = endpointSlices.byIndex(BY_SERVICE, key);
    return { fragment: serviceFragment(service, slices, config), flows: udpFlows(service, slices, config.node) };
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
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? [] : [`${slice.metadata.namespace}/${name}`];
}
