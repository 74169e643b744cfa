// Current objects by the values of their indexed fields.
import type { StoredObject } from './stored-object.ts';
import type { FieldReaders } from './watchers.ts';

/** Objects by key. */
type Bucket = Map<string, StoredObject>;

interface FieldIndex {
  readonly read: (object: StoredObject) => string;
  /** By value. */
  readonly buckets: Map<string, Bucket>;
}

export class FieldIndexes {
  readonly #indexes: ReadonlyMap<string, FieldIndex>;

  constructor(fields: FieldReaders) {
    this.#indexes = new Map(Array.from(fields, ([label, read]) => [label, { read, buckets: new Map<string, Bucket>() }]));
  }

  /** In no particular order; undefined for a field without an index. */
  find(label: string, value: string): Iterable<StoredObject> | undefined {
    const index = this.#indexes.get(label);
    return index === undefined ? undefined : (index.buckets.get(value)?.values() ?? []);
  }

  /** `next` stands in the place of `previous`, its last version. */
  put(next: StoredObject, previous: StoredObject | undefined): void {
    for (const { read, buckets } of this.#indexes.values()) {
      const value = read(next);
      const old = previous && read(previous);
      if (old !== undefined && old !== value) drop(buckets, old, next.key);
      let bucket = buckets.get(value);
      if (bucket === undefined) buckets.set(value, (bucket = new Map()));
      bucket.set(next.key, next);
    }
  }

  remove(object: StoredObject): void {
    for (const { read, buckets } of this.#indexes.values()) drop(buckets, read(object), object.key);
  }
}

function drop(buckets: Map<string, Bucket>, value: string, key: string): void {
  const bucket = buckets.get(value);
  bucket?.delete(key);
  if (bucket?.size === 0) buckets.delete(value);
}
