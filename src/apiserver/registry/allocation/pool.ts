// Which of a numbered set are taken: addresses of a range, or ports. Knows what is stored, what is being written, and what
// others were seen to take.

/** The members of a set, by offset. */
export interface Members {
  readonly size: number;
  /** Given last, from the start. */
  readonly staticSize: number;
  at(offset: number): string;
}

export class Pool {
  readonly #fraction: () => number;
  /** How many stored objects hold it: TCP and UDP of one Service may share a port. */
  readonly #stored = new Map<string, number>();
  readonly #pending = new Set<string>();
  /** Seen taken by someone whose object has not come back yet. */
  readonly #lost = new Set<string>();

  /** @param fraction a random number in [0, 1): two servers should not reach for the same address */
  constructor(fraction: () => number) {
    this.#fraction = fraction;
  }

  isTaken(member: string): boolean {
    return this.#stored.has(member) || this.#pending.has(member) || this.#lost.has(member);
  }

  /** A stored object holds `member`. */
  hold(member: string): void {
    this.#stored.set(member, (this.#stored.get(member) ?? 0) + 1);
    this.#lost.delete(member);
  }

  release(member: string): void {
    const holders = this.#stored.get(member) ?? 0;
    if (holders > 1) this.#stored.set(member, holders - 1);
    else this.#stored.delete(member);
  }

  /** Takes it until the write that wants it is over. False: it is taken. */
  reserve(member: string): boolean {
    if (this.isTaken(member)) return false;
    this.#pending.add(member);
    return true;
  }

  /** A free one of `members`, reserved; undefined when all are taken. */
  reserveAny(members: Members): string | undefined {
    const { size, staticSize } = members;
    return this.#scan(members, staticSize, size) ?? this.#scan(members, 0, staticSize);
  }

  /** The write is over. `lost`: the store says that someone else has it. */
  settle(member: string, outcome: 'written' | 'abandoned' | 'lost'): void {
    this.#pending.delete(member);
    if (outcome === 'lost' && !this.#stored.has(member)) this.#lost.add(member);
  }

  get hasLost(): boolean {
    return this.#lost.size > 0;
  }

  /** Forgets what others were seen to take: after the cache has caught up, stored objects say so themselves. */
  forgetLost(): void {
    this.#lost.clear();
  }

  /** The first free one of `[from, to)`, from a random place on. */
  #scan(members: Members, from: number, to: number): string | undefined {
    const count = to - from;
    if (count <= 0) return undefined;
    const start = Math.floor(this.#fraction() * count);
    for (let i = 0; i < count; i++) {
      const member = members.at(from + ((start + i) % count));
      if (this.reserve(member)) return member;
    }
    return undefined;
  }
}

/** Source: portallocator calculateRangeOffset. */
const MIN_STATIC_PORTS = 16;
const MAX_STATIC_PORTS = 128;
const STATIC_PORTS_STEP = 32;

/** @param first inclusive, as `last` */
export function portMembers({ first, last }: { readonly first: number; readonly last: number }): Members {
  const size = last - first + 1;
  const staticSize =
    size < MIN_STATIC_PORTS ? 0 : Math.min(MAX_STATIC_PORTS, Math.max(MIN_STATIC_PORTS, Math.floor(size / STATIC_PORTS_STEP)));
  return { size, staticSize, at: (offset) => String(first + offset) };
}
