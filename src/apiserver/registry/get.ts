// Get: one object from the cache, as fresh as asked for.
import { notFound } from '#apimachinery/errors.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { RequestContext } from '../request.ts';
import type { ServedResource, StoredResource } from './catalog.ts';
import { cachedCurrent } from './current.ts';
import { atLeast, parseResourceVersion } from './resource-version.ts';
import { objectKey } from './storage-keys.ts';
import type { Registry } from './write-call.ts';

export interface GetCall {
  readonly served: ServedResource;
  readonly stored: StoredResource;
  readonly request: RequestContext;
  readonly namespace: string;
  readonly name: string;
  /** Empty: everything acknowledged before the call is seen. `0`: whatever is known. Otherwise: not older than that. */
  readonly resourceVersion: string;
}

/**
 * In the stored version. A promise only where the cache has to catch up first.
 * @throws StatusError NotFound, InternalError when what is stored cannot be read
 */
export function get(call: GetCall, registry: Registry): StoredObject | Promise<StoredObject> {
  const waiting = freshness(call, registry);
  return waiting === undefined ? lookUp(call) : waiting.then(() => lookUp(call));
}

function freshness({ resourceVersion, request }: GetCall, registry: Registry): Promise<void> | undefined {
  if (resourceVersion === '') return registry.hub.progress.caughtUp();
  const revision = parseResourceVersion(resourceVersion, 'get');
  return registry.hub.progress.revision >= revision ? undefined : atLeast(revision, registry, request.signal);
}

function lookUp({ served, stored, namespace, name }: GetCall): StoredObject {
  const object = cachedCurrent(stored, objectKey(name, namespace));
  if (object === undefined) throw notFound(served.info, name);
  return object;
}
