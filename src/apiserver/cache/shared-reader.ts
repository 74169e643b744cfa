// CacheReader over the caches of a catalog.
import type { Resource } from '#apimachinery/resource.ts';
import type { Catalog, ServedResource } from '../registry/catalog.ts';
import { objectKey } from '../registry/storage-keys.ts';
import type { CacheHub } from './hub.ts';
import type { CacheChange, CacheReader } from './reader.ts';
import type { ResourceCache } from './resource-cache.ts';

export class SharedReader implements CacheReader {
  readonly #catalog: Catalog;
  readonly #hub: CacheHub;

  constructor(catalog: Catalog, hub: CacheHub) {
    this.#catalog = catalog;
    this.#hub = hub;
  }

  get<T>(resource: Resource<T>, name: string, namespace = ''): T | undefined {
    const { served, cache } = this.#find(resource);
    const stored = cache.get(objectKey(name, namespace));
    return stored === undefined ? undefined : (served.view(stored).trimmed as T);
  }

  *list<T>(resource: Resource<T>, namespace?: string): Iterable<T> {
    const { served, cache } = this.#find(resource);
    for (const stored of cache.list(namespace)) yield served.view(stored).trimmed as T;
  }

  onChange<T>(resource: Resource<T>, handler: (change: CacheChange<T>) => void): () => void {
    const { served, cache } = this.#find(resource);
    return cache.onChange(({ next, previous, revision }) =>
      handler({
        object: next === undefined ? undefined : (served.view(next).trimmed as T),
        previous: previous === undefined ? undefined : (served.view(previous).trimmed as T),
        revision,
      }),
    );
  }

  async caughtUp(): Promise<void> {
    await this.#hub.progress.caughtUp();
  }

  #find(resource: Resource): { readonly served: ServedResource; readonly cache: ResourceCache } {
    const served = this.#catalog.find(resource);
    if (served?.stored === undefined) throw new RangeError(`${resource.resource}.${resource.group} is not stored`);
    return { served, cache: served.stored.cache };
  }
}
