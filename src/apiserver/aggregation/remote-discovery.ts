// What aggregated servers serve, fetched when an APIService changes and every minute, with ETags.
// Source: kube-aggregator pkg/apiserver handler_discovery.go.
import { apiservices } from '#api/resources.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import type { APIVersionDiscovery } from '#api/gen/apidiscovery-v2.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { rateLimiter } from '#client/workqueue/rate-limiter.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers, type Requeue } from '#client/workqueue/workers.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../authentication/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import { OutboundError } from '../outbound/contract.ts';
import { DocumentError, readGroups, readResources } from './remote-documents.ts';
import { fetchFrom, type RemoteDeps } from './remote.ts';
import type { RemoteServices } from './remote-services.ts';

export interface RemoteDiscoveryDeps extends RemoteDeps {
  readonly reader: CacheReader;
  readonly remotes: RemoteServices;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: [SYSTEM_PRIVILEGED_GROUP] };
const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
const WORKERS = 2;
const REFRESH_MS = 60_000;
const RETRIES = { baseDelayMs: 500, maxDelayMs: REFRESH_MS, overall: undefined };
const TIMEOUT_MS = 5_000;

interface Fetched {
  readonly versions: ReadonlyMap<string, APIVersionDiscovery>;
  /** Empty where the server gave none. */
  readonly etag: string;
}

const keyOf = ({ spec }: APIService): string => `${spec.group}/${spec.version}`;

export class RemoteDiscovery {
  readonly #deps: RemoteDiscoveryDeps;
  /** By APIService. */
  readonly #fetched = new Map<string, Fetched>();
  /** What is shown, by `group/version`. */
  readonly #shown = new Map<string, APIVersionDiscovery>();
  #generation = 0;

  constructor(deps: RemoteDiscoveryDeps) {
    this.#deps = deps;
  }

  /** Grows when anything shown changes. */
  get generation(): number {
    return this.#generation;
  }

  /** Stale where the server could not be asked; then what it said last, if it ever did. */
  version(group: string, version: string): APIVersionDiscovery {
    return this.#shown.get(`${group}/${version}`) ?? { version, freshness: 'Stale' };
  }

  /** Runs until the signal aborts. @param asked told once every server there is at the start was asked, in vain or not */
  async run(asked: () => void): Promise<void> {
    const { reader, remotes, clock, logger, signal } = this.#deps;
    const queue = new WorkQueue<string>({ clock, rateLimiter: rateLimiter(RETRIES) });
    const remove = reader.onChange(apiservices, ({ object, previous }) => {
      if (object?.spec.service !== undefined || previous?.spec.service !== undefined)
        queue.add((object ?? previous)?.metadata.name as string);
    });
    const pending = new Set([...remotes.all()].map(({ metadata }) => metadata.name));
    for (const name of pending) queue.add(name);
    if (pending.size === 0) asked();
    const reconcile = async (name: string): Promise<Requeue | undefined> => {
      try {
        return await this.#reconcile(name);
      } finally {
        if (pending.delete(name) && pending.size === 0) asked();
      }
    };
    await runWorkers(queue, { workers: WORKERS, reconcile, clock, logger, signal });
    remove();
  }

  async #reconcile(name: string): Promise<Requeue | undefined> {
    const { reader, signal } = this.#deps;
    const service = reader.get(apiservices, name);
    if (service?.spec.service === undefined) {
      this.#fetched.delete(name);
      const dot = name.indexOf('.');
      if (this.#shown.delete(`${name.slice(dot + 1)}/${name.slice(0, dot)}`)) this.#generation++;
      return undefined;
    }
    const { version = '' } = service.spec;
    const known = this.#fetched.get(name);
    try {
      const fetched = await this.#fetch(service, known);
      this.#fetched.set(name, fetched);
      this.#show(keyOf(service), { ...(fetched.versions.get(keyOf(service)) ?? { version }), freshness: 'Current' });
      return { afterMs: REFRESH_MS };
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#show(keyOf(service), { ...(known?.versions.get(keyOf(service)) ?? { version }), freshness: 'Stale' });
      throw error;
    }
  }

  #show(key: string, next: APIVersionDiscovery): void {
    if (deepEqual(this.#shown.get(key), next)) return;
    this.#shown.set(key, next);
    this.#generation++;
  }

  /** @throws Error for a server that cannot be asked, or whose answer cannot be read */
  async #fetch(service: APIService, known: Fetched | undefined): Promise<Fetched> {
    const { signal } = this.#deps;
    const { group = '', version = '' } = service.spec;
    try {
      const etag = known?.etag ?? '';
      const headers = { accept: ACCEPT, ...(etag === '' ? {} : { 'if-none-match': etag }) };
      const all = await fetchFrom(service, { path: '/apis', user: AGGREGATOR, headers, timeoutMs: TIMEOUT_MS, signal }, this.#deps);
      if (all.status === 304 && known !== undefined) return known;
      if (all.status === 503) throw new DocumentError(`non-success response code: ${all.status}`);
      if (all.status === 200 && (all.headers['content-type'] ?? '').replaceAll(' ', '').includes('as=APIGroupDiscoveryList'))
        return { versions: readGroups(all.body), etag: all.headers.etag ?? '' };
      const path = `/apis/${group}/${version}`;
      const one = await fetchFrom(
        service,
        { path, user: AGGREGATOR, headers: { accept: 'application/json' }, timeoutMs: TIMEOUT_MS, signal },
        this.#deps,
      );
      if (one.status !== 200) throw new DocumentError(`failed to download legacy discovery for ${path}: status ${one.status}`);
      return { versions: new Map([[keyOf(service), readResources(one.body, version)]]), etag: '' };
    } catch (error) {
      if (error instanceof DocumentError || error instanceof OutboundError || error instanceof StatusError)
        throw new Error(`discovery of ${service.metadata.name}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
