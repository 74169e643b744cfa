// pure
// Sets of completion indexes as ordered intervals. Source: indexed_job_utils.go orderedIntervals.

interface Interval {
  readonly first: number;
  readonly last: number;
}

/** Immutable; intervals are in order and neither touch nor overlap. */
export class Indexes {
  static readonly none: Indexes = new Indexes([]);
  readonly #intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.#intervals = intervals;
  }

  static of(indexes: Iterable<number>): Indexes {
    return new Indexes(joined([...indexes].map((index) => ({ first: index, last: index }))));
  }

  /** Reads `1,3-5,7`, without indexes from `completions` on; what is no interval is passed over. Source: parseIndexesFromString. */
  static parse(text: string | undefined, completions: number): Indexes {
    if (text === undefined || text === '') return Indexes.none;
    const intervals = text.split(',').flatMap((part) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
      if (first === undefined || Number(first) >= completions || Number(last) < Number(first)) return [];
      return [{ first: Number(first), last: Math.min(Number(last), completions - 1) }];
    });
    return new Indexes(joined(intervals));
  }

  get size(): number {
    return this.#intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  has(index: number): boolean {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#intervals[middle] as Interval).last >= index) high = middle;
      else low = middle + 1;
    }
    const found = this.#intervals[low];
    return found !== undefined && found.first <= index;
  }

  union(other: Indexes): Indexes {
    if (other.#intervals.length === 0) return this;
    return new Indexes(joined([...this.#intervals, ...other.#intervals]));
  }

  /** How many are in both. */
  common(other: Indexes): number {
    let count = 0;
    for (let a = 0, b = 0; a < this.#intervals.length && b < other.#intervals.length;) {
      const [mine, theirs] = [this.#intervals[a] as Interval, other.#intervals[b] as Interval];
      count += Math.max(0, Math.min(mine.last, theirs.last) - Math.max(mine.first, theirs.first) + 1);
      if (mine.last <= theirs.last) a++;
      if (theirs.last <= mine.last) b++;
    }
    return count;
  }

  /** The first `count` indexes below `completions` that are not in here. */
  missing(count: number, completions: number): readonly number[] {
    const out: number[] = [];
    let candidate = 0;
    for (const { first, last } of this.#intervals) {
      for (; candidate < Math.min(first, completions) && out.length < count; candidate++) out.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    for (; candidate < completions && out.length < count; candidate++) out.push(candidate);
    return out;
  }

  /** `0,1,3-5`: two neighbours are written apart. */
  toString(): string {
    return this.#intervals
      .map(({ first, last }) => `${first}${last === first ? '' : `${last === first + 1 ? ',' : '-'}${last}`}`)
      .join(',');
  }
}

function joined(intervals: readonly Interval[]): readonly Interval[] {
  const out: Interval[] = [];
  for (const interval of intervals.toSorted((a, b) => a.first - b.first)) {
    const previous = out.at(-1);
    if (previous === undefined || interval.first > previous.last + 1) out.push(interval);
    else if (previous.last < interval.last) out[out.length - 1] = { first: previous.first, last: interval.last };
  }
  return out;
}
