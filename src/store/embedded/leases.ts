// Leases in memory: which exist, which keys live by them, and when each runs out.
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Segment } from './segment.ts';
import type { Version } from './version.ts';

const SECOND_MS = 1000;

export interface Lease {
  readonly id: number;
  readonly ttlSeconds: number;
  /** Where its grant is recorded; rewriting a segment moves it. */
  segment: Segment;
  /** Bytes of that record. */
  readonly length: number;
  /** Whether that record is durable. */
  durable: boolean;
  /** Keys, in byte order, whose newest version names the lease. */
  readonly keys: Set<string>;
}

export class Leases {
  readonly #clock: Clock;
  readonly #leases = new Map<number, Lease>();
  readonly #timers = new Map<number, CancelTimer>();
  readonly #expired: (lease: number) => void;

  /** `expired` is called once when a started lease has run out. */
  constructor(clock: Clock, expired: (lease: number) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(id: number): Lease | undefined {
    return this.#leases.get(id);
  }

  all(): IterableIterator<Lease> {
    return this.#leases.values();
  }

  add(lease: Lease): void {
    this.#leases.set(lease.id, lease);
  }

  /** Forgets a lease and stops its time; undefined when there is none. */
  remove(id: number): Lease | undefined {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    return lease;
  }

  /** Lets the full time of a lease run from now. */
  start(id: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#timers.get(id)?.();
    this.#timers.set(
      id,
      this.#clock.after(lease.ttlSeconds * SECOND_MS, () => this.#expired(id)),
    );
  }

  /** Keeps the leases' keys right when `now` takes the place of `before` as a key's newest version. */
  replaced(before: Version | undefined, now: Version | undefined): void {
    const lost = before?.lease ?? 0;
    const gained = now?.lease ?? 0;
    if (lost === gained) return;
    if (lost !== 0 && before !== undefined) this.#leases.get(lost)?.keys.delete(before.key);
    if (gained !== 0 && now !== undefined) this.#leases.get(gained)?.keys.add(now.key);
  }

  stopAll(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
