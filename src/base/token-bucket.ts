// A rate limit that allows bursts. Time is given with every call, so it never asks a clock.

/**
 * Starts full. Times are milliseconds of one monotonic clock. Source: golang.org/x/time/rate Limiter.
 */
export class TokenBucket {
  readonly #ratePerMs: number;
  readonly #burst: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  /** `ratePerSecond` tokens come back each second, up to `burst`. */
  constructor(ratePerSecond: number, burst: number) {
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes a token if there is one. */
  tryTake(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Takes a token in any case; gives the milliseconds to wait until it is there. */
  reserve(nowMs: number): number {
    this.#refill(nowMs);
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#ratePerMs;
  }

  /** Gives back a token that was reserved and not used. */
  release(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#at) return;
    if (this.#at !== Number.NEGATIVE_INFINITY) this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#at) * this.#ratePerMs);
    this.#at = nowMs;
  }
}
