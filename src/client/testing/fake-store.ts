// What the fake API server remembers: objects of any resource, their revisions and the history watches resume from.
import { conflict, notFound, OPTIMISTIC_LOCK_MESSAGE, StatusError } from '#apimachinery/errors.ts';
import { groupResourceString, type GroupVersionResource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';

type Metadata = KubeObject['metadata'];

/** Any object, with the parts the fake looks at. */
export interface FakeObject extends Omit<KubeObject, 'metadata'> {
  readonly metadata: Metadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: unknown;
}

/** One committed write. For a delete, `object` is the last state with the revision of the delete. */
export interface Change {
  readonly revision: number;
  readonly collection: string;
  readonly type: 'put' | 'delete';
  readonly object: FakeObject;
  readonly previous: FakeObject | undefined;
}

type Subscriber = (change: Change) => void;

/** `namespace/name`, or `name` for a cluster-scoped object. */
export const keyOf = (name: string, namespace: string | undefined): string => (namespace === undefined ? name : `${namespace}/${name}`);

/** Where a resource's objects are kept; versions of one group share them. */
export const collectionOf = (resource: GroupVersionResource): string => groupResourceString(resource);

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** Stored objects are frozen all through: a consumer that changes a shared object fails its test at once. */
export class FakeStore {
  readonly #collections = new Map<string, Map<string, FakeObject>>();
  readonly #subscribers = new Set<Subscriber>();
  #history: Change[] = [];
  #revision: number;
  #compacted = 0;

  constructor(firstRevision = 1) {
    this.#revision = firstRevision;
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** Watches from a revision below this one are refused. */
  get compacted(): number {
    return this.#compacted;
  }

  find(resource: GroupVersionResource, name: string, namespace: string | undefined): FakeObject | undefined {
    return this.#collections.get(collectionOf(resource))?.get(keyOf(name, namespace));
  }

  /** @throws StatusError NotFound */
  get(resource: GroupVersionResource, name: string, namespace: string | undefined): FakeObject {
    const found = this.find(resource, name, namespace);
    if (found === undefined) throw notFound(resource, name);
    return found;
  }

  /** In the order of their keys, as an API server lists. */
  list(resource: GroupVersionResource, namespace: string | undefined): FakeObject[] {
    const all = this.#collections.get(collectionOf(resource)) ?? new Map<string, FakeObject>();
    return [...all.entries()]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Every stored object, of all resources. */
  all(): FakeObject[] {
    return [...this.#collections.values()].flatMap((objects) => [...objects.values()]);
  }

  /** The state as it was at `revision`. @throws StatusError Expired when that was compacted */
  listAt(resource: GroupVersionResource, namespace: string | undefined, revision: number): FakeObject[] {
    if (revision < this.#compacted) {
      throw new StatusError('Expired', `The provided resource version is too old: ${revision}. The oldest is ${this.#compacted}.`);
    }
    const collection = collectionOf(resource);
    const state = new Map(this.list(resource, undefined).map((object) => [keyOf(object.metadata.name, object.metadata.namespace), object]));
    for (const change of this.#history.toReversed()) {
      if (change.revision <= revision) break;
      if (change.collection !== collection) continue;
      const key = keyOf(change.object.metadata.name, change.object.metadata.namespace);
      if (change.previous === undefined) state.delete(key);
      else state.set(key, change.previous);
    }
    return [...state.entries()]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Writes `object` under the next revision and tells watchers; gives what was stored. */
  put(resource: GroupVersionResource, object: FakeObject, previous: FakeObject | undefined): FakeObject {
    const collection = collectionOf(resource);
    const stored = this.#stamped(object);
    const objects = this.#collections.get(collection) ?? new Map<string, FakeObject>();
    this.#collections.set(collection, objects);
    objects.set(keyOf(stored.metadata.name, stored.metadata.namespace), stored);
    this.#commit({ revision: this.#revision, collection, type: 'put', object: stored, previous });
    return stored;
  }

  remove(resource: GroupVersionResource, object: FakeObject): FakeObject {
    const collection = collectionOf(resource);
    this.#collections.get(collection)?.delete(keyOf(object.metadata.name, object.metadata.namespace));
    const last = this.#stamped(object);
    this.#commit({ revision: this.#revision, collection, type: 'delete', object: last, previous: object });
    return last;
  }

  /** Forgets history before `revision` (default: all of it). */
  compact(revision = this.#revision): void {
    this.#compacted = Math.max(this.#compacted, revision);
    this.#history = this.#history.filter((change) => change.revision > this.#compacted);
  }

  /** Writes after `revision`, oldest first. */
  since(revision: number): readonly Change[] {
    return this.#history.filter((change) => change.revision > revision);
  }

  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #stamped(object: FakeObject): FakeObject {
    this.#revision++;
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } });
  }

  #commit(change: Change): void {
    this.#history.push(change);
    for (const subscriber of [...this.#subscribers]) subscriber(change);
  }
}

/** @throws StatusError Conflict when `wanted` names another version of the object, or another object of that name */
export function checkVersion(
  resource: GroupVersionResource,
  stored: FakeObject,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  const { name, uid, resourceVersion } = stored.metadata;
  if (wanted.uid !== undefined && wanted.uid !== '' && wanted.uid !== uid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== '' && wanted.resourceVersion !== resourceVersion) {
    throw conflict(resource, name, OPTIMISTIC_LOCK_MESSAGE);
  }
}
