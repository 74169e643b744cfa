// Changes on their way to a watcher whose version a webhook makes: they wait, in order, until their objects can be shown.
import { internalError, StatusError } from '#apimachinery/errors.ts';
import type { Change } from '../cache/history.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { StorageForm } from './storage-form.ts';
import type { WatchItem, WatchQueue } from './watch-queue.ts';

/** Steps that may wait for the webhook; a watcher further behind is cut off. */
const MAX_WAITING = 10_000;

interface Step {
  readonly objects: readonly StoredObject[];
  /** Asked once the objects can be shown. */
  readonly items: () => Iterable<WatchItem>;
}

/** Every object that a change may show. */
export function objectsOf(change: Change): readonly StoredObject[] {
  const { next, previous } = change;
  return [...(next === undefined ? [] : [next]), ...(previous === undefined ? [] : [previous, change.gone])];
}

export class ConvertedChanges {
  readonly #form: StorageForm;
  readonly #queue: WatchQueue;
  readonly #signal: AbortSignal;
  #waiting: Step[] = [];
  #running = false;

  /** @param signal ends with the watch */
  constructor(form: StorageForm, queue: WatchQueue, signal: AbortSignal) {
    this.#form = form;
    this.#queue = queue;
    this.#signal = signal;
  }

  add(step: Step): void {
    if (this.#queue.ended) return;
    if (this.#waiting.length >= MAX_WAITING) return this.#end();
    this.#waiting.push(step);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0 && !this.#queue.ended) {
      const steps = this.#waiting;
      this.#waiting = [];
      try {
        await this.#form.ready(
          steps.flatMap(({ objects }) => objects),
          this.#signal,
        );
      } catch (error) {
        this.#queue.push({ kind: 'error', error: error instanceof StatusError ? error : internalError(error) });
        this.#end();
        break;
      }
      for (const { items } of steps) for (const item of items()) this.#queue.push(item);
      this.#queue.wake();
    }
    this.#running = false;
  }

  #end(): void {
    this.#waiting = [];
    this.#queue.end();
    this.#queue.wake();
  }
}
