// Keeps every resource's cache in step with the store: one list, then one watch over all of `/registry/`, so that all caches
// stand at one revision and a quiet resource is as fresh as a busy one.
import type { Clock } from '#base/clock.ts';
import { wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { prefixEnd, type KeyValue, type Store, type StoreEvent, type WatchBatch } from '#store/contract.ts';
import { CompressedRuns } from './compressed-runs.ts';
import { EncodedItems } from './encoded-items.ts';
import { ResourceCache, type CachedResource, type Found, type Position, type Snapshot } from './resource-cache.ts';
import { Recovery } from './recovery.ts';
import { guarded } from './store-failure.ts';
import { Unreadable } from './unreadable.ts';
import { WriteLog } from './write-log.ts';

export const REGISTRY_PREFIX = '/registry/';

/** Entries read from the store at a time while filling. */
const PAGE = 2_000;
/** Pause before the store is read again after its watch broke, milliseconds. */
const RETRY_MS = 100;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export interface HubDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class CacheHub {
  readonly writes = new WriteLog();
  readonly #prepared = { items: new EncodedItems(), runs: new CompressedRuns() };
  readonly #deps: HubDeps;
  /** By prefix without `/registry/` and the closing slash: `pods`, `services/specs`. */
  readonly #caches = new Map<string, ResourceCache>();
  /** By `pods`, `deployments.apps`. */
  readonly #byName = new Map<string, ResourceCache>();
  readonly #stop = new AbortController();
  #waiters: Waiter[] = [];
  /** All caches contain everything up to here. */
  readonly #position: Position = { revision: 0 };
  #acknowledged = 0;
  #oldestListed = 0;
  #exclusive = false;
  #confirming: Promise<number> | undefined;
  #running: Promise<void> | undefined;
  readonly #recovery: Recovery;
  #synced = false;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    const read = async (cache: ResourceCache): Promise<readonly Found[]> => (await this.#readAll(cache)).objects;
    this.#recovery = new Recovery({ caches: () => this.#caches.values(), read, signal: this.#stop.signal, ...deps });
  }

  /** All caches contain everything up to here. */
  get revision(): number {
    return this.#position.revision;
  }

  /** The caches are filled and follow the store. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Before start; later resources are attached. */
  add(resource: CachedResource): ResourceCache {
    const cache = new ResourceCache(resource, this.#position, this.#prepared);
    this.#caches.set(placeOf(resource), cache);
    this.#byName.set(resource.name, cache);
    return cache;
  }

  /**
   * Adds a resource while the caches follow the store: resolves when its cache holds what was there and follows too.
   * @throws StoreUnavailableError, and then the resource is not added
   */
  async attach(resource: CachedResource): Promise<ResourceCache> {
    const cache = this.add(resource);
    cache.hold();
    try {
      const { objects, revision } = await this.#readAll(cache);
      await this.reached(revision, this.#stop.signal);
      cache.release(objects, revision);
      this.#recovery.lookAfter(cache);
      return cache;
    } catch (error) {
      this.detach(cache);
      throw error;
    }
  }

  /** Forgets a resource; its watches end. */
  detach(cache: ResourceCache): void {
    const place = placeOf(cache.resource);
    if (this.#caches.get(place) === cache) this.#caches.delete(place);
    if (this.#byName.get(cache.resource.name) === cache) this.#byName.delete(cache.resource.name);
    cache.watchers.lost();
  }

  async #readAll({ resource }: ResourceCache): Promise<{ readonly objects: readonly Found[]; readonly revision: number }> {
    const { prefix } = resource;
    const objects: Found[] = [];
    let start = prefix;
    let revision = 0;
    for (;;) {
      const page = await this.#deps.store.range({ start, end: prefixEnd(prefix), limit: PAGE, revision, unreadable: true });
      if (revision === 0) revision = page.revision;
      for (const entry of page.entries) objects.push(read(resource, entry.key.slice(prefix.length), entry));
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return { objects, revision };
      start = `${last.key}\0`;
    }
  }

  /** How much there is of a resource, and how many watch it. */
  loadOf(resource: string): { readonly objects: number; readonly averageBytes: number; readonly watchers: number } | undefined {
    const cache = this.#byName.get(resource);
    return cache === undefined ? undefined : { objects: cache.size, averageBytes: cache.averageBytes, watchers: cache.watchers.size };
  }

  /** The resource whose objects lie at such keys: `secrets`, `widgets.example.com`. */
  resourceOf(storeKey: string): string | undefined {
    return this.#place(storeKey)?.cache.resource.name;
  }

  caches(): Iterable<ResourceCache> {
    return this.#caches.values();
  }

  /** Resolves when the caches are filled. @throws StoreUnavailableError when the store cannot be read */
  async start(): Promise<void> {
    // The embedded engine belongs to this process alone: whatever was acknowledged was acknowledged here.
    this.#exclusive = (await this.#deps.store.status()).engine === 'embedded';
    const revision = await this.#fill((cache, objects, at) => cache.load(objects, at));
    this.#synced = true;
    this.#running = this.#follow(revision);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('cache stopped'));
    await this.#running;
    await this.#recovery.ended;
  }

  /** Forgets, here and in the store, everything that was before now. */
  async forgetHistory(): Promise<void> {
    await this.caughtUp();
    await this.#deps.store.compact(this.#position.revision);
    for (const cache of this.#caches.values()) cache.forget();
  }

  /** History below `revision` was cut: lists of older moments are refused, though watches still find here what is kept. */
  compacted(revision: number): void {
    this.#oldestListed = Math.max(this.#oldestListed, revision);
  }

  /** What a cache held at `revision`; undefined where only the store can tell. */
  at(cache: ResourceCache, revision: number): Snapshot | undefined {
    return revision < this.#oldestListed ? undefined : cache.at(revision);
  }

  /** A write at `revision` was acknowledged to somebody: later consistent reads must see it. */
  acknowledge(revision: number): void {
    if (revision > this.#acknowledged) this.#acknowledged = revision;
  }

  /** Everything acknowledged is in the caches, as far as can be told without asking the store. */
  get upToDate(): boolean {
    return this.#exclusive && this.#position.revision >= this.#acknowledged;
  }

  /**
   * Brings the caches up to everything acknowledged before the call. Undefined when they already are, so that the
   * usual read does not wait at all. Rejects with StatusError when the store does not say where it stands.
   */
  caughtUp(signal?: AbortSignal): Promise<void> | undefined {
    if (this.upToDate) return undefined;
    if (this.#exclusive) return this.reached(this.#acknowledged, signal);
    return this.#confirm().then((revision) => this.reached(revision, signal));
  }

  /** Calls `then` when the caches contain `revision`; never, if they stop before. */
  whenReached(revision: number, then: () => void): void {
    if (this.#position.revision >= revision) then();
    else this.#waiters.push({ revision, resolve: then });
  }

  /** Resolves when the caches contain `revision`. Rejects with the signal's reason. */
  reached(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#position.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const waiter: Waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** The store's revision now. Readers that ask while one question is under way share the next one. */
  #confirm(): Promise<number> {
    if (this.#confirming === undefined) {
      this.#confirming = Promise.resolve().then(async () => {
        this.#confirming = undefined;
        const { revision } = await guarded(() => this.#deps.store.range({ start: REGISTRY_PREFIX, countOnly: true }));
        return revision;
      });
    }
    return this.#confirming;
  }

  /** Reads everything at one revision and hands each cache its part; returns that revision. */
  async #fill(give: (cache: ResourceCache, objects: Found[], revision: number) => void): Promise<number> {
    const found = new Map<ResourceCache, Found[]>();
    for (const cache of this.#caches.values()) found.set(cache, []);
    const end = prefixEnd(REGISTRY_PREFIX);
    let start = REGISTRY_PREFIX;
    let revision = 0;
    for (;;) {
      const page = await this.#deps.store.range({ start, end, limit: PAGE, revision, unreadable: true });
      if (revision === 0) revision = page.revision;
      for (const entry of page.entries) {
        const place = this.#place(entry.key);
        if (place !== undefined) found.get(place.cache)?.push(read(place.cache.resource, place.key, entry));
      }
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) break;
      start = `${last.key}\0`;
    }
    for (const [cache, objects] of found) {
      give(cache, objects, revision);
      this.#recovery.lookAfter(cache);
    }
    this.#advance(revision);
    return revision;
  }

  async #follow(from: number): Promise<void> {
    const { store, logger } = this.#deps;
    const { signal } = this.#stop;
    let next = from + 1;
    while (!signal.aborted) {
      const watch = store.watch({ start: REGISTRY_PREFIX, end: prefixEnd(REGISTRY_PREFIX), revision: next, unreadable: true });
      const leave = (): void => void watch.return?.();
      signal.addEventListener('abort', leave, { once: true });
      try {
        for await (const batch of watch) {
          this.#take(batch);
          next = batch.revision + 1;
        }
        if (signal.aborted) return;
        throw new Error('the store ended the watch');
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('store watch broke; reading everything again', { error });
      } finally {
        signal.removeEventListener('abort', leave);
      }
      next = (await this.#refill()) + 1;
    }
  }

  /** Reads everything again until it succeeds; returns the revision. Reads go on from what is known meanwhile. */
  async #refill(): Promise<number> {
    const { clock, logger } = this.#deps;
    for (;;) {
      try {
        return await this.#fill((cache, objects, revision) => cache.reload(objects, revision, clock.now()));
      } catch (error) {
        if (this.#stop.signal.aborted) return this.#position.revision;
        logger.warn('store cannot be read', { error });
      }
      try {
        await wait(clock, RETRY_MS, this.#stop.signal);
      } catch {
        return this.#position.revision; // stopped
      }
    }
  }

  #take(batch: WatchBatch): void {
    const at = this.#deps.clock.now();
    const touched = new Set<ResourceCache>();
    for (const event of batch.events) {
      const place = this.#place(event.entry.key);
      if (place === undefined) continue;
      touched.add(place.cache);
      place.cache.change(place.key, event.entry.modRevision, this.#read(place, event), at);
    }
    this.#advance(batch.revision);
    for (const cache of touched) {
      cache.flush();
      this.#recovery.lookAfter(cache);
    }
  }

  #read({ cache, key }: Place, { type, entry }: StoreEvent): Found | undefined {
    if (type === 'delete') return undefined;
    return this.writes.claim(entry) ?? read(cache.resource, key, entry);
  }

  #advance(revision: number): void {
    this.#position.revision = revision;
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.revision <= revision) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  /** The cache a store key belongs to: `/registry/pods/ns/a` → pods, `ns/a`. */
  #place(key: string): Place | undefined {
    const start = REGISTRY_PREFIX.length;
    const first = key.indexOf('/', start);
    if (first === -1) return undefined;
    const single = this.#caches.get(key.slice(start, first));
    if (single !== undefined) return { cache: single, key: key.slice(first + 1) };
    const second = key.indexOf('/', first + 1);
    if (second === -1) return undefined;
    const double = this.#caches.get(key.slice(start, second));
    return double === undefined ? undefined : { cache: double, key: key.slice(second + 1) };
  }
}

const placeOf = ({ prefix }: CachedResource): string => prefix.slice(REGISTRY_PREFIX.length, -1);

interface Place {
  readonly cache: ResourceCache;
  readonly key: string;
}

function read({ layout }: CachedResource, key: string, { modRevision, value, unreadable }: KeyValue): Found {
  if (unreadable !== undefined) return new Unreadable(key, modRevision, unreadable);
  try {
    return layout.read(key, modRevision, value);
  } catch (error) {
    // Whatever bytes that others wrote make of a decoder: they are not worth more than their own resource.
    return new Unreadable(key, modRevision, error instanceof Error ? error.message : String(error));
  }
}
