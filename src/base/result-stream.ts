// A bounded single-reader stream between a producer that must not block and an async iterator.

/** Why a stream ended: `overflow` means the reader was too slow and was cut off. */
export class StreamOverflow extends Error {
  override readonly name = 'StreamOverflow';
}

/**
 * Items pushed by a producer, read by `for await`. Holds at most `capacity` unread items: one more ends the
 * stream with StreamOverflow instead of buffering without bound. Leaving the loop early calls `onClose`.
 */
export class ResultStream<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #head = 0;
  #waiting: { resolve: (r: IteratorResult<T>) => void; reject: (e: unknown) => void } | undefined;
  #ended: { error?: unknown } | undefined;
  #closed = false;
  readonly #capacity: number;
  readonly #onClose: () => void;

  constructor(capacity: number, onClose: () => void = () => {}) {
    this.#capacity = capacity;
    this.#onClose = onClose;
  }

  /** Unread items. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Adds an item; false when the stream has ended (the item is dropped). */
  push(item: T): boolean {
    if (this.#ended !== undefined) return false;
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ value: item, done: false });
      return true;
    }
    if (this.size >= this.#capacity) {
      this.fail(new StreamOverflow(`reader is ${this.size} items behind`));
      return false;
    }
    this.#items.push(item);
    return true;
  }

  /** No more items; the reader sees those already pushed, then the end. */
  end(): void {
    this.#finish({});
  }

  /** As `end`, but the reader's next call after the pushed items throws `error`. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  #finish(ended: { error?: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = ended;
    if (this.#waiting !== undefined) {
      const { resolve, reject } = this.#waiting;
      this.#waiting = undefined;
      if ('error' in ended) reject(ended.error);
      else resolve({ value: undefined, done: true });
    }
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      const value = this.#items[this.#head] as T;
      this.#head++;
      if (this.#head === this.#items.length || this.#head > 1024) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.#ended !== undefined) {
      if ('error' in this.#ended) {
        const { error } = this.#ended;
        this.#ended = {};
        return Promise.reject(error as Error);
      }
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.#head = 0;
    this.#finish({});
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
