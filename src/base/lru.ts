// A map that holds at most so many entries; the one unused for longest goes first.

export class Lru<K, V> {
  /** In the order of last use: a Map iterates by insertion. */
  readonly #entries = new Map<K, V>();
  readonly #capacity: number;
  readonly #dropped: ((value: V) => void) | undefined;

  /** @param dropped is told of each value that had to go, and of all when they are cleared */
  constructor(capacity: number, dropped?: (value: V) => void) {
    this.#capacity = capacity;
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined || this.#entries.has(key)) {
      this.#entries.delete(key);
      this.#entries.set(key, value as V);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries as Iterable<[K, V]>;
    const [name, last] = oldest as [K, V];
    this.#entries.delete(name);
    this.#dropped?.(last);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    if (this.#dropped !== undefined) for (const value of all) this.#dropped(value);
  }
}
