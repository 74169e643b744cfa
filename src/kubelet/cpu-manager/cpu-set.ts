// pure
// Sets of CPUs, NUMA nodes and other small numbers, and the kernel's lists of them. Source: k8s.io/utils/cpuset.
import { goQuote } from '#apimachinery/go-format.ts';

export class CpuSetError extends Error {
  override readonly name = 'CpuSetError';
}

/** Never changes. */
export class CpuSet implements Iterable<number> {
  static readonly EMPTY = new CpuSet([]);
  readonly #members: ReadonlySet<number>;
  /** Rising. */
  readonly list: readonly number[];

  private constructor(sorted: readonly number[]) {
    this.list = sorted;
    this.#members = new Set(sorted);
  }

  static of(members: Iterable<number>): CpuSet {
    return new CpuSet([...new Set(members)].toSorted((a, b) => a - b));
  }

  /** `0-3,8`; empty text is an empty set. @throws CpuSetError in upstream's words */
  static parse(text: string): CpuSet {
    if (text === '') return CpuSet.EMPTY;
    return CpuSet.of(text.split(',').flatMap(range));
  }

  get size(): number {
    return this.list.length;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  has(member: number): boolean {
    return this.#members.has(member);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.list[Symbol.iterator]();
  }

  union(...others: readonly Iterable<number>[]): CpuSet {
    return CpuSet.of([...this.list, ...others.flatMap((other) => [...other])]);
  }

  intersection(other: CpuSet): CpuSet {
    return new CpuSet(this.list.filter((member) => other.has(member)));
  }

  difference(other: CpuSet): CpuSet {
    return new CpuSet(this.list.filter((member) => !other.has(member)));
  }

  equals(other: CpuSet): boolean {
    return this.size === other.size && this.list.every((member) => other.has(member));
  }

  isSubsetOf(other: CpuSet): boolean {
    return this.list.every((member) => other.has(member));
  }

  /** `0-3,8` */
  toString(): string {
    const parts: string[] = [];
    for (let i = 0; i < this.list.length;) {
      const from = this.list[i] as number;
      let to = from;
      for (i++; this.list[i] === to + 1; i++) to++;
      parts.push(from === to ? String(from) : `${from}-${to}`);
    }
    return parts.join(',');
  }

  toJSON(): string {
    return this.toString();
  }
}

function range(part: string): readonly number[] {
  const bounds = part.split('-');
  const [from, to = from] = bounds.length <= 2 ? bounds.map(whole) : [whole(part)];
  if (from === undefined || to === undefined) return [];
  if (from > to) throw new CpuSetError(`invalid range ${goQuote(part)} (${from} > ${to})`);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new CpuSetError(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  return Number(text);
}
