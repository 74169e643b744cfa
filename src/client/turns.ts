// Keeps a busy loop of promises from starving timers and sockets: promises alone never let the event loop turn.
import type { Clock } from '#base/clock.ts';
import { nextTurn } from '#base/next-turn.ts';

/** Longest a loop goes on without a turn, milliseconds. */
const MAX_TURN_MS = 10;

export class Turns {
  readonly #clock: Clock;
  #began: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** Whether the loop has had its time; then it awaits `next`. */
  get due(): boolean {
    return this.#clock.monotonic() - this.#began >= MAX_TURN_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#began = this.#clock.monotonic();
  }
}
