// Growing waits between attempts, per key. Source: client-go flowcontrol.Backoff; unlike there, a clock that is set forward or
// back while a wait is on changes nothing about it.
import type { Clock } from '#base/clock.ts';

interface Entry {
  backoffMs: number;
  /** The last change: milliseconds since the epoch, and by Clock.monotonic(). */
  updated: number;
  updatedAt: number;
  /** The event last asked about: milliseconds since the epoch, and by Clock.monotonic(). */
  event?: { readonly time: number; readonly at: number };
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
    this.#entries.set(key, {
      backoffMs: fresh ? this.#initialMs : Math.min(this.#maxMs, entry.backoffMs * 2),
      updated: this.#clock.now(),
      updatedAt: this.#clock.monotonic(),
    });
  }

  /** Milliseconds of the wait that are left, counted from `eventTime`; 0 when it is over. Source: IsInBackOffSince. */
  leftSince(key: string, eventTime: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, eventTime)) return 0;
    if (entry.event?.time !== eventTime) {
      const agoMs = Math.max(0, this.#clock.now() - eventTime);
      entry.event = { time: eventTime, at: this.#clock.monotonic() - agoMs };
    }
    return Math.max(0, entry.event.at + entry.backoffMs - this.#clock.monotonic());
  }

  /** As leftSince, counted from the last change of the entry. Source: IsInBackOffSinceUpdate. */
  leftSinceUpdate(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#unused(entry)) return 0;
    return Math.max(0, entry.updatedAt + entry.backoffMs - this.#clock.monotonic());
  }

  /** Forgets what has not been used for twice the longest wait. */
  collect(): void {
    for (const [key, entry] of this.#entries) if (this.#unused(entry)) this.#entries.delete(key);
  }

  /** Forgets keys that begin with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #unused({ updatedAt }: Entry): boolean {
    return this.#clock.monotonic() - updatedAt > this.#maxMs * 2;
  }

  #expired({ updated }: Entry, eventTime: number): boolean {
    return eventTime - updated > this.#maxMs * 2;
  }
}
