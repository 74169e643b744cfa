// A sorted map of strings: finds by hash, walks by order. Keys are ASCII, so JavaScript's order is the store's byte order.

/** A chunk is split in two when it outgrows this. Large enough that few chunks are searched, small enough to splice fast. */
const CHUNK_MAX = 512;

export class OrderedMap<V> {
  readonly #values = new Map<string, V>();
  /** Sorted keys in sorted chunks; no chunk is empty. */
  readonly #chunks: string[][] = [];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#insertKey(key);
    this.#values.set(key, value);
  }

  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false;
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at] as string[];
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#values.clear();
    this.#chunks.length = 0;
  }

  /** Values in no particular order; cheaper than a walk. */
  values(): IterableIterator<V> {
    return this.#values.values();
  }

  /**
   * Entries with `start <= key < end` in order; `end` absent: to the last. The map must not change during the walk.
   */
  *range(start: string, end?: string): IterableIterator<[string, V]> {
    if (this.#chunks.length === 0) return;
    let at = this.#chunkOf(start);
    let index = lowerBound(this.#chunks[at] as string[], start);
    for (; at < this.#chunks.length; at++, index = 0) {
      const chunk = this.#chunks[at] as string[];
      for (; index < chunk.length; index++) {
        const key = chunk[index] as string;
        if (end !== undefined && key >= end) return;
        yield [key, this.#values.get(key) as V];
      }
    }
  }

  /** How many keys lie in `[start, end)`; costs the number of chunks, not of keys. */
  count(start: string, end?: string): number {
    return this.#rank(end) - this.#rank(start);
  }

  /** Number of keys below `key`. */
  #rank(key: string | undefined): number {
    if (key === undefined) return this.size;
    if (this.#chunks.length === 0) return 0;
    const at = this.#chunkOf(key);
    let below = 0;
    for (let i = 0; i < at; i++) below += (this.#chunks[i] as string[]).length;
    return below + lowerBound(this.#chunks[at] as string[], key);
  }

  #insertKey(key: string): void {
    if (this.#chunks.length === 0) {
      this.#chunks.push([key]);
      return;
    }
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at] as string[];
    const last = chunk[chunk.length - 1] as string;
    if (key > last) chunk.push(key);
    else chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > CHUNK_MAX) this.#split(at, chunk);
  }

  /** A chunk grown at its end keeps most of its keys: ascending inserts then leave full chunks behind. */
  #split(at: number, chunk: string[]): void {
    this.#chunks.splice(at + 1, 0, chunk.splice(at === this.#chunks.length - 1 ? CHUNK_MAX - 16 : chunk.length >> 1));
  }

  /** Index of the last chunk whose first key is not above `key` (0 when all are). The map is not empty. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (((this.#chunks[middle] as string[])[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Index of the first key not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
