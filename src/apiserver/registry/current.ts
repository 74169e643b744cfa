// The object as it is now, for whoever is about to change it.
import type { ResourceCache } from '../cache/resource-cache.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { StoredResource } from './catalog.ts';
import type { Registry } from './write-call.ts';

/**
 * What the cache holds, which may be a moment old: a transaction that starts from it finds out.
 * @throws StatusError InternalError when what is stored cannot be read
 */
export function cachedCurrent({ cache }: StoredResource, key: string): StoredObject | undefined {
  return readable(cache, key);
}

/** With every acknowledged write in it. @throws StatusError InternalError when what is stored cannot be read */
export async function freshCurrent(
  { cache }: StoredResource,
  key: string,
  { hub }: Registry,
  signal?: AbortSignal,
): Promise<StoredObject | undefined> {
  const catchUp = hub.progress.caughtUp(signal);
  if (catchUp !== undefined) await catchUp;
  return readable(cache, key);
}

function readable(cache: ResourceCache, key: string): StoredObject | undefined {
  const refusal = cache.unreadable.refusalOf(key);
  if (refusal !== undefined) throw refusal;
  return cache.get(key);
}
