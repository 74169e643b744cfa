// What one watcher has still to be sent: first what there was when it began, then changes as they come. Bounded.
import type { StatusError } from '#apimachinery/errors.ts';
import type { Change } from '../cache/history.ts';
import type { StoredObject } from '../cache/stored-object.ts';

export type WatchItem =
  /** `change`: for sharing encoded frames with other watchers. `object` is in the stored version. */
  | {
      readonly kind: 'event';
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly object: StoredObject;
      readonly change: Change | undefined;
    }
  | { readonly kind: 'bookmark'; readonly revision: number; readonly initialEventsEnd: boolean }
  /** The last item: an ERROR event. */
  | { readonly kind: 'error'; readonly error: StatusError };

/** Changes a watcher may be behind before it is cut off; it then lists or resumes again. */
const MAX_PENDING = 10_000;

export class WatchQueue {
  #initial: Iterator<WatchItem> | undefined;
  #pending: WatchItem[] = [];
  #head = 0;
  #ended = false;
  #overflowed = false;
  /** Called when there is something to take, or the end was reached. */
  wake: () => void = () => {};

  constructor(initial: Iterable<WatchItem>) {
    this.#initial = initial[Symbol.iterator]();
  }

  /** No more items will be added; those there are can still be taken. */
  get ended(): boolean {
    return this.#ended;
  }

  /** It was too slow, and items were lost. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  get size(): number {
    return this.#pending.length - this.#head;
  }

  /** Adds without waking: whoever adds several wakes once. */
  push(item: WatchItem): void {
    if (this.#ended) return;
    if (this.size >= MAX_PENDING) {
      this.#overflowed = true;
      this.#pending = [];
      this.#head = 0;
      this.#initial = undefined;
      this.#ended = true;
      return;
    }
    this.#pending.push(item);
  }

  end(): void {
    this.#ended = true;
  }

  /** The next item, or undefined when there is none now. */
  take(): WatchItem | undefined {
    if (this.#initial !== undefined) {
      const first = this.#initial.next();
      if (first.done !== true) return first.value;
      this.#initial = undefined;
    }
    if (this.#head === this.#pending.length) return undefined;
    const item = this.#pending[this.#head++] as WatchItem;
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 1_024) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
