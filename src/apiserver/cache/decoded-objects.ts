// How many objects of a kind stay decoded in full.
import type { StoredObject } from './stored-object.ts';

/** Bytes of stored JSON: five thousand pods. Written, read and written again within seconds is what most objects are that change at all. */
const CAPACITY = 16 << 20;

/** The latest objects of a cache that were decoded: one that falls behind lets go of its `object`. */
export class DecodedObjects {
  readonly #latest = new Set<StoredObject>();
  readonly #capacity: number;
  #bytes = 0;

  /** `capacity`: bytes of their stored values. */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** `object` was just decoded. */
  add(object: StoredObject): void {
    this.remove(object);
    this.#latest.add(object);
    this.#bytes += object.value.length;
    for (const oldest of this.#latest) {
      if (this.#bytes <= this.#capacity || oldest === object) break;
      this.remove(oldest);
      oldest.forgetObject();
    }
  }

  remove(object: StoredObject): void {
    if (this.#latest.delete(object)) this.#bytes -= object.value.length;
  }
}
