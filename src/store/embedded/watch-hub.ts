// Live watches: who wants which keys, and what a commit sends to whom. A commit costs what its interested watches
// cost: watches are found by key, not asked one by one.
import type { ResultStream } from '#base/result-stream.ts';
import { type StoreEvent, StoreUnavailableError, type WatchBatch } from '../contract.ts';
import { entryOf } from './entry.ts';
import type { KeyRange } from './key-tree.ts';
import { readValue } from './values.ts';
import type { Version } from './version.ts';

/** A watch that has everything up to `delivered` and gets the rest as it is committed. */
export interface LiveWatch {
  readonly range: KeyRange;
  readonly previous: boolean;
  readonly stream: ResultStream<WatchBatch>;
  /** Highest revision delivered, or the one before the first that is wanted. */
  delivered: number;
  /** Events of the commit being published. */
  gathered: StoreEvent[];
}

export class WatchHub {
  /** Ascending by start of range. */
  #watches: LiveWatch[] = [];
  /** At each index the highest end of the ranges up to there: further left none reaches a key that is not below it. */
  #reach: string[] = [];

  get size(): number {
    return this.#watches.length;
  }

  add(watch: LiveWatch): void {
    this.#set([...this.#watches, watch].toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1)));
  }

  remove(watch: LiveWatch): void {
    this.#set(this.#watches.filter((other) => other !== watch));
  }

  /** Sends the writes of a commit, ascending by revision, to the watches that want them. */
  publish(versions: readonly Version[], values: readonly Uint8Array[], revision: number): void {
    if (this.#watches.length === 0) return;
    const touched: LiveWatch[] = [];
    for (let i = 0; i < versions.length; i++) this.#gather(versions[i] as Version, values[i] as Uint8Array, touched);
    for (const watch of touched) {
      const events = watch.gathered;
      watch.gathered = [];
      watch.delivered = revision;
      watch.stream.push({ events, revision });
    }
  }

  /** Tells watches that wait for events how far the store has come without them. */
  progress(revision: number): void {
    for (const watch of this.#watches) {
      if (watch.delivered >= revision || watch.stream.size > 0) continue;
      watch.delivered = revision;
      watch.stream.push({ events: [], revision });
    }
  }

  endAll(): void {
    for (const { stream } of this.#watches) stream.end();
  }

  #set(watches: LiveWatch[]): void {
    this.#watches = watches;
    let reach = '';
    this.#reach = watches.map(({ range }) => (reach = range.end > reach ? range.end : reach));
  }

  #gather(version: Version, value: Uint8Array, touched: LiveWatch[]): void {
    const { key, modRevision } = version;
    const watches = this.#watches; // a watch that ends meanwhile leaves the list by replacing it
    let plain: StoreEvent | undefined;
    for (let i = this.#lastStart(key); i >= 0 && (this.#reach[i] as string) > key; i--) {
      const watch = watches[i] as LiveWatch;
      if (watch.range.end <= key || modRevision <= watch.delivered) continue;
      plain ??= eventOf(version, value);
      const event = watch.previous ? withPrevious(plain, version, watch) : plain;
      if (event === undefined) continue;
      if (watch.gathered.length === 0) touched.push(watch);
      watch.gathered.push(event);
    }
  }

  /** Index of the last watch whose range does not start after `key`. */
  #lastStart(key: string): number {
    let low = 0;
    let high = this.#watches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#watches[middle] as LiveWatch).range.start <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

export function eventOf(version: Version, value: Uint8Array): StoreEvent {
  return { type: version.exists ? 'put' : 'delete', entry: entryOf(version, value) };
}

/** The event with the entry before it; undefined after ending a watch for which that cannot be read. */
function withPrevious(event: StoreEvent, { older }: Version, { stream }: LiveWatch): StoreEvent | undefined {
  if (older === undefined || !older.exists) return event;
  try {
    return { ...event, previous: entryOf(older, readValue(older)) };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    stream.fail(error);
    return undefined;
  }
}
