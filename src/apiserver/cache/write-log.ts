// Objects this server is writing: when the store's watch brings one back, the cache takes the object that was written
// instead of decoding its bytes again.
import type { KeyValue } from '#store/contract.ts';
import { StoredObject, type ObjectLayout } from './stored-object.ts';
import type { HeapBytes } from './heap-bytes.ts';
import type { KubeObject } from '#api/types.ts';

interface Pending {
  readonly layout: ObjectLayout;
  /** Key within the resource. */
  readonly key: string;
  readonly value: HeapBytes;
  /** Those of `value`, as the store was given them. */
  readonly bytes: Buffer;
  readonly object: KubeObject;
  /** Made by whoever learns of the revision first: the writer or the watch. */
  stored: StoredObject | undefined;
}

/** A write under way. `written` gives the object at its revision; `close` must follow once the cache has it, or at failure. */
export interface PendingWrite {
  written(revision: number): StoredObject;
  close(): void;
}

export class WriteLog {
  /** By store key. Two writes of one key may overlap while one of them is bound to fail. */
  readonly #pending = new Map<string, Pending[]>();

  open(storeKey: string, write: Omit<Pending, 'stored'>): PendingWrite {
    const pending: Pending = { ...write, stored: undefined };
    const others = this.#pending.get(storeKey);
    if (others === undefined) this.#pending.set(storeKey, [pending]);
    else others.push(pending);
    return {
      written: (revision) => at(pending, revision),
      close: () => {
        const rest = (this.#pending.get(storeKey) ?? []).filter((other) => other !== pending);
        if (rest.length === 0) this.#pending.delete(storeKey);
        else this.#pending.set(storeKey, rest);
      },
    };
  }

  /** The object behind an entry that came back, if it was written here. */
  claim(entry: KeyValue): StoredObject | undefined {
    const pending = this.#pending.get(entry.key)?.find(({ bytes }) => bytes === entry.value || bytes.equals(entry.value));
    return pending === undefined ? undefined : at(pending, entry.modRevision);
  }

  get size(): number {
    return this.#pending.size;
  }
}

function at(pending: Pending, revision: number): StoredObject {
  const { layout, key, value, object, stored } = pending;
  if (stored?.revision === revision) return stored;
  return (pending.stored = new StoredObject(layout, key, revision, value, object));
}
