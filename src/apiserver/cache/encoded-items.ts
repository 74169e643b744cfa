// Current objects as items of a list in protobuf, made when first asked for, so that lists encode nothing twice.
import type { KubeObject } from '#api/types.ts';
import { HeapBytes } from './heap-bytes.ts';
import type { StoredObject } from './stored-object.ts';

/** Bounded by what it is made of: an item is about two thirds as long as the JSON that is held anyway, and goes with it. */
export class EncodedItems {
  readonly #items = new Map<StoredObject, HeapBytes>();
  #bytes = 0;
  #encoded = 0;

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many were ever encoded. */
  get encoded(): number {
    return this.#encoded;
  }

  held(object: StoredObject): HeapBytes | undefined {
    return this.#items.get(object);
  }

  /** The item of a current object, kept until `drop`. */
  of(object: StoredObject, encode: (object: KubeObject) => Uint8Array): HeapBytes {
    let item = this.#items.get(object);
    if (item === undefined) {
      item = HeapBytes.from(encode(object.fleeting));
      this.#encoded++;
      this.#items.set(object, item);
      this.#bytes += item.length;
    }
    return item;
  }

  /** The object is replaced or deleted. */
  drop(object: StoredObject): void {
    const item = this.#items.get(object);
    if (item === undefined) return;
    this.#items.delete(object);
    this.#bytes -= item.length;
  }
}
