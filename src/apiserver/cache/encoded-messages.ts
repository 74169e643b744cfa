// Protobuf messages of current objects, made when first asked for, so that lists encode nothing twice.
import type { KubeObject } from '#api/types.ts';
import type { StoredObject } from './stored-object.ts';

/** Bytes all messages together may hold. A message is about half as long as the JSON that is held anyway. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * What does not fit is encoded each time, rather than thrown out for each other: a list reads all objects in one order, and
 * whatever was unused for longest would be what it asks for next.
 */
export class EncodedMessages {
  readonly #messages = new Map<StoredObject, Uint8Array>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The message of a current object, kept until `drop`. */
  of(object: StoredObject, encode: (object: KubeObject) => Uint8Array): Uint8Array {
    const known = this.#messages.get(object);
    if (known !== undefined) return known;
    const message = encode(object.object);
    if (this.#bytes + message.length <= this.#maxBytes) {
      const kept = Buffer.allocUnsafeSlow(message.length); // outside the buffer pool, of which it would keep more than itself
      kept.set(message);
      this.#messages.set(object, kept);
      this.#bytes += message.length;
    }
    return message;
  }

  /** The object is replaced or deleted. */
  drop(object: StoredObject): void {
    const message = this.#messages.get(object);
    if (message === undefined) return;
    this.#messages.delete(object);
    this.#bytes -= message.length;
  }
}
