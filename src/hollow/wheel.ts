// A timer wheel: each item once a period, all of them spread evenly over it, with one timer for all.
import type { CancelTimer, Clock } from '#base/clock.ts';

export interface WheelOptions<T> {
  readonly clock: Clock;
  /** Milliseconds between two turns of an item. */
  readonly periodMs: number;
  /** Parts of the period, each with a tick of its own. */
  readonly slots: number;
  readonly fire: (item: T) => void;
}

export class Wheel<T> {
  readonly #options: WheelOptions<T>;
  readonly #slots: T[][];
  #filled = 0;
  #turn = 0;
  #timer: CancelTimer | undefined;

  constructor(options: WheelOptions<T>) {
    this.#options = options;
    this.#slots = Array.from({ length: options.slots }, () => []);
    this.#arm();
  }

  add(item: T): void {
    this.#slots[this.#filled++ % this.#slots.length]?.push(item);
  }

  stop(): void {
    this.#timer?.();
  }

  #arm(): void {
    const { clock, periodMs, slots, fire } = this.#options;
    this.#timer = clock.after(periodMs / slots, () => {
      this.#arm();
      for (const item of this.#slots[this.#turn++ % slots] ?? []) fire(item);
    });
  }
}
