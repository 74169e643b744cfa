// Objects of one template say mostly the same: a new one is given the parts of the last one like it, and where it states the
// same fields its owners are known.
import { sameOutline } from '#apimachinery/apply/outline.ts';
import { sharing } from '#apimachinery/sharing.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { KubeObject } from '#api/types.ts';
import { Lru } from '#base/lru.ts';
import type { FieldChange } from './field-manager.ts';
import { withMetadata } from './metadata.ts';

/** Most objects remembered, and the longest JSON of one, characters. */
const MAX_OBJECTS = 512;
const MAX_LENGTH = 16_384;

interface Remembered {
  readonly given: KubeObject;
  readonly owned: KubeObject;
}

export class CreatedAlike {
  readonly #last = new Lru<string, Remembered>(MAX_OBJECTS);

  /** `given`, which is to be created and has no owners yet, with its owners; `track` finds them where the last one like it does not tell. */
  owned(given: KubeObject, change: FieldChange, track: (given: KubeObject) => KubeObject): KubeObject {
    const key = keyOf(given, change);
    const last = this.#last.get(key);
    if (last === undefined) return this.#remember(key, given, track(given));
    const shared = sharing(last.given, given);
    if (sameOutline(change.served.info.schema, last.given, shared)) {
      const time = formatTime(change.now);
      return withMetadata(shared, { managedFields: last.owned.metadata.managedFields?.map((entry) => ({ ...entry, time })) });
    }
    return this.#remember(key, shared, track(shared));
  }

  #remember(key: string, given: KubeObject, owned: KubeObject): KubeObject {
    if (JSON.stringify(given).length <= MAX_LENGTH) this.#last.set(key, { given, owned });
    return owned;
  }
}

/** Who creates what, for whom. */
function keyOf({ metadata }: KubeObject, { served, manager }: FieldChange): string {
  const { namespace = '', generateName = '', ownerReferences } = metadata;
  return [served.apiVersion, served.name, manager, namespace, ownerReferences?.[0]?.uid ?? '', generateName].join(' ');
}
