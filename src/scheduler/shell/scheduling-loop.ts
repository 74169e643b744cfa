// When the scheduler works: after something happened, in slices that leave the event loop to others.
import type { CancelTimer, Clock } from '#base/clock.ts';

export interface LoopOptions {
  readonly clock: Clock;
  /** Tries one pod; false when there is none, or no room for its binding. */
  readonly step: () => boolean;
  /** Moves on pods whose time has come. */
  readonly flush: () => void;
  /** Milliseconds since the epoch when `flush` is next of use. */
  readonly nextFlush: () => number | undefined;
  /** One of these threw: what they work on may be in any state, so the loop has stopped. */
  readonly broke: (error: unknown) => void;
}

/** A slice ends after so many milliseconds or pods. */
const SLICE_MS = 8;
const SLICE_PODS = 256;

export class SchedulingLoop {
  readonly #options: LoopOptions;
  #state: 'stopped' | 'idle' | 'due' = 'stopped';
  #cancelTimer: CancelTimer = () => {};
  /** What the timer is set to. */
  #timerAt = Infinity;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'idle';
    this.wake();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancelTimer();
    this.#timerAt = Infinity;
  }

  /** Something may have become possible. Costs next to nothing when called often. */
  wake(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    setImmediate(() => {
      if (this.#state !== 'due') return;
      this.#state = 'idle';
      try {
        this.#slice();
      } catch (error) {
        this.stop();
        this.#options.broke(error);
      }
    });
  }

  #slice(): void {
    const { clock, step, flush } = this.#options;
    flush();
    const end = clock.monotonic() + SLICE_MS;
    for (let pods = 0; step(); pods++) {
      if (pods < SLICE_PODS && clock.monotonic() < end) continue;
      return this.wake();
    }
    this.#arm();
  }

  #arm(): void {
    const { clock, nextFlush } = this.#options;
    const next = nextFlush() ?? Infinity;
    if (next === this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = next;
    if (next === Infinity) return;
    this.#cancelTimer = clock.after(next - clock.now(), () => {
      this.#timerAt = Infinity;
      this.wake();
    });
  }
}
