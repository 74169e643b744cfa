// Objects of one template have owners of the same fields: such sets are kept once, since one may be larger than its object.
import { withMetadata } from './metadata.ts';
import type { KubeObject } from '#api/types.ts';

/** Most sets remembered, and the longest JSON of one, characters. */
const MAX_SETS = 4_096;
const MAX_LENGTH = 16_384;

type Entry = NonNullable<KubeObject['metadata']['managedFields']>[number];
type Fields = NonNullable<Entry['fieldsV1']>;

export class SharedFields {
  /** By their JSON; the one that was found least recently comes first. */
  readonly #known = new Map<string, Fields>();
  /** Those given out. */
  readonly #shared = new WeakSet<Fields>();

  /** `object`, with sets that equal known ones replaced by them. */
  share<T extends KubeObject>(object: T): T {
    const { managedFields } = object.metadata;
    if (managedFields === undefined) return object;
    let changed = false;
    const shared = managedFields.map((entry) => {
      if (entry.fieldsV1 === undefined) return entry;
      const fieldsV1 = this.#one(entry.fieldsV1);
      if (fieldsV1 === entry.fieldsV1) return entry;
      changed = true;
      return { ...entry, fieldsV1 };
    });
    return changed ? withMetadata(object, { managedFields: shared }) : object;
  }

  #one(fields: Fields): Fields {
    if (this.#shared.has(fields)) return fields;
    const text = JSON.stringify(fields);
    if (text.length > MAX_LENGTH) return fields;
    const known = this.#known.get(text);
    if (known !== undefined) this.#known.delete(text);
    else if (this.#known.size >= MAX_SETS) this.#known.delete(this.#known.keys().next().value as string);
    const one = known ?? fields;
    this.#known.set(text, one);
    this.#shared.add(one);
    return one;
  }
}
