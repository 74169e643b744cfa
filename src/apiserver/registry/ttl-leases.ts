// Leases for objects that expire. Objects created around the same time share one, so that a busy cluster holds few.
// Source: storage/etcd3 lease_manager.go.
import type { Clock } from '#base/clock.ts';
import type { Store } from '#store/contract.ts';

/** Objects a lease is reused for, and for how long: a share of the time to live, at most a minute. Source: NewDefaultLeaseManagerConfig. */
const MAX_OBJECTS = 1_000;
const REUSE_SHARE = 0.05;
const MAX_REUSE_SECONDS = 60;

interface Shared {
  readonly lease: Promise<number>;
  readonly reusableUntil: number;
  objects: number;
}

export class TtlLeases {
  readonly #store: Store;
  readonly #clock: Clock;
  /** By time to live, seconds. */
  readonly #shared = new Map<number, Shared>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A lease under which an object lives at least `ttlSeconds`. */
  async lease(ttlSeconds: number): Promise<number> {
    const now = this.#clock.monotonic();
    const present = this.#shared.get(ttlSeconds);
    if (present !== undefined && now < present.reusableUntil && present.objects < MAX_OBJECTS) {
      present.objects++;
      return present.lease;
    }
    const reuse = Math.ceil(Math.min(ttlSeconds * REUSE_SHARE, MAX_REUSE_SECONDS));
    const lease = this.#store.grantLease(ttlSeconds + reuse);
    const shared: Shared = { lease, reusableUntil: now + reuse * 1_000, objects: 1 };
    this.#shared.set(ttlSeconds, shared);
    try {
      return await lease;
    } catch (error) {
      if (this.#shared.get(ttlSeconds) === shared) this.#shared.delete(ttlSeconds);
      throw error;
    }
  }
}
