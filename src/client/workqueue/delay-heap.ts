// Items by the time they are due. Each item is in it once, at its earliest time.

interface Entry<T> {
  readonly item: T;
  due: number;
}

export class DelayHeap<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #positions = new Map<T, number>();

  get size(): number {
    return this.#heap.length;
  }

  /** When the first item is due; undefined when empty. */
  get nextDue(): number | undefined {
    return this.#heap[0]?.due;
  }

  /** An item that is here already keeps the earlier of both times. Source: delaying_queue.go insert. */
  add(item: T, due: number): void {
    const at = this.#positions.get(item);
    if (at === undefined) {
      this.#heap.push({ item, due });
      this.#rise(this.#heap.length - 1);
      return;
    }
    const entry = this.#heap[at] as Entry<T>;
    if (due >= entry.due) return;
    entry.due = due;
    this.#rise(at);
  }

  /** Removes and gives the first item if it is due. */
  popDue(now: number): { readonly item: T } | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > now) return undefined;
    this.#positions.delete(first.item);
    const last = this.#heap.pop() as Entry<T>;
    if (last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#positions.clear();
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry<T>;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry<T>;
      if (above.due <= entry.due) break;
      this.#place(at, above);
      at = parent;
    }
    this.#place(at, entry);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry<T>;
    let at = from;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const rightIsFirst = right !== undefined && right.due < left.due;
      const child = rightIsFirst ? right : left;
      if (child.due >= entry.due) break;
      this.#place(at, child);
      at = 2 * at + (rightIsFirst ? 2 : 1);
    }
    this.#place(at, entry);
  }

  #place(at: number, entry: Entry<T>): void {
    this.#heap[at] = entry;
    this.#positions.set(entry.item, at);
  }
}
