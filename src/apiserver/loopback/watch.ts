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

export class LoopbackWatch implements WatchStream<unknown> {
  readonly #walk: RequestWalk;
  readonly #clock: Clock;
  readonly #begin: () => Promise<WatchAnswer>;
  #answer: WatchAnswer | undefined;
  #open: OpenWatch | undefined;
  #cancelTimeout: CancelTimer = () => {};
  #waiting: (() => void) | undefined;
  #over = false;

  constructor(walk: RequestWalk, clock: Clock, begin: () => Promise<WatchAnswer>) {
    this.#walk = walk;
    this.#clock = clock;
    this.#begin = begin;
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
        if (this.#walk.aborted) throw this.#walk.signal.reason;
        return { value: undefined, done: true };
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
  }

  async #start(): Promise<void> {
    let answer: WatchAnswer;
    try {
      answer = await this.#begin();
    } catch (error) {
      this.#over = true;
      if (this.#walk.aborted) return; // whoever watched has left
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
    this.#cancelTimeout = this.#clock.after(answer.watch.timeoutMs, end);
    this.#walk.signal.addEventListener('abort', end, { once: true });
    if (this.#walk.aborted) end();
  }

  #give(item: WatchItem): IteratorResult<Event> {
    switch (item.kind) {
      case 'event': {
        const { served } = this.#answer as WatchAnswer;
        return { value: { type: item.type, object: served.view(item.object).object }, done: false };
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
