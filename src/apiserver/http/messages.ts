// Stored objects in protobuf, without envelopes.
import { encodeItem, listItem, messageOfItem } from '#api/protobuf/lists.ts';
import { HeapBytes } from '../cache/heap-bytes.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { ServedResource } from '../registry/catalog.ts';

/** Objects in the served version. */
export interface Messages {
  /** As an item of a list; that of a current object is kept for the next who asks. */
  item(object: StoredObject): HeapBytes;
  /** The message; `keep` false for one that is not asked for again soon: of what was just written. */
  message(object: StoredObject, keep: boolean): Uint8Array;
  /** Items encoded so far, of whatever resource. */
  readonly encoded: number;
}

export function messagesOf(served: ServedResource): Messages {
  const { view, conversion, stored, info } = served;
  const encode = (object: object): Uint8Array => encodeItem(object, info.schema);
  const cache = conversion === undefined ? stored?.cache : undefined;
  const item = (object: StoredObject): HeapBytes => {
    if (cache === undefined) return HeapBytes.from(listItem(encode(view(object).fleeting)));
    return cache.listItem(object, (plain) => listItem(encode(plain)));
  };
  return {
    item,
    message(object, keep) {
      const kept = keep && cache !== undefined ? item(object) : cache?.heldItem(object);
      return kept === undefined ? encode(view(object).object) : messageOfItem(kept.toBuffer());
    },
    get encoded() {
      return cache?.encodedItems ?? 0;
    },
  };
}
