// The latest changes of one resource, so that a watch can resume and a list can be read as of a moment ago.
import type { StoredObject } from './stored-object.ts';

/** One change of one key. */
export class Change {
  readonly revision: number;
  readonly key: string;
  /** Absent after a delete. */
  readonly next: StoredObject | undefined;
  /** Absent before a create. */
  readonly previous: StoredObject | undefined;
  /** Wall clock, milliseconds since the epoch. */
  readonly at: number;
  #gone: StoredObject | undefined;
  #frames: Map<string, Buffer> | undefined;

  constructor({ revision, key, next, previous, at }: Pick<Change, 'revision' | 'key' | 'next' | 'previous' | 'at'>) {
    this.revision = revision;
    this.key = key;
    this.next = next;
    this.previous = previous;
    this.at = at;
  }

  /** The object as it last was, at the revision of this change: what a DELETED event carries. */
  get gone(): StoredObject {
    if (this.previous === undefined) throw new Error(`nothing was there before ${this.key} at ${this.revision}`);
    return (this.#gone ??= this.previous.at(this.revision));
  }

  /** The encoded event under `id`, made once and shared by all watchers that want the same; kept until `release`. */
  frame(id: string, encode: () => Buffer): Buffer {
    this.#frames ??= new Map();
    let frame = this.#frames.get(id);
    if (frame === undefined) this.#frames.set(id, (frame = encode()));
    return frame;
  }

  /**
   * Lets go of what was decoded of the version that this change put an end to. Few ask for it again, and as objects of V8
   * those of a history would be half of what it has to mark.
   */
  cool(): void {
    this.previous?.forgetDecoded();
    this.#gone?.forgetDecoded();
  }

  /** Lets go of encoded frames once everybody has taken theirs. */
  release(): void {
    this.#frames = undefined;
  }
}

/** Fewest changes kept, however old. Source: cacher defaultLowerBoundCapacity. */
const MIN_CHANGES = 100;
/** Most changes kept, however young. Source: cacher defaultUpperBoundCapacity. */
const MAX_CHANGES = 102_400;
/** Changes younger than this are kept up to MAX_CHANGES. Source: cacher DefaultEventFreshDuration. */
const FRESH_MS = 75_000;
/** Changes whose previous versions stay decoded: most watchers are behind by fewer. */
const WARM = 1_000;

export class History {
  /** Places of what is forgotten are empty at once, and taken away now and then. */
  #changes: (Change | undefined)[] = [];
  /** Index of the oldest change kept. */
  #head = 0;
  /** Every change with a revision above this one is kept. */
  #complete: number;

  constructor(revision: number) {
    this.#complete = revision;
  }

  /** Lowest revision from which a watch can resume. */
  get oldest(): number {
    return this.#complete;
  }

  get size(): number {
    return this.#changes.length - this.#head;
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#changes[this.#changes.length - 1 - WARM]?.cool();
    while (this.size > MIN_CHANGES) {
      const first = this.#changes[this.#head] as Change;
      if (this.size <= MAX_CHANGES && change.at - first.at < FRESH_MS) break;
      // A transaction is forgotten whole or not at all: changes of one revision share the fate of the last.
      this.#complete = first.revision;
      this.#changes[this.#head++] = undefined;
      first.cool();
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything up to `revision`, which the store has compacted or the cache has skipped over. */
  reset(revision: number): void {
    for (const change of this.#changes) change?.cool();
    this.#changes = [];
    this.#head = 0;
    this.#complete = revision;
  }

  /**
   * Changes after `revision` in order, or undefined when some of them are forgotten. A copy: later changes do not
   * appear in it.
   */
  after(revision: number): readonly Change[] | undefined {
    if (revision < this.#complete) return undefined;
    let low = this.#head;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low) as Change[];
  }
}
