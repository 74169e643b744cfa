// Large bodies are read by turns: so many bytes in one turn of the event loop, one user after the other. All that arrived
// meanwhile is served in between, so that hundreds of them at once hold up themselves and nobody else for long.

/** Bodies up to here wait for nobody, bytes. */
const SMALL = 16 * 1024;
/** Begun in one turn while less than that was, bytes: it is exceeded by the last one. */
const TURN = 64 * 1024;
/** How many times as much as JSON a byte of YAML costs. */
const YAML_COST = 8;

interface Waiting {
  readonly cost: number;
  readonly signal: AbortSignal;
  readonly begin: () => void;
}

export class BodyTurns {
  /** Of the turn that is now. */
  #spent = 0;
  #armed = false;
  /** By user, longest unserved first. As many as there are requests under way at most. */
  readonly #waiting = new Map<string, Waiting[]>();

  /**
   * Undefined: the body may be read at once. Else resolves when it is its turn.
   * @param signal ends the wait: who is gone takes no turn
   */
  take(user: string, body: { readonly length: number; readonly isYaml: boolean }, signal: () => AbortSignal): Promise<void> | undefined {
    const cost = body.isYaml ? body.length * YAML_COST : body.length;
    if (cost <= SMALL) return undefined;
    if (this.#waiting.size === 0 && this.#spent < TURN) {
      this.#spend(cost);
      return undefined;
    }
    return new Promise((resolve) => {
      const queue = this.#waiting.get(user) ?? [];
      queue.push({ cost, signal: signal(), begin: resolve });
      this.#waiting.set(user, queue);
    });
  }

  #spend(cost: number): void {
    this.#spent += cost;
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#armed = false;
    this.#spent = 0;
    for (const [user, queue] of this.#waiting) {
      if (this.#spent >= TURN) return;
      this.#waiting.delete(user);
      const next = queue.shift() as Waiting;
      if (queue.length > 0) this.#waiting.set(user, queue); // behind all others
      if (!next.signal.aborted) this.#spend(next.cost);
      next.begin();
    }
  }
}
