// One watch: reads the past from the history as fast as its reader asks for it, then goes live in the same turn in
// which it has caught up, so that nothing falls between the two and nothing comes twice.
import { ResultStream } from '#base/result-stream.ts';
import { CompactedError, type StoreEvent, type Watch, type WatchBatch, type WatchRequest } from '../contract.ts';
import { entryOf } from './entry.ts';
import { toByteOrder } from '../key-order.ts';
import { keyRange } from './key-tree.ts';
import type { StoreState } from './state.ts';
import { NO_VALUE } from './transaction-plan.ts';
import { readValues } from './values.ts';
import type { Version } from './version.ts';
import { eventOf, type LiveWatch } from './watch-hub.ts';

/** Versions looked at before a batch of the past is handed over, or another turn of the event loop is let in. */
const LOOK_AT_MOST = 10_000;
/** Events in a batch of the past; a transaction is never split. */
const EVENTS_WANTED = 500;

/** Unread batches a live watch may hold before it is cut off. */
export const WATCH_QUEUE = 1024;

export function watch(state: StoreState, request: WatchRequest, queue: number): Watch {
  return new EmbeddedWatch(state, request, queue);
}

class EmbeddedWatch implements Watch {
  readonly #state: StoreState;
  readonly #live: LiveWatch;
  #mode: 'past' | 'live' = 'past';
  /** First revision not delivered yet, while in the past. */
  #next: number;

  constructor(state: StoreState, { start, end, revision = 0, previous = false }: WatchRequest, queue: number) {
    this.#state = state;
    this.#next = revision === 0 ? state.visible + 1 : revision;
    this.#live = {
      range: keyRange(toByteOrder(start), end === undefined ? undefined : toByteOrder(end)),
      previous,
      stream: new ResultStream<WatchBatch>(queue, () => this.#closed()),
      delivered: this.#next - 1,
      gathered: [],
    };
    state.watches.add(this);
    if (this.#next > state.visible) this.#goLive();
  }

  /** Reads of one watch follow each other: the contract's stream has one reader. */
  async next(): Promise<IteratorResult<WatchBatch>> {
    const { stream } = this.#live;
    while (this.#mode === 'past' && !stream.ended) {
      const batch = await this.#readPast();
      if (batch !== undefined && !stream.ended) return { value: batch, done: false };
    }
    return stream.next();
  }

  return(): Promise<IteratorResult<WatchBatch>> {
    return this.#live.stream.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Ends the watch with the store. */
  end(): void {
    this.#live.stream.end();
  }

  #closed(): void {
    this.#state.watches.delete(this);
    this.#state.hub.remove(this.#live);
  }

  #goLive(): void {
    this.#mode = 'live';
    this.#live.delivered = this.#next - 1;
    this.#state.hub.add(this.#live);
  }

  /** The next batch of the past, or undefined when there was none in what was looked at. */
  async #readPast(): Promise<WatchBatch | undefined> {
    const { visible, compactRevision } = this.#state;
    if (this.#next < compactRevision) {
      this.#live.stream.fail(new CompactedError(compactRevision));
      return undefined;
    }
    if (this.#next > visible) {
      this.#goLive();
      return undefined;
    }
    const { found, through } = this.#look();
    this.#next = through + 1;
    if (found.length === 0) {
      if (through < visible) await yieldTurn();
      return undefined;
    }
    try {
      return { events: await this.#events(found), revision: through };
    } catch (error) {
      this.#live.stream.fail(error);
      return undefined;
    }
  }

  /** The next matching versions of the past, whole transactions, and the revision up to which that is all. */
  #look(): { readonly found: readonly Version[]; readonly through: number } {
    const { history, visible } = this.#state;
    const { start, end } = this.#live.range;
    const found: Version[] = [];
    let position = history.seek(this.#next);
    const stop = position + LOOK_AT_MOST;
    let through = this.#next - 1;
    for (let version = history.at(position); version !== undefined; version = history.at(++position)) {
      if (version.modRevision !== through && (position >= stop || found.length >= EVENTS_WANTED)) return { found, through };
      through = version.modRevision;
      if (version.key >= start && version.key < end) found.push(version);
    }
    return { found, through: visible };
  }

  async #events(versions: readonly Version[]): Promise<readonly StoreEvent[]> {
    const wanted = new Map<Version, number>();
    const want = (version: Version | undefined): void => {
      if (version?.exists === true && !wanted.has(version)) wanted.set(version, wanted.size);
    };
    // All in one read: between two, compaction could forget what the second is for.
    const older = versions.map((version) => (this.#live.previous && version.older?.exists === true ? version.older : undefined));
    versions.forEach(want);
    older.forEach(want);
    const values = await readValues([...wanted.keys()], this.#state.clock);
    const valueOf = (version: Version): Uint8Array => values[wanted.get(version) ?? -1] ?? NO_VALUE;
    return versions.map((version, index) => {
      const event = eventOf(version, valueOf(version));
      const previous = older[index];
      return previous === undefined ? event : { ...event, previous: entryOf(previous, valueOf(previous)) };
    });
  }
}

function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
