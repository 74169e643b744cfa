// Synchronous reads of the watch cache for parts inside the API server: authorisers, admission plugins, allocators.
import type { Resource } from '#apimachinery/resource.ts';

/** One change, in the order of the store. `object` is absent after a delete, `previous` before a create. */
export interface CacheChange<T> {
  readonly object: T | undefined;
  readonly previous: T | undefined;
  /** Revision of the change. */
  readonly revision: number;
}

/**
 * The served objects themselves but for their managedFields: immutable, never copied, in the version `resource` names. A read sees everything up
 * to the cache's revision, which may be a moment behind the store; whoever must not decide on that asks `caughtUp`.
 */
export interface CacheReader {
  /** `namespace` is absent for cluster-scoped resources. */
  get<T>(resource: Resource<T>, name: string, namespace?: string): T | undefined;
  /** In key order; all namespaces when `namespace` is absent. A live view: finish reading before awaiting. */
  list<T>(resource: Resource<T>, namespace?: string): Iterable<T>;
  /**
   * Calls `handler` for every change from now on, synchronously and in order. It must not throw and should be quick.
   * Returns the remover. Objects present before are not replayed: read `list` first, in the same turn.
   */
  onChange<T>(resource: Resource<T>, handler: (change: CacheChange<T>) => void): () => void;
  /** Resolves when the cache has everything that was acknowledged before the call. */
  caughtUp(): Promise<void>;
}
