// Time as a dependency: code outside base never asks the global clock, so tests and replays own time.

/** Cancels a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

export interface Clock {
  /** Wall clock, milliseconds since the epoch; may jump either way when the machine's time is set. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for durations and deadlines. */
  monotonic(): number;
  /**
   * Calls `fire` once, `delayMs` milliseconds from now (0 or less: in a later turn of the event loop).
   * A timer never keeps the process alive by itself.
   */
  after(delayMs: number, fire: () => void): CancelTimer;
}

/** Longest delay a Node timer takes; longer ones are chained. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Node keeps a list for each length of timers. One that is empty stays until its time has come unless its last timer kept the process
 * alive: those of long timers of many lengths, as watches have, would pile up.
 */
const LONG_MS = 60_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer = setTimeout(() => (left > MAX_TIMEOUT_MS ? arm(left - MAX_TIMEOUT_MS) : fire()), Math.min(left, MAX_TIMEOUT_MS));
      timer.unref();
    };
    arm(Math.max(0, delayMs));
    return () => {
      if (delayMs >= LONG_MS) timer.ref();
      clearTimeout(timer);
    };
  },
};

/** Resolves after `delayMs` milliseconds, or rejects with the signal's reason as soon as it is aborted. */
export function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Whether `delayMs` milliseconds pass before `event` resolves. */
export async function elapses(clock: Clock, delayMs: number, event: Promise<unknown>): Promise<boolean> {
  const time = Promise.withResolvers<boolean>();
  const cancel = clock.after(delayMs, () => time.resolve(true));
  try {
    return await Promise.race([event.then(() => false), time.promise]);
  } finally {
    cancel();
  }
}

/** A clock that moves only when told: for tests and recorded replays. */
export class ManualClock implements Clock {
  #now: number;
  readonly #start: number;
  /** How far the wall clock was set from what it would be. Milliseconds. */
  #set = 0;
  #timers: { readonly due: number; readonly seq: number; readonly fire: () => void }[] = [];
  #seq = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now + this.#set;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, fire: () => void): CancelTimer {
    const timer = { due: this.#now + Math.max(0, delayMs), seq: this.#seq++, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time forward, firing due timers in order, each at its own due time. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((t) => t.due <= target).toSorted((a, b) => a.due - b.due || a.seq - b.seq)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#now = Math.max(this.#now, next.due);
      next.fire();
    }
    this.#now = target;
  }

  /** Sets the wall clock forward, or back if negative: no time passes. */
  jump(ms: number): void {
    this.#set += ms;
  }

  /** Timers that have not fired: lets a test assert that nothing was left armed. */
  get pending(): number {
    return this.#timers.length;
  }
}
