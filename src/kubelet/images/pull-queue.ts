// How many images are pulled at once.

/** Runs tasks at most `limit` at a time, in the order they came. Source: serialImagePuller, parallelImagePuller. */
export class PullQueue {
  readonly #limit: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Infinity for no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(); // hands its place over
    }
  }
}
