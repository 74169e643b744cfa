// For tests of what ends with its request: the time of a request is up when the test says so, all other time passes as it does.
import { systemClock, type CancelTimer, type Clock } from '#base/clock.ts';

/** That nothing else waits for. */
const DELAY_MS = 12_345;

export class ExpiringClock implements Clock {
  /** Of a request that `expire` ends. */
  readonly query = `?timeout=${DELAY_MS}ms`;
  #fire: (() => void) | undefined;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  after(delayMs: number, fire: () => void): CancelTimer {
    if (delayMs !== DELAY_MS) return systemClock.after(delayMs, fire);
    this.#fire = fire;
    return () => {
      this.#fire = undefined;
    };
  }

  /** @throws Error when no such request is under way */
  expire(): void {
    if (this.#fire === undefined) throw new Error('no request to expire');
    this.#fire();
  }
}
