// A shared, indexed copy of one resource that tells its handlers what changed. ./reflector.ts feeds it.
import type { Logger } from '#base/log.ts';
import type { EventHandlers, Informer } from '../informer-contract.ts';
import { IndexStore, type Placed, type StoreChange } from './index-store.ts';
import type { ReflectorSink } from './reflector.ts';

/** The informer's copy ended before it was complete, or was stopped. */
export class InformerStopped extends Error {
  override readonly name = 'InformerStopped';
}

/**
 * Handlers run synchronously, in the order they were added, after the store has the whole change. One that throws is
 * reported and neither stops the others nor the copy.
 */
export class SharedInformer<T extends Placed> implements Informer<T>, ReflectorSink<T> {
  readonly #indexKeys = new Map<string, (object: T) => readonly string[]>();
  readonly #store = new IndexStore<T>();
  readonly #handlers = new Set<EventHandlers<T>>();
  readonly #logger: Logger;
  readonly #transform: ((object: T) => T) | undefined;
  readonly #firstSync = Promise.withResolvers<void>();
  #hasSynced = false;
  #resourceVersion = '';

  /** `transform`: what is kept of an object. */
  constructor(logger: Logger, transform?: (object: T) => T) {
    this.#logger = logger;
    this.#transform = transform;
    // Nobody has to wait for the first sync, so its rejection alone is no fault.
    this.#firstSync.promise.catch(() => undefined);
  }

  get size(): number {
    return this.#store.size;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  synced(): Promise<void> {
    return this.#firstSync.promise;
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#store.get(name, namespace);
  }

  byKey(key: string): T | undefined {
    return this.#store.byKey(key);
  }

  list(namespace?: string): Iterable<T> {
    return this.#store.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#store.byIndex(index, value);
  }

  addIndex(name: string, keys: (object: T) => readonly string[]): void {
    // Once more is fine: several users of one informer need not agree who adds it.
    if (this.#indexKeys.get(name) === keys) return;
    this.#store.addIndex(name, (object) => {
      try {
        return keys(object);
      } catch (error) {
        this.#logger.error('informer: index function threw, object left out of the index', {
          index: name,
          name: object.metadata.name,
          error,
        });
        return [];
      }
    });
    this.#indexKeys.set(name, keys);
  }

  addHandlers(handlers: EventHandlers<T>): () => void {
    // A set entry of its own, so that the same handlers added twice are called twice and removed one by one.
    const own: EventHandlers<T> = {
      added: (object, initial) => handlers.added?.(object, initial),
      updated: (object, previous) => handlers.updated?.(object, previous),
      deleted: (object) => handlers.deleted?.(object),
    };
    this.#handlers.add(own);
    for (const object of [...this.#store.list()]) this.#call(own, { kind: 'added', object }, true);
    return () => {
      this.#handlers.delete(own);
    };
  }

  replace(objects: readonly T[], resourceVersion: string): void {
    const changes = this.#store.replace(this.#transform === undefined ? objects : objects.map(this.#transform));
    this.#resourceVersion = resourceVersion;
    this.#dispatch(changes, !this.#hasSynced);
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#firstSync.resolve();
  }

  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', given: T): void {
    const object = this.#transform?.(given) ?? given;
    const changes = type === 'DELETED' ? this.#store.remove(object) : this.#store.put(object);
    this.#resourceVersion = object.metadata.resourceVersion;
    this.#dispatch(changes, false);
  }

  bookmark(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
  }

  /** No more changes will come; whoever still waits for the first sync is told. */
  stopped(): void {
    this.#firstSync.reject(new InformerStopped('the informer was stopped before its first list was complete'));
  }

  #dispatch(changes: readonly StoreChange<T>[], initial: boolean): void {
    // One added by a handler meanwhile was shown the store as it is now, with all of these changes.
    const handlers = [...this.#handlers];
    for (const change of changes) {
      for (const each of handlers) if (this.#handlers.has(each)) this.#call(each, change, initial);
    }
  }

  #call(handlers: EventHandlers<T>, change: StoreChange<T>, initial: boolean): void {
    try {
      if (change.kind === 'added') handlers.added?.(change.object, initial);
      else if (change.kind === 'updated') handlers.updated?.(change.object, change.previous);
      else handlers.deleted?.(change.object);
    } catch (error) {
      const { name, namespace } = change.object.metadata;
      this.#logger.error('informer: event handler threw', { event: change.kind, name, namespace, error });
    }
  }
}
