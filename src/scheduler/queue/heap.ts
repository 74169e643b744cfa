// A binary heap whose entries are found, moved and removed by key.

export class KeyedHeap<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<string, number>();
  readonly #key: (item: T) => string;
  readonly #compare: (a: T, b: T) => number;

  /** `compare`: negative when `a` comes first. */
  constructor(key: (item: T) => string, compare: (a: T, b: T) => number) {
    this.#key = key;
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  get(key: string): T | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#items[place];
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** In no order. */
  values(): Iterable<T> {
    return this.#items;
  }

  /** Puts `item` where it belongs, in place of one with its key. */
  set(item: T): void {
    const key = this.#key(item);
    const place = this.#places.get(key) ?? this.#items.length;
    this.#items[place] = item;
    this.#places.set(key, place);
    this.#settle(place);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(this.#key(first));
    return first;
  }

  delete(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    const last = this.#items.pop() as T;
    if (place === this.#items.length) return true;
    this.#items[place] = last;
    this.#places.set(this.#key(last), place);
    this.#settle(place);
    return true;
  }

  /** Moves the item at `start` up or down; what it passes fills the place it leaves. */
  #settle(start: number): void {
    const item = this.#items[start] as T;
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#compare(this.#items[parent] as T, item) <= 0) break;
      this.#put(this.#items[parent] as T, place);
      place = parent;
    }
    for (let child = 2 * place + 1; child < this.#items.length; child = 2 * place + 1) {
      const other = child + 1;
      if (other < this.#items.length && this.#compare(this.#items[other] as T, this.#items[child] as T) < 0) child = other;
      if (this.#compare(item, this.#items[child] as T) <= 0) break;
      this.#put(this.#items[child] as T, place);
      place = child;
    }
    if (place !== start) this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(this.#key(item), place);
  }
}
