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

  #settle(start: number): void {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#before(parent, place)) break;
      this.#swap(place, parent);
      place = parent;
    }
    for (;;) {
      let least = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < this.#items.length && !this.#before(least, child)) least = child;
      }
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #before(a: number, b: number): boolean {
    return this.#compare(this.#items[a] as T, this.#items[b] as T) <= 0;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#items[a] as T, this.#items[b] as T];
    this.#items[a] = y;
    this.#items[b] = x;
    this.#places.set(this.#key(y), a);
    this.#places.set(this.#key(x), b);
  }
}
