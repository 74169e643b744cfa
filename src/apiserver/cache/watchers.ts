// Who wants to know of a change. Watchers are filed under the narrowest thing they ask for, so that a change costs what its
// interested watchers cost, not what all of them do.
import type { Change } from './history.ts';
import type { StoredObject } from './stored-object.ts';

/** What a watcher asks for. All parts given must hold; `matches` judges the rest (selectors). */
export interface WatchScope {
  readonly namespace?: string;
  readonly name?: string;
  /** One required value of an indexed field: `spec.nodeName` = `node-1`. */
  readonly field?: { readonly label: string; readonly value: string };
  /** One required label value. */
  readonly label?: { readonly key: string; readonly value: string };
  /** Whole judgement beyond namespace and name, selectors included; absent when there are none. */
  readonly matches?: (object: StoredObject) => boolean;
}

export interface Watcher {
  readonly scope: WatchScope;
  /** A change as this watcher sees it: an object that begins to match is ADDED, one that ceases is DELETED. */
  deliver(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: StoredObject, change: Change): void;
  /** After all changes that came together: time to write them out. */
  flush(): void;
  /** The cache lost its thread (compaction, lost connection): end, so that the client lists again. */
  lost(): void;
}

type Bucket = Set<Watcher>;

/** How a field of an object is read for `WatchScope.field`. */
export type FieldReaders = ReadonlyMap<string, (object: StoredObject) => string>;

export class WatcherIndex {
  readonly #readers: FieldReaders;
  readonly #all: Bucket = new Set();
  readonly #byKey = new Map<string, Bucket>();
  readonly #byName = new Map<string, Bucket>();
  readonly #byNamespace = new Map<string, Bucket>();
  readonly #byField = new Map<string, Map<string, Bucket>>();
  readonly #byLabel = new Map<string, Map<string, Bucket>>();
  /** Watchers that were given something since the last flush. */
  readonly #touched = new Set<Watcher>();
  #size = 0;

  constructor(readers: FieldReaders) {
    this.#readers = readers;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the remover. */
  add(watcher: Watcher): () => void {
    const { bucket, drop } = this.#place(watcher.scope);
    bucket.add(watcher);
    this.#size++;
    return () => {
      if (!bucket.delete(watcher)) return;
      this.#size--;
      this.#touched.delete(watcher);
      if (bucket.size === 0) drop();
    };
  }

  dispatch(change: Change): void {
    if (this.#size === 0) return;
    const { key, next, previous } = change;
    this.#offer(this.#all, change);
    this.#offer(this.#byKey.get(key), change);
    const slash = key.indexOf('/');
    if (this.#byName.size > 0) this.#offer(this.#byName.get(key.slice(slash + 1)), change);
    if (this.#byNamespace.size > 0 && slash !== -1) this.#offer(this.#byNamespace.get(key.slice(0, slash)), change);
    for (const [label, buckets] of this.#byField) {
      const read = this.#readers.get(label) as (object: StoredObject) => string;
      const now = next === undefined ? undefined : read(next);
      const before = previous === undefined ? undefined : read(previous);
      if (now !== undefined) this.#offer(buckets.get(now), change);
      if (before !== undefined && before !== now) this.#offer(buckets.get(before), change);
    }
    if (this.#byLabel.size > 0) this.#dispatchByLabel(change);
  }

  #dispatchByLabel(change: Change): void {
    const now = change.next?.trimmed.metadata.labels;
    const before = change.previous?.trimmed.metadata.labels;
    for (const label in now) {
      const value = now[label] as string;
      this.#offer(this.#byLabel.get(label)?.get(value), change);
    }
    for (const label in before) {
      const value = before[label] as string;
      if (now?.[label] !== value) this.#offer(this.#byLabel.get(label)?.get(value), change);
    }
  }

  /** Ends a run of dispatches. */
  flush(): void {
    for (const watcher of this.#touched) watcher.flush();
    this.#touched.clear();
  }

  lost(): void {
    for (const watcher of this.watchers()) watcher.lost();
  }

  /** All of them, in no particular order; a copy, for watchers leave while they are told. */
  watchers(): readonly Watcher[] {
    const nested = [...this.#byField.values(), ...this.#byLabel.values()].flatMap((buckets) => [...buckets.values()]);
    return [this.#all, ...this.#byKey.values(), ...this.#byName.values(), ...this.#byNamespace.values(), ...nested].flatMap((b) => [...b]);
  }

  #offer(bucket: Bucket | undefined, change: Change): void {
    if (bucket === undefined) return;
    for (const watcher of bucket) {
      const seen = asSeen(watcher.scope, change);
      if (seen === undefined) continue;
      this.#touched.add(watcher);
      watcher.deliver(seen.type, seen.object, change);
    }
  }

  #place(scope: WatchScope): { readonly bucket: Bucket; readonly drop: () => void } {
    const { namespace, name, field, label } = scope;
    if (name !== undefined) {
      // A cluster-scoped name and a name in any namespace look alike here; `asSeen` tells them apart.
      return namespace === undefined ? inMap(this.#byName, name) : inMap(this.#byKey, `${namespace}/${name}`);
    }
    if (field !== undefined && this.#readers.has(field.label)) return inNested(this.#byField, field.label, field.value);
    if (label !== undefined) return inNested(this.#byLabel, label.key, label.value);
    if (namespace !== undefined) return inMap(this.#byNamespace, namespace);
    return { bucket: this.#all, drop: () => {} };
  }
}

/**
 * What one change is to a watcher with this scope; undefined when it never saw the object and still does not. An object
 * that leaves the scope is shown as it last was, at the revision of the change. Source: cacheWatcher.convertToWatchEvent.
 */
export function asSeen(
  scope: WatchScope,
  change: Change,
): { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: StoredObject } | undefined {
  const { next, previous } = change;
  const is = next !== undefined && inScope(scope, next);
  const was = previous !== undefined && inScope(scope, previous);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: next };
  if (was) return { type: 'DELETED', object: change.gone };
  return undefined;
}

export function inScope({ namespace, name, matches }: WatchScope, object: StoredObject): boolean {
  if (namespace !== undefined && object.namespace !== namespace) return false;
  if (name !== undefined && object.name !== name) return false;
  return matches === undefined || matches(object);
}

function inMap(map: Map<string, Bucket>, key: string): { readonly bucket: Bucket; readonly drop: () => void } {
  let bucket = map.get(key);
  if (bucket === undefined) map.set(key, (bucket = new Set()));
  return { bucket, drop: () => map.delete(key) };
}

function inNested(
  maps: Map<string, Map<string, Bucket>>,
  outer: string,
  inner: string,
): { readonly bucket: Bucket; readonly drop: () => void } {
  let map = maps.get(outer);
  if (map === undefined) maps.set(outer, (map = new Map()));
  const placed = inMap(map, inner);
  const kept = map;
  return {
    bucket: placed.bucket,
    drop: () => {
      placed.drop();
      if (kept.size === 0) maps.delete(outer);
    },
  };
}
