// How far the caches have followed the store, and who waits until they are further.
import { guarded } from './store-failure.ts';

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export class Progress {
  /** The store's revision now. */
  readonly #ask: () => Promise<number>;
  #waiters: Waiter[] = [];
  #revision = 0;
  #acknowledged = 0;
  #alone = false;
  #confirming: Promise<number> | undefined;

  constructor(ask: () => Promise<number>) {
    this.#ask = ask;
  }

  /** All caches contain everything up to here. */
  get revision(): number {
    return this.#revision;
  }

  /** The store belongs to this process: whatever was acknowledged was acknowledged here. */
  alone(): void {
    this.#alone = true;
  }

  /** A write at `revision` was acknowledged to somebody: later consistent reads must see it. */
  acknowledge(revision: number): void {
    if (revision > this.#acknowledged) this.#acknowledged = revision;
  }

  /** Everything acknowledged is in the caches, as far as can be told without asking the store. */
  get upToDate(): boolean {
    return this.#alone && this.#revision >= this.#acknowledged;
  }

  /**
   * Brings the caches up to everything acknowledged before the call. Undefined when they already are, so that the
   * usual read does not wait at all. Rejects with StatusError when the store does not say where it stands.
   */
  caughtUp(signal?: AbortSignal): Promise<void> | undefined {
    if (this.upToDate) return undefined;
    if (this.#alone) return this.reached(this.#acknowledged, signal);
    return this.#confirm().then((revision) => this.reached(revision, signal));
  }

  /** Readers that ask while one question is under way share the next one. */
  #confirm(): Promise<number> {
    if (this.#confirming === undefined) {
      this.#confirming = Promise.resolve().then(() => {
        this.#confirming = undefined;
        return guarded(this.#ask);
      });
    }
    return this.#confirming;
  }

  /** Calls `then` when the caches contain `revision`; never, if they stop before. */
  whenReached(revision: number, then: () => void): void {
    if (this.#revision >= revision) then();
    else this.#waiters.push({ revision, resolve: then });
  }

  /** Resolves when the caches contain `revision`. Rejects with the signal's reason. */
  reached(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const waiter: Waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** The caches contain everything up to `revision` now. */
  advance(revision: number): void {
    this.#revision = revision;
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.revision <= revision) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
