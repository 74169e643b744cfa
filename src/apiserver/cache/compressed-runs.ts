// Runs of objects that stand one after the other in a list, compressed, so that lists compress nothing twice.
import type { StoredObject } from './stored-object.ts';

/** Bytes all runs together may hold. Objects of a workload are much alike: a run is a tenth of its JSON or less. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Some objects as a list has them, deflated on their own and up to a whole byte. */
export interface CompressedRun {
  readonly deflated: Uint8Array;
  /** Of what was deflated. */
  readonly crc: number;
  readonly length: number;
}

interface Held extends CompressedRun {
  readonly keys: readonly string[];
  readonly revisions: readonly number[];
}

/**
 * What does not fit is compressed each time, rather than thrown out for each other: a list reads all objects in one order, and
 * whatever was unused for longest would be what it asks for next.
 */
export class CompressedRuns {
  /** By the first object, then by form. */
  readonly #runs = new Map<StoredObject, Map<string, Held>>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A run of the very objects that stand at `from`, and how many those are. */
  find(form: string, objects: readonly StoredObject[], from: number): { readonly run: CompressedRun; readonly count: number } | undefined {
    const held = this.#runs.get(objects[from] as StoredObject)?.get(form);
    if (held === undefined) return undefined;
    const { keys, revisions } = held;
    for (let i = 0; i < keys.length; i++) {
      const object = objects[from + i];
      if (object === undefined || object.revision !== revisions[i] || object.key !== keys[i]) return undefined;
    }
    return { run: held, count: keys.length };
  }

  /** Keeps a run until its first object, a current one, is dropped; one of the same form from that object on is replaced. */
  keep(form: string, objects: readonly StoredObject[], run: CompressedRun): void {
    const [first] = objects;
    if (first === undefined) return;
    const forms = this.#runs.get(first);
    const old = forms?.get(form)?.deflated.length ?? 0;
    if (this.#bytes - old + run.deflated.length > this.#maxBytes) return;
    this.#bytes += run.deflated.length - old;
    const held = { ...run, keys: objects.map(({ key }) => key), revisions: objects.map(({ revision }) => revision) };
    if (forms === undefined) this.#runs.set(first, new Map([[form, held]]));
    else forms.set(form, held);
  }

  /** The object is replaced or deleted. */
  drop(object: StoredObject): void {
    const forms = this.#runs.get(object);
    if (forms === undefined) return;
    this.#runs.delete(object);
    for (const { deflated } of forms.values()) this.#bytes -= deflated.length;
  }
}
