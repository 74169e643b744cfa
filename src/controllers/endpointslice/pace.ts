// How often a Service's endpoints are written while its pods change: the first change at once, the more go on the later.
// A pod that serves no longer is taken out soon in any case: requests still go there. Where many Services change at once all
// of them wait for their turn, and are written less often with more changes each.
// Upstream has no such rule of its own; there the client's limit has the same effect.
import type { Clock } from '#base/clock.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import type { WorkSink } from '#client/workqueue/work-queue.ts';

/** Milliseconds from one write to the next: after a quiet time, and at most. */
const FIRST_GAP_MS = 100;
const MAX_GAP_MS = 1000;
/** Writes of all Services together: a second, and at once after a quiet time. Source: kube-controller-manager --kube-api-qps. */
const WRITES_PER_SECOND = 20;
const BURST = 100;

interface Pacing {
  /** When the last write began, monotonic milliseconds. */
  wroteAt: number;
  gapMs: number;
  /** It is in the queue for later. */
  waits: boolean;
}

export class Pace {
  readonly #queue: WorkSink<string>;
  readonly #clock: Clock;
  readonly #services = new Map<string, Pacing>();
  readonly #writes = new TokenBucket(WRITES_PER_SECOND, BURST);
  /** When the writes of all Services have their turn again, monotonic milliseconds. */
  #freeAt = -Infinity;

  constructor(queue: WorkSink<string>, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  /** What belongs to Service `key` changed; `soon`: it keeps no growing gap. */
  wake(key: string, soon = false): void {
    const now = this.#clock.monotonic();
    const pacing = this.#services.get(key);
    const ownTurn = pacing === undefined ? now : pacing.wroteAt + (soon ? FIRST_GAP_MS : pacing.gapMs);
    const waitMs = Math.max(ownTurn, this.#freeAt) - now;
    if (waitMs <= 0) return this.#queue.add(key);
    if (pacing?.waits === true && !soon) return;
    if (pacing !== undefined) pacing.waits = true;
    this.#queue.addAfter(key, waitMs); // the earlier of two times counts
  }

  /** It is looked at: a change from now on asks for another look. */
  looked(key: string): void {
    const pacing = this.#services.get(key);
    if (pacing !== undefined) pacing.waits = false;
  }

  /** It is about to be written, by so many requests. */
  writes(key: string, requests = 1): void {
    const now = this.#clock.monotonic();
    for (let i = 0; i < requests; i++) this.#freeAt = now + this.#writes.reserve(now);
    const pacing = this.#services.get(key);
    const busy = pacing !== undefined && now - pacing.wroteAt < 2 * pacing.gapMs;
    this.#services.set(key, {
      wroteAt: now,
      gapMs: busy ? Math.min(2 * pacing.gapMs, MAX_GAP_MS) : FIRST_GAP_MS,
      waits: pacing?.waits ?? false,
    });
  }

  forget(key: string): void {
    this.#services.delete(key);
  }
}
