// Protobuf messages of stored objects, without their envelopes.
import { encodeItem } from '#api/protobuf/lists.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { ServedResource } from '../registry/catalog.ts';

/** Gives each object's message in the served version; those of current objects are kept for the next who asks. */
export function messagesOf(served: ServedResource): (object: StoredObject) => Uint8Array {
  const encode = (object: object): Uint8Array => encodeItem(object, served.info.schema);
  const cache = served.conversion === undefined ? served.stored?.cache : undefined;
  return (object) => (cache === undefined ? encode(served.view(object).object) : cache.message(object, encode));
}
