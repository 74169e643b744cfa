// How long a refused client is asked to wait: longer while many are refused. Source: dropped_requests_tracker.go.

const MAX_SECONDS = 32;

export class RetryAfter {
  #seconds = 1;
  #raisedAt: number;
  #second: number;
  #count = 0;
  #history: { readonly second: number; readonly refused: number }[] = [];

  /** @param now seconds; so below */
  constructor(now: number) {
    this.#second = now;
    this.#raisedAt = now;
  }

  get seconds(): number {
    return this.#seconds;
  }

  refused(now: number): void {
    if (now <= this.#second) {
      this.#count++;
      return;
    }
    this.#history.push({ second: this.#second, refused: this.#count });
    const kept = Math.min(2 * this.#seconds, MAX_SECONDS);
    this.#history = this.#history.filter(({ second }) => this.#second - second <= kept);
    [this.#second, this.#count] = [now, 1];
    const recent = this.#history.filter(({ second }) => now - second <= this.#seconds).reduce((sum, { refused }) => sum + refused, 0);
    if (now - this.#raisedAt >= this.#seconds && recent >= 3 * this.#seconds) {
      this.#seconds = Math.min(2 * this.#seconds, MAX_SECONDS);
      this.#raisedAt = now;
    } else if (recent < this.#seconds && this.#seconds > 1) this.#seconds--;
  }
}
