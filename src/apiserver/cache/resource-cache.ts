// All objects of one stored resource, as of one revision, with its latest history and its watchers.
import type { KubeObject } from '#api/types.ts';
import { prefixEnd } from '#store/contract.ts';
import type { CompressedRun, CompressedRuns } from './compressed-runs.ts';
import type { EncodedItems } from './encoded-items.ts';
import { FieldIndexes } from './field-indexes.ts';
import { HeapBytes } from './heap-bytes.ts';
import { Change, History } from './history.ts';
import { OrderedMap } from './ordered-map.ts';
import { snapshotAt, type Snapshot } from './snapshot.ts';
import type { StoredLayout, StoredObject } from './stored-object.ts';
import { Unreadable, UnreadableValues } from './unreadable.ts';
import { WatcherIndex, type FieldReaders } from './watchers.ts';

export interface CachedResource {
  /** `pods`, `deployments.apps`: for logs and metrics. */
  readonly name: string;
  /** With a slash at the end: `/registry/pods/`. */
  readonly prefix: string;
  /** How its values are read. */
  readonly layout: StoredLayout;
  /** Fields with an index of their own. */
  readonly fields: FieldReaders;
}

/** What a value in the store is found to be. */
export type Found = StoredObject | Unreadable;

interface Held {
  readonly key: string;
  readonly revision: number;
  readonly next: Found | undefined;
  readonly time: number;
}

/** How far all caches of one store have come; whoever feeds them moves it on. */
export interface Position {
  readonly revision: number;
}

/** Bytes that are made of current objects when first asked for, and shared by all caches of one store. */
export interface Prepared {
  readonly items: EncodedItems;
  readonly runs: CompressedRuns;
}

export class ResourceCache {
  readonly resource: CachedResource;
  readonly watchers: WatcherIndex;
  /** Of such a key the last version that could be read, if any, is kept for whoever reads here within the server. */
  readonly unreadable: UnreadableValues;
  readonly #objects = new OrderedMap<StoredObject>();
  readonly #indexes: FieldIndexes;
  readonly #handlers = new Set<(change: Change) => void>();
  readonly #position: Position;
  readonly #prepared: Prepared;
  #history = new History(0);
  /** Of all stored values. */
  #bytes = 0;
  /** Changes whose encoded frames watchers may still be taking. */
  #dispatched: Change[] = [];
  /** Changes that came before the cache was filled. */
  #held: Held[] | undefined;

  constructor(resource: CachedResource, position: Position, prepared: Prepared) {
    this.resource = resource;
    this.#position = position;
    this.#prepared = prepared;
    this.watchers = new WatcherIndex(resource.fields);
    this.unreadable = new UnreadableValues(resource.prefix);
    this.#indexes = new FieldIndexes(resource.fields);
  }

  /** Everything up to here is in. May be higher than that of any object. */
  get revision(): number {
    return this.#position.revision;
  }

  /** Lowest revision a watch can resume from. */
  get oldestRevision(): number {
    return this.#history.oldest;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Of the stored values. */
  get averageBytes(): number {
    return this.size === 0 ? 0 : this.#bytes / this.size;
  }

  /** @param key `namespace/name`, or `name` when cluster-scoped */
  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** An object that was read here as an item of lists in protobuf; `encode` makes one that is not held. */
  listItem(object: StoredObject, encode: (object: KubeObject) => Uint8Array): HeapBytes {
    const { items } = this.#prepared;
    return this.#objects.get(object.key) === object ? items.of(object, encode) : HeapBytes.from(encode(object.fleeting));
  }

  /** As listItem, where it is held. */
  heldItem(object: StoredObject): HeapBytes | undefined {
    return this.#prepared.items.held(object);
  }

  /** How many items were encoded so far: work that keeps other requests waiting. */
  get encodedItems(): number {
    return this.#prepared.items.encoded;
  }

  /** See CompressedRuns.find. */
  compressed(form: string, objects: readonly StoredObject[], from: number): ReturnType<CompressedRuns['find']> {
    return this.#prepared.runs.find(form, objects, from);
  }

  /** Keeps a run that begins with a current object. */
  keepCompressed(form: string, objects: readonly StoredObject[], run: CompressedRun): void {
    const [first] = objects;
    if (first !== undefined && this.#objects.get(first.key) === first) this.#prepared.runs.keep(form, objects, run);
  }

  *range(start: string, end?: string): IterableIterator<StoredObject> {
    for (const [, object] of this.#objects.range(start, end)) yield object;
  }

  count(start: string, end?: string): number {
    return this.#objects.count(start, end);
  }

  /** Objects of all or one namespace in key order. */
  list(namespace?: string): IterableIterator<StoredObject> {
    return namespace === undefined ? this.range('') : this.range(`${namespace}/`, prefixEnd(`${namespace}/`));
  }

  /** Objects whose indexed field has this value, in no particular order; undefined for a field without an index. */
  byField(label: string, value: string): Iterable<StoredObject> | undefined {
    return this.#indexes.find(label, value);
  }

  /** Returns the remover. */
  onChange(handler: (change: Change) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Changes after `revision`; undefined when they are no longer known. */
  changesAfter(revision: number): readonly Change[] | undefined {
    return this.#history.after(revision);
  }

  /**
   * The objects as they were at `revision`, at most the current one; undefined when the history does not reach back
   * that far. A view: finish reading before awaiting.
   */
  at(revision: number): Snapshot | undefined {
    const changes = this.#history.after(revision);
    return changes && snapshotAt(revision, this.#objects, changes);
  }

  /** Keeps changes until `release`. */
  hold(): void {
    this.#held = [];
  }

  /** Fills the cache with all there is at `revision`, then makes the changes held since. Does nothing when it was filled meanwhile. */
  release(objects: readonly Found[], revision: number): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.load(objects, revision);
    for (const { key, revision: at, next, time } of held) if (at > revision) this.change(key, at, next, time);
  }

  /** Fills an empty cache with all there is at `revision`. */
  load(objects: Iterable<Found>, revision: number): void {
    for (const object of objects) {
      if (object instanceof Unreadable) this.unreadable.keep(object);
      else this.#put(object);
    }
    this.#history = new History(revision);
  }

  /** Starts again from all there is at `revision` after events were lost: watchers end, handlers are told the difference. */
  reload(objects: readonly Found[], revision: number, at: number): void {
    this.#held = undefined;
    this.unreadable.clear();
    const found = new Set<string>();
    for (const next of objects) {
      found.add(next.key);
      if (next instanceof Unreadable) {
        this.unreadable.keep(next);
        continue;
      }
      const previous = this.#objects.get(next.key);
      if (previous?.revision !== next.revision) this.#jump(new Change({ revision, key: next.key, next, previous, at }));
    }
    const goneKeys = [...this.#objects.range('')].map(([key]) => key).filter((key) => !found.has(key));
    for (const key of goneKeys) this.#jump(new Change({ revision, key, next: undefined, previous: this.#objects.get(key), at }));
    this.#startOver(revision);
  }

  /** Puts objects in that could not be read until now, where they are still at the same revision. */
  recover(objects: readonly StoredObject[], at: number): void {
    const { revision } = this;
    const found = objects.filter((object) => this.unreadable.get(object.key)?.revision === object.revision);
    for (const next of found) {
      this.unreadable.drop(next.key);
      this.#jump(new Change({ revision, key: next.key, next, previous: this.#objects.get(next.key), at }));
    }
    if (found.length > 0) this.#startOver(revision);
  }

  /** Whoever watches must list again: what happened before `revision` cannot be told change by change. */
  #startOver(revision: number): void {
    this.#history.reset(revision);
    this.watchers.lost();
  }

  /** One change from the store, in order. `next` absent: deleted. Watchers see it before this returns. */
  change(key: string, revision: number, next: Found | undefined, at: number): void {
    if (this.#held !== undefined) {
      this.#held.push({ key, revision, next, time: at });
      return;
    }
    if (next instanceof Unreadable) {
      this.unreadable.keep(next);
      this.#startOver(revision);
      return;
    }
    this.unreadable.drop(key);
    const previous = this.#objects.get(key);
    if (next === undefined && previous === undefined) return;
    const change = new Change({ revision, key, next, previous, at });
    this.#apply(change);
    this.#history.add(change);
    this.watchers.dispatch(change);
    this.#dispatched.push(change);
  }

  /** Lets watchers write out what they were given since the last flush. */
  flush(): void {
    this.watchers.flush();
    for (const change of this.#dispatched) change.release();
    this.#dispatched = [];
  }

  /** Watches can no longer resume from before now, nor lists show it. */
  forget(): void {
    this.#history.reset(this.revision);
  }

  /** Makes a change that no history will know. */
  #jump(change: Change): void {
    this.#apply(change);
    change.cool();
  }

  #apply(change: Change): void {
    const { key, next, previous } = change;
    if (next === undefined) {
      this.#objects.delete(key);
      if (previous !== undefined) {
        this.#forgetPrepared(previous);
        this.#bytes -= previous.value.length;
        this.#indexes.remove(previous);
      }
    } else {
      this.#put(next, previous);
    }
    for (const handler of this.#handlers) handler(change);
  }

  #put(next: StoredObject, previous?: StoredObject): void {
    next.hold();
    this.#objects.set(next.key, next);
    if (previous !== undefined) this.#forgetPrepared(previous);
    this.#bytes += next.value.length - (previous?.value.length ?? 0);
    this.#indexes.put(next, previous);
  }

  #forgetPrepared(object: StoredObject): void {
    this.#prepared.items.drop(object);
    this.#prepared.runs.drop(object);
  }
}
