// Ends requests that take too long. One timer for all of them: they nearly all have the same time.
import type { CancelTimer, Clock } from '#base/clock.ts';

interface Entry {
  /** By the monotonic clock. */
  readonly due: number;
  readonly expire: () => void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** With the usual time, so in the order they fall due. */
  readonly #usual = new Set<Entry>();
  #cancelTimer: CancelTimer | undefined;

  /** @param timeoutMs most milliseconds a request gets */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Milliseconds a request gets. `own`: what its client wants. */
  limit(own?: number): number {
    return Math.min(own ?? this.#timeoutMs, this.#timeoutMs);
  }

  /** Calls `expire` unless the result is called first. @param timeoutMs as `limit` gives it */
  start(expire: () => void, timeoutMs: number): () => void {
    if (timeoutMs < this.#timeoutMs) return this.#clock.after(timeoutMs, expire);
    const entry: Entry = { due: this.#clock.monotonic() + this.#timeoutMs, expire };
    this.#usual.add(entry);
    if (this.#cancelTimer === undefined) this.#arm(this.#timeoutMs);
    return () => void this.#usual.delete(entry);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#cancelTimer = undefined;
    const now = this.#clock.monotonic();
    for (const entry of this.#usual) {
      if (entry.due > now) {
        this.#arm(entry.due - now);
        return;
      }
      this.#usual.delete(entry);
      entry.expire();
    }
  }
}
