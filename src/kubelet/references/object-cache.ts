// Objects that pods on this node refer to, each watched by name for as long as some pod refers to it.
import { StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { Informer } from '#client/informer-contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';

/** Longest a read waits for the first list, milliseconds. Source: watch_based_manager.go waitCacheSync. */
const SYNC_TIMEOUT_MS = 10_000;

interface Watched<T> {
  readonly informer: Informer<T>;
  readonly stop: AbortController;
  /** Pods that refer to the object, by uid. */
  readonly holders: Set<string>;
}

export interface ObjectCacheDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** The object changed, appeared or went; `holders` are uids of pods. */
  readonly changed: (holders: readonly string[]) => void;
}

/** Source: kubelet util/manager, watch based. */
export class ObjectCache<T extends KubeObject> {
  readonly #resource: Resource<T>;
  readonly #deps: ObjectCacheDeps;
  readonly #watched = new Map<string, Watched<T>>();
  /** Keys a pod holds, by its uid. */
  readonly #held = new Map<string, ReadonlySet<string>>();

  constructor(resource: Resource<T>, deps: ObjectCacheDeps) {
    this.#resource = resource;
    this.#deps = deps;
  }

  /** Replaces what the pod `uid` refers to; objects nobody refers to any more are let go. */
  hold(uid: string, namespace: string, names: Iterable<string>): void {
    const keys = new Set([...names].map((name) => `${namespace}/${name}`));
    for (const key of keys) this.#watch(key).holders.add(uid);
    for (const key of this.#held.get(uid) ?? []) if (!keys.has(key)) this.#let(key, uid);
    if (keys.size === 0) this.#held.delete(uid);
    else this.#held.set(uid, keys);
  }

  release(uid: string): void {
    for (const key of this.#held.get(uid) ?? []) this.#let(key, uid);
    this.#held.delete(uid);
  }

  /**
   * The object as last seen; waits for the first answer of the API.
   * @throws StatusError NotFound; ServiceUnavailable when the API does not answer in time
   */
  async get(namespace: string, name: string): Promise<T> {
    const watched = this.#watched.get(`${namespace}/${name}`);
    if (watched === undefined) return this.#deps.client.get(this.#resource, { namespace, name });
    const { informer, stop } = watched;
    if (!informer.hasSynced) {
      const timeout = new AbortController();
      const late = async (): Promise<never> => {
        await wait(this.#deps.clock, SYNC_TIMEOUT_MS, AbortSignal.any([timeout.signal, stop.signal]));
        throw new StatusError('ServiceUnavailable', `failed to sync ${this.#singular} cache: timed out waiting for the condition`);
      };
      try {
        await Promise.race([informer.synced(), late()]);
      } finally {
        timeout.abort(new Error('no longer waited for'));
      }
    }
    const object = informer.get(name, namespace);
    // The singular, as upstream words it here.
    if (object === undefined) throw new StatusError('NotFound', `${this.#singular} "${name}" not found`, { name, kind: this.#singular });
    return object;
  }

  stop(): void {
    for (const { stop } of this.#watched.values()) stop.abort(new Error('the kubelet stops'));
    this.#watched.clear();
    this.#held.clear();
  }

  /** Objects being watched. */
  get size(): number {
    return this.#watched.size;
  }

  get #singular(): string {
    return this.#resource.kind.toLowerCase();
  }

  #watch(key: string): Watched<T> {
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const [namespace, name] = key.split('/') as [string, string];
    const { client, clock, ids, logger } = this.#deps;
    const factory = createInformerFactory({ client, clock, ids, logger });
    const informer = factory.informer(this.#resource, { namespace, fieldSelector: `metadata.name=${name}` });
    const watched: Watched<T> = { informer, stop: new AbortController(), holders: new Set() };
    const notify = (): void => this.#deps.changed([...watched.holders]);
    informer.addHandlers({ added: (_object, initial) => (initial ? undefined : notify()), updated: notify, deleted: notify });
    factory.start(watched.stop.signal);
    this.#watched.set(key, watched);
    return watched;
  }

  #let(key: string, uid: string): void {
    const watched = this.#watched.get(key);
    watched?.holders.delete(uid);
    if (watched?.holders.size !== 0) return;
    watched.stop.abort(new Error('no pod refers to it any more'));
    this.#watched.delete(key);
  }
}
