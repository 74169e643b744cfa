// An indexed set of shared objects, by namespace and name. It says what each write changed and calls nobody.
import { members, withMember, withoutMember, withReplaced, type Bucket } from './index-bucket.ts';

/** The parts of an object that place it. */
export interface Placed {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string };
}

export type StoreChange<T> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'updated'; readonly object: T; readonly previous: T }
  | { readonly kind: 'deleted'; readonly object: T };

export type IndexKeys<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly keys: IndexKeys<T>;
  readonly buckets: Map<string, Bucket<T>>;
}

/** Where objects without a namespace are kept. */
const CLUSTER = '';

/**
 * Holds each object once; an index holds references only. `namespace/name` strings are never built, the two-step map
 * uses the strings the objects carry anyway.
 */
export class IndexStore<T extends Placed> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  readonly #indexes = new Map<string, Index<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(name: string, namespace: string = CLUSTER): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  byKey(key: string): T | undefined {
    const slash = key.indexOf('/');
    return slash === -1 ? this.get(key) : this.get(key.slice(slash + 1), key.slice(0, slash));
  }

  *list(namespace?: string): Generator<T, void, undefined> {
    if (namespace !== undefined) {
      yield* this.#namespaces.get(namespace)?.values() ?? [];
      return;
    }
    for (const objects of this.#namespaces.values()) yield* objects.values();
  }

  /** @throws Error for an index that was never added */
  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`Index with name ${index} does not exist`);
    return members(found.buckets.get(value));
  }

  /** Files what is here; `keys` must give the same for the same object. @throws Error when the name is taken */
  addIndex(name: string, keys: IndexKeys<T>): void {
    if (this.#indexes.has(name)) throw new Error(`Index with name ${name} already exists`);
    const index: Index<T> = { keys, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const object of this.list()) file(index, object);
  }

  hasIndex(name: string): boolean {
    return this.#indexes.has(name);
  }

  /**
   * Stores `object`; undefined when that very version is here already. An object of the same name but another uid was
   * deleted and made again in between, and shows as both.
   */
  put(object: T): readonly StoreChange<T>[] {
    const { name, namespace = CLUSTER, resourceVersion, uid } = object.metadata;
    const previous = this.get(name, namespace);
    if (previous === undefined) {
      this.#set(namespace, name, object);
      for (const index of this.#indexes.values()) file(index, object);
      return [{ kind: 'added', object }];
    }
    if (previous.metadata.resourceVersion === resourceVersion) return [];
    this.#set(namespace, name, object);
    for (const index of this.#indexes.values()) refile(index, previous, object);
    if (previous.metadata.uid === uid) return [{ kind: 'updated', object, previous }];
    return [
      { kind: 'deleted', object: previous },
      { kind: 'added', object },
    ];
  }

  /** `object` is the final state; what is stored under its name goes. */
  remove(object: T): readonly StoreChange<T>[] {
    const { name, namespace = CLUSTER } = object.metadata;
    const previous = this.get(name, namespace);
    if (previous === undefined) return [];
    this.#unset(namespace, name);
    for (const index of this.#indexes.values()) unfile(index, previous);
    return [{ kind: 'deleted', object }];
  }

  /** Makes the content exactly `objects` (no two of one name): deletions first, then the rest in order. */
  replace(objects: Iterable<T>): readonly StoreChange<T>[] {
    const wanted = new Set<T>();
    const next = [...objects];
    for (const { metadata } of next) {
      const stored = this.get(metadata.name, metadata.namespace);
      if (stored !== undefined) wanted.add(stored);
    }
    const gone = wanted.size === this.#size ? [] : [...this.list()].filter((object) => !wanted.has(object));
    return [...gone.flatMap((object) => this.remove(object)), ...next.flatMap((object) => this.put(object))];
  }

  #set(namespace: string, name: string, object: T): void {
    let objects = this.#namespaces.get(namespace);
    if (objects === undefined) {
      objects = new Map();
      this.#namespaces.set(namespace, objects);
    }
    if (!objects.has(name)) this.#size++;
    objects.set(name, object);
  }

  #unset(namespace: string, name: string): void {
    const objects = this.#namespaces.get(namespace);
    if (objects?.delete(name) !== true) return;
    this.#size--;
    if (objects.size === 0) this.#namespaces.delete(namespace);
  }
}

const distinct = (values: readonly string[]): Iterable<string> => (values.length < 2 ? values : new Set(values));

const file = <T>(index: Index<T>, object: T): void => fileAt(index, index.keys(object), object);
const unfile = <T>(index: Index<T>, object: T): void => unfileAt(index, index.keys(object), object);

function fileAt<T>({ buckets }: Index<T>, values: readonly string[], object: T): void {
  for (const value of distinct(values)) buckets.set(value, withMember(buckets.get(value), object));
}

function unfileAt<T>({ buckets }: Index<T>, values: readonly string[], object: T): void {
  for (const value of distinct(values)) {
    const left = withoutMember(buckets.get(value), object);
    if (left === undefined) buckets.delete(value);
    else buckets.set(value, left);
  }
}

function refile<T>(index: Index<T>, previous: T, object: T): void {
  const [before, after] = [index.keys(previous), index.keys(object)];
  if (before.length !== after.length || before.some((value, i) => value !== after[i])) {
    unfileAt(index, before, previous);
    fileAt(index, after, object);
    return;
  }
  // Most changes leave an object where it is.
  for (const value of distinct(after)) {
    const bucket = index.buckets.get(value);
    if (bucket !== undefined) index.buckets.set(value, withReplaced(bucket, previous, object));
  }
}
