// A CacheReader over a plain map, for tests of what reads the watch cache.
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject, New } from '#api/types.ts';
import type { CacheChange, CacheReader } from '../cache/reader.ts';

type Handler = (change: CacheChange<unknown>) => void;

export class MemoryReader implements CacheReader {
  readonly #objects = new Map<string, Map<string, unknown>>();
  readonly #handlers = new Map<string, Set<Handler>>();
  #revision = 0;
  /** Run once, when somebody next waits for the cache to catch up. */
  onCatchUp: (() => void) | undefined;

  get<T>(resource: Resource<T>, name: string, namespace?: string): T | undefined {
    return this.#objects.get(id(resource))?.get(key(name, namespace)) as T | undefined;
  }

  *list<T>(resource: Resource<T>, namespace?: string): Iterable<T> {
    const all = this.#objects.get(id(resource)) ?? new Map<string, unknown>();
    for (const at of [...all.keys()].toSorted()) if (namespace === undefined || at.startsWith(`${namespace}/`)) yield all.get(at) as T;
  }

  onChange<T>(resource: Resource<T>, handler: (change: CacheChange<T>) => void): () => void {
    const handlers = this.#handlers.get(id(resource)) ?? new Set();
    this.#handlers.set(id(resource), handlers);
    handlers.add(handler as Handler);
    return () => handlers.delete(handler as Handler);
  }

  caughtUp(): Promise<void> {
    const run = this.onCatchUp;
    this.onCatchUp = undefined;
    run?.();
    return Promise.resolve();
  }

  /** Stores an object as given, completed only with kind and apiVersion; returns it. */
  put<T>(resource: Resource<T>, object: New<T>): T {
    const { metadata } = object as unknown as KubeObject;
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
    const whole = { kind: resource.kind, apiVersion, ...(object as object) };
    this.#change(resource, key(metadata.name, metadata.namespace), whole);
    return whole as T;
  }

  remove(resource: Resource, name: string, namespace?: string): void {
    this.#change(resource, key(name, namespace), undefined);
  }

  #change(resource: Resource, at: string, object: unknown): void {
    const all = this.#objects.get(id(resource)) ?? new Map<string, unknown>();
    this.#objects.set(id(resource), all);
    const previous = all.get(at);
    if (object === undefined) all.delete(at);
    else all.set(at, object);
    this.#revision++;
    for (const handler of this.#handlers.get(id(resource)) ?? []) handler({ object, previous, revision: this.#revision });
  }
}

const id = ({ group, resource }: Resource): string => `${resource}.${group}`;
const key = (name: string, namespace = ''): string => (namespace === '' ? name : `${namespace}/${name}`);
