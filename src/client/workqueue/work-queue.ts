// What is to be reconciled: each item once, never by two workers at a time, failures later and later.
import type { CancelTimer, Clock } from '#base/clock.ts';
import { DelayHeap } from './delay-heap.ts';
import { rateLimiter, type RateLimiter } from './rate-limiter.ts';

/** Observations of one queue. Source: workqueue.MetricsProvider; the composition root gives them their names. */
export interface WorkQueueMetrics {
  added(depth: number): void;
  /** An item was taken after waiting `seconds` in the queue. */
  taken(depth: number, seconds: number): void;
  /** A worker was done with an item after `seconds`. */
  finished(seconds: number): void;
  /** An item was scheduled for later. */
  retried(): void;
}

export interface WorkQueueOptions<T> {
  readonly clock: Clock;
  readonly rateLimiter?: RateLimiter<T>;
  readonly metrics?: WorkQueueMetrics;
}

/** The part of a queue that event handlers see. */
export interface WorkSink<T> {
  add(item: T): void;
  /** Adds it `delayMs` milliseconds from now; an item waiting already keeps the earlier time. */
  addAfter(item: T, delayMs: number): void;
}

/**
 * Items are compared as Map keys: use strings or shared objects. Source: client-go util/workqueue.
 *
 * An item is in at most one of three places: waiting in `#ready`, with a worker, or with a worker and dirty (added
 * again meanwhile), from where `done` moves it back to `#ready`:
 *
 *     add(a)  ready [a]            get() → a  processing {a}
 *     add(a)  processing {a}, dirty {a}       done(a) → ready [a]
 */
export class WorkQueue<T> implements WorkSink<T> {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter<T>;
  readonly #metrics: WorkQueueMetrics | undefined;
  /** Each one dirty and not processing; the first at `#head`. */
  #ready: T[] = [];
  #head = 0;
  /** To be processed; with the time of the (first) add, milliseconds. */
  readonly #dirty = new Map<T, number>();
  /** With a worker, since then, milliseconds. */
  readonly #processing = new Map<T, number>();
  readonly #waiting: ((item: { readonly item: T } | undefined) => void)[] = [];
  readonly #delayed = new DelayHeap<T>();
  #timer: { readonly due: number; readonly cancel: CancelTimer } | undefined;
  #shuttingDown = false;

  constructor({ clock, rateLimiter: limiter = rateLimiter<T>(), metrics }: WorkQueueOptions<T>) {
    this.#clock = clock;
    this.#limiter = limiter;
    this.#metrics = metrics;
  }

  /** Items ready to be taken. */
  get length(): number {
    return this.#ready.length - this.#head;
  }

  get shuttingDown(): boolean {
    return this.#shuttingDown;
  }

  /** After shutDown nothing is added any more. */
  add(item: T): void {
    if (this.#shuttingDown || this.#dirty.has(item)) return;
    this.#dirty.set(item, this.#clock.monotonic());
    if (!this.#processing.has(item)) this.#push(item);
    this.#metrics?.added(this.length);
  }

  addAfter(item: T, delayMs: number): void {
    if (this.#shuttingDown) return;
    this.#metrics?.retried();
    if (delayMs <= 0) return this.add(item);
    this.#delayed.add(item, this.#clock.monotonic() + delayMs);
    this.#arm();
  }

  /** Adds it after a delay that grows with each failure since `forget`, and is `leastMs` at least. */
  addRateLimited(item: T, leastMs = 0): void {
    this.addAfter(item, Math.max(leastMs, this.#limiter.when(item, this.#clock.monotonic())));
  }

  /** `item` went well: its next failure waits shortest again. */
  forget(item: T): void {
    this.#limiter.forget(item);
  }

  failures(item: T): number {
    return this.#limiter.failures(item);
  }

  /** The next item, once there is one; undefined when the queue was shut down and is empty. Call `done` with it. */
  get(): Promise<{ readonly item: T } | undefined> {
    if (this.length > 0) return Promise.resolve({ item: this.#take() });
    if (this.#shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  done(item: T): void {
    const since = this.#processing.get(item);
    if (since === undefined) return;
    this.#processing.delete(item);
    this.#metrics?.finished((this.#clock.monotonic() - since) / 1000);
    if (this.#dirty.has(item)) this.#push(item);
  }

  /** Nothing more is added, what waits for later is dropped; items that are ready can still be taken. */
  shutDown(): void {
    this.#shuttingDown = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#delayed.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  /** Seconds that items have been with workers: all together, and the longest. Source: updateUnfinishedWork. */
  unfinished(): { readonly totalSeconds: number; readonly longestSeconds: number } {
    const now = this.#clock.monotonic();
    const ages = [...this.#processing.values()].map((since) => (now - since) / 1000);
    return { totalSeconds: ages.reduce((sum, age) => sum + age, 0), longestSeconds: Math.max(0, ...ages) };
  }

  #push(item: T): void {
    this.#ready.push(item);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting({ item: this.#take() });
  }

  #take(): T {
    const item = this.#ready[this.#head] as T;
    this.#head++;
    if (this.#head > 1024 || this.#head === this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
    const now = this.#clock.monotonic();
    const added = this.#dirty.get(item) ?? now;
    this.#dirty.delete(item);
    this.#processing.set(item, now);
    this.#metrics?.taken(this.length, (now - added) / 1000);
    return item;
  }

  /** One timer for all delayed items, armed for the first. Whole milliseconds, so that it never fires just before its time. */
  #arm(): void {
    const due = this.#delayed.nextDue;
    if (due === undefined || (this.#timer !== undefined && this.#timer.due <= due)) return;
    this.#timer?.cancel();
    this.#timer = { due, cancel: this.#clock.after(Math.ceil(due - this.#clock.monotonic()), () => this.#release()) };
  }

  #release(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let due = this.#delayed.popDue(now); due !== undefined; due = this.#delayed.popDue(now)) this.add(due.item);
    this.#arm();
  }
}
