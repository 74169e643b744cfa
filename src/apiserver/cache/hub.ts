// Keeps every resource's cache in step with the store: one list, then one watch over all of `/registry/`, so that all caches
// stand at one revision and a quiet resource is as fresh as a busy one.
import type { Clock } from '#base/clock.ts';
import { wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { prefixEnd, type KeyValue, type Store, type StoreEvent, type WatchBatch } from '#store/contract.ts';
import { CompressedRuns } from './compressed-runs.ts';
import { EncodedItems } from './encoded-items.ts';
import { Progress } from './progress.ts';
import { ResourceCache, type CachedResource, type Found } from './resource-cache.ts';
import type { Snapshot } from './snapshot.ts';
import { Recovery } from './recovery.ts';
import { Unreadable } from './unreadable.ts';
import { WriteLog } from './write-log.ts';

export const REGISTRY_PREFIX = '/registry/';

/** Entries read from the store at a time while filling. */
const PAGE = 2_000;
/** Pause before the store is read again after its watch broke, milliseconds. */
const RETRY_MS = 100;

export interface HubDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class CacheHub {
  readonly writes = new WriteLog();
  /** How far the caches have come. */
  readonly progress: Progress;
  readonly #prepared = { items: new EncodedItems(), runs: new CompressedRuns() };
  readonly #deps: HubDeps;
  /** By prefix without `/registry/` and the closing slash: `pods`, `services/specs`. */
  readonly #caches = new Map<string, ResourceCache>();
  /** By `pods`, `deployments.apps`. */
  readonly #byName = new Map<string, ResourceCache>();
  readonly #stop = new AbortController();
  #oldestListed = 0;
  #running: Promise<void> | undefined;
  readonly #recovery: Recovery;
  #synced = false;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    this.progress = new Progress(async () => (await deps.store.range({ start: REGISTRY_PREFIX, countOnly: true })).revision);
    const read = async (cache: ResourceCache): Promise<readonly Found[]> => (await this.#readAll(cache)).objects;
    this.#recovery = new Recovery({ caches: () => this.#caches.values(), read, signal: this.#stop.signal, ...deps });
  }

  /** The caches are filled and follow the store. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Before start; later resources are attached. */
  add(resource: CachedResource): ResourceCache {
    const cache = new ResourceCache(resource, this.progress, this.#prepared);
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
      await this.progress.reached(revision, this.#stop.signal);
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
    const revision = await this.#readRange(prefix, (entry) => {
      objects.push(read(resource, entry.key.slice(prefix.length), entry));
    });
    return { objects, revision };
  }

  /** Hands over all entries below `prefix` as they were at one revision, which it returns. */
  async #readRange(prefix: string, take: (entry: KeyValue) => void): Promise<number> {
    const end = prefixEnd(prefix);
    let start = prefix;
    let revision = 0;
    for (;;) {
      const page = await this.#deps.store.range({ start, end, limit: PAGE, revision, unreadable: true });
      if (revision === 0) revision = page.revision;
      page.entries.forEach(take);
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return revision;
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
    if ((await this.#deps.store.status()).engine === 'embedded') this.progress.alone();
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
    await this.progress.caughtUp();
    await this.#deps.store.compact(this.progress.revision);
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

  /** Reads everything at one revision and hands each cache its part; returns that revision. */
  async #fill(give: (cache: ResourceCache, objects: Found[], revision: number) => void): Promise<number> {
    const found = new Map<ResourceCache, Found[]>();
    for (const cache of this.#caches.values()) found.set(cache, []);
    const revision = await this.#readRange(REGISTRY_PREFIX, (entry) => {
      const place = this.#place(entry.key);
      if (place !== undefined) found.get(place.cache)?.push(read(place.cache.resource, place.key, entry));
    });
    for (const [cache, objects] of found) {
      give(cache, objects, revision);
      this.#recovery.lookAfter(cache);
    }
    this.progress.advance(revision);
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
        if (this.#stop.signal.aborted) return this.progress.revision;
        logger.warn('store cannot be read', { error });
      }
      try {
        await wait(clock, RETRY_MS, this.#stop.signal);
      } catch {
        return this.progress.revision; // stopped
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
    this.progress.advance(batch.revision);
    for (const cache of touched) {
      cache.flush();
      this.#recovery.lookAfter(cache);
    }
  }

  #read({ cache, key }: Place, { type, entry }: StoreEvent): Found | undefined {
    if (type === 'delete') return undefined;
    return this.writes.claim(entry) ?? read(cache.resource, key, entry);
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
