// Aggregation put together: which requests go to other servers, and what keeps APIServices as they should be.
import type { GroupInfo, Schema } from '#api/schema.ts';
import type { APIVersionDiscovery } from '#api/gen/apidiscovery-v2.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client, Transport } from '#client/contract.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { RemoteGroups } from '../discovery/remote-groups.ts';
import type { Answer } from '../handlers/answer.ts';
import type { RequestContext, RequestInfo } from '../request.ts';
import { runAuthenticationConfig, type AuthenticationTrust } from './authentication-config.ts';
import { runAvailability } from './availability.ts';
import { AggregatorMetrics } from './metrics.ts';
import { builtInPriority, CUSTOM_PRIORITY, ordered, type Placed } from './priorities.ts';
import { proxyTo } from './proxy.ts';
import type { HealthCheck } from '../routes/health.ts';
import { AGGREGATOR_HOOKS, type HookDone, type PostStartHook } from '../routes/post-start-hooks.ts';
import { registrationCheck, runRegistration } from './registration.ts';
import { RemoteDiscovery } from './remote-discovery.ts';
import { RemoteOpenApi } from './remote-openapi.ts';
import { RemoteServices } from './remote-services.ts';
import { RemoteTransports } from './remote-transports.ts';
import type { ProxyCertificate, RemoteDeps } from './remote.ts';

export interface AggregationSettings {
  /** What shows aggregated servers that this is the front proxy; absent: they can trust no header. */
  readonly proxyCertificate?: ProxyCertificate;
  /** Published for aggregated servers; absent: nothing is. */
  readonly trust?: AuthenticationTrust;
}

export interface AggregationDeps extends RemoteDeps {
  readonly schema: Schema;
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly trust: AuthenticationTrust | undefined;
}

/** Stands before all other groups, and has no APIService. Source: APIRegistrationGroupPriority. */
const REGISTRATION = { group: 20_001, version: 0 };

export class Aggregation implements RemoteGroups {
  readonly metrics = new AggregatorMetrics();
  readonly #deps: AggregationDeps;
  readonly #remotes: RemoteServices;
  readonly #discovery: RemoteDiscovery;
  readonly documents: RemoteOpenApi;
  readonly #transports: RemoteTransports;
  /** This server's own APIServices stand. */
  readonly registered: HealthCheck;

  constructor(deps: AggregationDeps) {
    this.#deps = deps;
    this.#remotes = new RemoteServices(deps.reader);
    this.#discovery = new RemoteDiscovery({ ...deps, remotes: this.#remotes });
    this.documents = new RemoteOpenApi({ ...deps, remotes: this.#remotes });
    this.#transports = new RemoteTransports(deps);
    this.registered = registrationCheck(deps);
  }

  /** What `run` does. */
  get hooks(): readonly PostStartHook[] {
    const { trust, proxyCertificate } = this.#deps;
    return [
      ...AGGREGATOR_HOOKS,
      ...(trust === undefined ? [] : (['start-cluster-authentication-info-controller'] as const)),
      ...(proxyCertificate === undefined ? [] : (['aggregator-reload-proxy-client-cert'] as const)),
    ];
  }

  /** @param client as the API server itself. Resolves when the signal has ended all of it. */
  async run(client: Client, done: HookDone): Promise<void> {
    const deps = { ...this.#deps, client, metrics: this.metrics };
    const { trust } = deps;
    const running = Promise.all([
      runRegistration(deps),
      runAvailability(deps),
      this.#discovery.run(() => done('apiservice-discovery-controller')),
      this.documents.run(),
      trust === undefined ? undefined : runAuthenticationConfig({ ...deps, trust }),
    ]);
    for (const hook of this.hooks) if (hook !== 'apiservice-discovery-controller') done(hook);
    await running;
  }

  /** Whether another server answers this. */
  serves({ path }: RequestInfo): boolean {
    return this.#remotes.ofPath(path) !== undefined;
  }

  /** Undefined for what this server answers itself. */
  answer(request: RequestContext): Answer | undefined {
    const service = this.#remotes.ofPath(request.info.path);
    return service === undefined ? undefined : proxyTo(service, request, this.#deps);
  }

  transport({ path }: RequestInfo, user: UserInfo): Transport {
    const service = this.#remotes.ofPath(path);
    if (service === undefined) throw new Error(`${path} is served here`);
    return this.#transports.to(service, user);
  }

  get generation(): number {
    return this.#remotes.generation + this.#discovery.generation;
  }

  merge(local: readonly GroupInfo[]): readonly GroupInfo[] {
    const remote = [...this.#remotes.all()];
    if (remote.length === 0) return local;
    const placed = new Map<string, Placed>();
    for (const { name: of, versions } of local)
      for (const name of versions) placed.set(`${of}/${name}`, { of, name, ...(builtInPriority(of, name) ?? otherPriority(of)) });
    for (const { spec } of remote) {
      const { group: of = '', version: name = '', groupPriorityMinimum, versionPriority } = spec;
      placed.set(`${of}/${name}`, { of, name, group: groupPriorityMinimum, version: versionPriority });
    }
    return ordered([...placed.values()]);
  }

  version(group: string, version: string): APIVersionDiscovery | undefined {
    return this.#remotes.find(group, version) === undefined ? undefined : this.#discovery.version(group, version);
  }
}

const otherPriority = (group: string): typeof CUSTOM_PRIORITY => (group === 'apiregistration.k8s.io' ? REGISTRATION : CUSTOM_PRIORITY);
