// How long a failed item waits before its next try.
import { TokenBucket } from '#base/token-bucket.ts';

export interface RateLimiter<T> {
  /** Counts a failure of `item`; gives the milliseconds to wait. `now`: Clock.monotonic(). */
  when(item: T, now: number): number;
  /** Failures since the last forget. */
  failures(item: T): number;
  forget(item: T): void;
}

/** Source: workqueue.DefaultTypedControllerRateLimiter. */
const BASE_DELAY_MS = 5;
const MAX_DELAY_MS = 1_000_000;
const OVERALL_PER_SECOND = 10;
const OVERALL_BURST = 100;

export interface RateLimits {
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Retries of all items together; `undefined` for no common limit. */
  readonly overall?: { readonly perSecond: number; readonly burst: number } | undefined;
}

/** Doubles with each failure of an item, and lets all items together retry at a limited rate; the longer wait holds. */
export function rateLimiter<T>(limits: RateLimits = {}): RateLimiter<T> {
  const { baseDelayMs = BASE_DELAY_MS, maxDelayMs = MAX_DELAY_MS } = limits;
  const overall = 'overall' in limits ? limits.overall : { perSecond: OVERALL_PER_SECOND, burst: OVERALL_BURST };
  const bucket = overall === undefined ? undefined : new TokenBucket(overall.perSecond, overall.burst);
  const counts = new Map<T, number>();
  return {
    when(item, now) {
      const failed = counts.get(item) ?? 0;
      counts.set(item, failed + 1);
      return Math.max(Math.min(baseDelayMs * 2 ** failed, maxDelayMs), bucket?.reserve(now) ?? 0);
    },
    failures: (item) => counts.get(item) ?? 0,
    forget(item) {
      counts.delete(item);
    },
  };
}
