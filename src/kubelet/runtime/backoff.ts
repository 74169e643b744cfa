// Growing waits between attempts, per key. Source: client-go flowcontrol.Backoff.
import type { Clock } from '#base/clock.ts';

interface Entry {
  backoffMs: number;
  /** Wall clock of the last change. */
  updated: number;
}

export class Backoff {
  readonly #clock: Clock;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, initialMs: number, maxMs: number) {
    this.#clock = clock;
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
  }

  /** The wait in force for `key`, milliseconds; 0 when there is none. */
  get(key: string): number {
    return this.#entries.get(key)?.backoffMs ?? 0;
  }

  /** Doubles the wait, or starts anew when the last event before `eventTime` is long ago. */
  next(key: string, eventTime: number): void {
    const entry = this.#entries.get(key);
    const fresh = entry === undefined || this.#expired(entry, eventTime);
    this.#entries.set(key, { backoffMs: fresh ? this.#initialMs : Math.min(this.#maxMs, entry.backoffMs * 2), updated: this.#clock.now() });
  }

  /** Milliseconds of the wait that are left, counted from `eventTime`; 0 when it is over. Source: IsInBackOffSince. */
  leftSince(key: string, eventTime: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, eventTime)) return 0;
    return Math.max(0, eventTime + entry.backoffMs - this.#clock.now());
  }

  /** As leftSince, counted from the last change of the entry. Source: IsInBackOffSinceUpdate. */
  leftSinceUpdate(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, this.#clock.now())) return 0;
    return Math.max(0, entry.updated + entry.backoffMs - this.#clock.now());
  }

  /** Forgets what has not been used for twice the longest wait. */
  collect(): void {
    const now = this.#clock.now();
    for (const [key, entry] of this.#entries) if (this.#expired(entry, now)) this.#entries.delete(key);
  }

  /** Forgets keys that begin with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #expired({ updated }: Entry, eventTime: number): boolean {
    return eventTime - updated > this.#maxMs * 2;
  }
}
