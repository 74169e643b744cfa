// The object as it is now, for whoever is about to change it.
import type { StoredObject } from '../cache/stored-object.ts';
import type { StoredResource } from './catalog.ts';
import type { Registry } from './write-call.ts';

/** What the cache holds, which may be a moment old: a transaction that starts from it finds out. */
export function cachedCurrent({ cache }: StoredResource, key: string): StoredObject | undefined {
  return cache.get(key);
}

/** With every acknowledged write in it. */
export async function freshCurrent(
  { cache }: StoredResource,
  key: string,
  { hub }: Registry,
  signal?: AbortSignal,
): Promise<StoredObject | undefined> {
  const catchUp = hub.caughtUp(signal);
  if (catchUp !== undefined) await catchUp;
  return cache.get(key);
}
