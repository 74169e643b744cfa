// A watch by a caller in this process: an iterator over shared objects.
import { resourceExpired } from '#apimachinery/errors.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { WatchEvent, WatchStream } from '#client/contract.ts';
import type { Answer } from '../handlers/answer.ts';
import type { WatchItem } from '../registry/watch-queue.ts';
import type { OpenWatch } from '../registry/watch.ts';
import type { RequestWalk } from '../walk.ts';

type Event = WatchEvent<unknown>;
type WatchAnswer = Answer & { readonly kind: 'watch' };

export interface LoopbackWatchDeps {
  readonly walk: RequestWalk;
  readonly clock: Clock;
  /** Whether the objects have theirs. */
  readonly managedFields: boolean;
  begin(): Promise<WatchAnswer>;
  /** Called once, when nothing more comes. */
  closed(): void;
}

export class LoopbackWatch implements WatchStream<unknown> {
  readonly #deps: LoopbackWatchDeps;
  #answer: WatchAnswer | undefined;
  #open: OpenWatch | undefined;
  #cancelTimeout: CancelTimer = () => {};
  #waiting: (() => void) | undefined;
  #over = false;

  constructor(deps: LoopbackWatchDeps) {
    this.#deps = deps;
  }

  async next(): Promise<IteratorResult<Event>> {
    if (this.#open === undefined && !this.#over) await this.#start();
    for (;;) {
      if (this.#over || this.#open === undefined) return { value: undefined, done: true };
      const { queue } = this.#open;
      const item = queue.take();
      if (item !== undefined) return this.#give(item);
      if (queue.overflowed) {
        this.#close();
        throw resourceExpired('too old resource version: the watch fell too far behind');
      }
      if (queue.ended) {
        this.#close();
        // Whoever watched broke it off: the reason is theirs.
        const { walk } = this.#deps;
        if (walk.aborted) throw walk.signal.reason;
        return { value: undefined, done: true };
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
  }

  async #start(): Promise<void> {
    const { walk, clock } = this.#deps;
    let answer: WatchAnswer;
    try {
      answer = await this.#deps.begin();
    } catch (error) {
      this.#close();
      if (walk.aborted) return; // whoever watched has left
      throw error;
    }
    if (this.#over) return;
    const open = answer.watch.open();
    this.#answer = answer;
    this.#open = open;
    const wake = (): void => this.#waiting?.();
    const end = (): void => {
      open.queue.end();
      wake();
    };
    open.queue.wake = wake;
    this.#cancelTimeout = clock.after(answer.watch.timeoutMs, end);
    walk.signal.addEventListener('abort', end, { once: true });
    if (walk.aborted) end();
  }

  #give(item: WatchItem): IteratorResult<Event> {
    switch (item.kind) {
      case 'event': {
        const { served } = this.#answer as WatchAnswer;
        const view = served.view(item.object);
        return { value: { type: item.type, object: this.#deps.managedFields ? view.object : view.trimmed }, done: false };
      }
      case 'bookmark':
        return {
          value: { type: 'BOOKMARK', resourceVersion: String(item.revision), initialEventsEnd: item.initialEventsEnd },
          done: false,
        };
      case 'error':
        this.#close();
        throw item.error;
    }
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deps.closed();
    this.#open?.close();
    this.#cancelTimeout();
    this.#waiting?.();
  }

  return(): Promise<IteratorResult<Event>> {
    this.#close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
