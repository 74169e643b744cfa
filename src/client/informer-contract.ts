// Local, indexed, event-driven copies of resources. Implementations: ./informer.ts; fakes for tests: ./testing.ts.
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';

/** Reads of one resource from memory. Objects are shared: never change them. */
export interface Lister<T> {
  /** `namespace` is absent for cluster-scoped resources. */
  get(name: string, namespace?: string): T | undefined;
  /** `namespace/name`, or `name` when cluster-scoped. */
  byKey(key: string): T | undefined;
  /** All objects, or those of one namespace, in no particular order; a live view: copy before awaiting. */
  list(namespace?: string): Iterable<T>;
  /** Objects for which the index function `index` gave `value`. @throws Error for an index that was never added */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

export interface EventHandlers<T> {
  /** `initial`: part of the first list rather than something new. */
  added?(object: T, initial: boolean): void;
  /** Also called for a relist that found a change. Never called with equal resourceVersions. */
  updated?(object: T, previous: T): void;
  /** `object` is the last known state; the true final one may have been missed while disconnected. */
  deleted?(object: T): void;
}

export interface Informer<T> extends Lister<T> {
  /** Must be called before or after start; existing objects are replayed as `added(…, true)`. Returns the remover. */
  addHandlers(handlers: EventHandlers<T>): () => void;
  /** Each object is filed under every value `keys` gives. Adding an index later files what is already here;
   * adding the same function again does nothing. @throws Error when the name stands for another function */
  addIndex(name: string, keys: (object: T) => readonly string[]): void;
  /** True once the first list has been delivered to the handlers. */
  readonly hasSynced: boolean;
  /** Resolves when hasSynced becomes true; rejects when stopped before. */
  synced(): Promise<void>;
  /** resourceVersion up to which this copy is complete. */
  readonly resourceVersion: string;
}

export interface InformerScope {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** One informer per resource and scope, shared by all that ask. */
export interface InformerFactory {
  informer<T extends KubeObject>(resource: Resource<T>, scope?: InformerScope): Informer<T>;
  /** Ends the informer of a resource that is no longer served; whoever asks again gets a new one. */
  drop(resource: Resource, scope?: InformerScope): void;
  /** Starts informers asked for so far and later; stops all when the signal aborts. */
  start(signal: AbortSignal): void;
  /** Resolves when all informers asked for so far have synced. */
  synced(): Promise<void>;
}
