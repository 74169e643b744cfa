// How many images are pulled at once.

/** Runs tasks at most `limit` at a time, in the order they came. Source: serialImagePuller, parallelImagePuller. */
export class PullQueue {
  readonly #limit: number;
  #running = 0;
  /** Each is told that it has its place. */
  readonly #waiting = new Set<() => void>();

  /** Infinity for no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws what the task throws; the signal's reason when it is aborted before the task begins */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.#limit) await this.#place(signal);
    else this.#running++;
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#running--;
      else next(); // hands its place over
    }
  }

  #place(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(signal?.reason as Error);
      };
      const enter = (): void => {
        this.#waiting.delete(enter);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      this.#waiting.add(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}
