// A Store in memory for tests of this module: every promise of the contract but durability, with all history kept.
import type { Clock } from '#base/clock.ts';
import { ResultStream } from '#base/result-stream.ts';
import {
  CompactedError,
  FutureRevisionError,
  InvalidTransactionError,
  StoreUnavailableError,
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  type Store,
  type StoreEvent,
  type StoreStatus,
  type Transaction,
  type TransactionResult,
  type Watch,
  type WatchBatch,
  type WatchRequest,
} from '#store/contract.ts';

const MAX_VALUE_BYTES = 1.5 * 2 ** 20;

interface Watcher {
  readonly request: WatchRequest;
  readonly stream: ResultStream<WatchBatch>;
}

const covers = ({ start, end }: { readonly start: string; readonly end?: string }, key: string): boolean =>
  end === undefined ? key === start : key >= start && key < end;

export class MemoryStore implements Store {
  readonly maxValueBytes = MAX_VALUE_BYTES;
  writeFault: string | undefined;
  readonly #clock: Clock;
  /** Every version of every key, oldest first; a delete has version 0. */
  readonly #history = new Map<string, KeyValue[]>();
  readonly #events: { readonly revision: number; readonly events: readonly StoreEvent[] }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #leases = new Map<number, () => void>();
  #nextLease = 1;
  #revision = 1;
  #compacted = 0;
  #closed = false;
  /** Thrown by the next transactions, one each: for tests of failing stores. */
  readonly failures: Error[] = [];
  /** Thrown by the next reads, one each. */
  readonly readFailures: Error[] = [];
  /** Present while watches are held: what they will be sent. */
  #held: (() => void)[] | undefined;
  /** Whether this server may think itself alone. */
  engine: StoreStatus['engine'] = 'embedded';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#guarded(() => {
      const failure = this.readFailures.shift();
      if (failure !== undefined) throw failure;
      const revision = request.revision === undefined || request.revision === 0 ? this.#revision : request.revision;
      if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
      if (revision < this.#compacted) throw new CompactedError(this.#compacted);
      const keys = [...this.#history.keys()].filter((key) => covers(request, key)).toSorted((a, b) => (a < b ? -1 : 1));
      const all = keys.map((key) => this.#at(key, revision)).filter((entry) => entry !== undefined);
      const limit = request.limit === undefined || request.limit === 0 ? all.length : request.limit;
      const entries = request.countOnly === true ? [] : all.slice(0, limit);
      return {
        entries: request.keysOnly === true ? entries.map((entry) => ({ ...entry, value: new Uint8Array() })) : entries,
        count: all.length,
        more: request.countOnly !== true && all.length > limit,
        revision: this.#revision,
      };
    });
  }

  transact({ conditions, operations, readOnFailure = [] }: Transaction): Promise<TransactionResult> {
    return this.#guarded(() => {
      const failure = this.failures.shift();
      if (failure !== undefined) throw failure;
      const keys = operations.map(({ key }) => key);
      if (new Set(keys).size !== keys.length) throw new InvalidTransactionError('a key is written twice');
      for (const operation of operations) {
        if (operation.kind === 'put' && operation.value.length > MAX_VALUE_BYTES) throw new InvalidTransactionError('value too large');
      }
      const holds = conditions.every(({ key, modRevision }) => (this.#at(key)?.modRevision ?? 0) === modRevision);
      if (!holds) return { committed: false, revision: this.#revision, present: readOnFailure.map((key) => this.#at(key)) };
      const writes = operations.filter((op) => op.kind === 'put' || this.#at(op.key) !== undefined);
      if (writes.length === 0) return { committed: true, revision: this.#revision };
      const revision = ++this.#revision;
      const events = writes.map((op): StoreEvent => {
        const previous = this.#at(op.key);
        const alive = previous !== undefined;
        const entry: KeyValue =
          op.kind === 'put'
            ? {
                key: op.key,
                value: op.value,
                createRevision: alive ? previous.createRevision : revision,
                modRevision: revision,
                version: alive ? previous.version + 1 : 1,
                lease: op.lease ?? 0,
              }
            : { key: op.key, value: new Uint8Array(), createRevision: 0, modRevision: revision, version: 0, lease: 0 };
        const versions = this.#history.get(op.key);
        if (versions === undefined) this.#history.set(op.key, [entry]);
        else versions.push(entry);
        return { type: op.kind, entry, ...(alive ? { previous } : {}) };
      });
      this.#events.push({ revision, events });
      for (const watcher of this.#watchers) this.#send(watcher, revision, events);
      return { committed: true, revision };
    });
  }

  watch(request: WatchRequest): Watch {
    const stream: ResultStream<WatchBatch> = new ResultStream(10_000, () => this.#watchers.delete(watcher));
    const watcher: Watcher = { request, stream };
    const from = request.revision === undefined || request.revision === 0 ? this.#revision + 1 : request.revision;
    if (from <= this.#compacted) {
      stream.fail(new CompactedError(this.#compacted));
      return stream;
    }
    for (const { revision, events } of this.#events) if (revision >= from) this.#send(watcher, revision, events);
    this.#watchers.add(watcher);
    return stream;
  }

  compact(revision: number): Promise<void> {
    return this.#guarded(() => {
      if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
      this.#compacted = Math.max(this.#compacted, revision);
    });
  }

  grantLease(ttlSeconds: number): Promise<number> {
    return this.#guarded(() => {
      const lease = this.#nextLease++;
      this.#leases.set(
        lease,
        this.#clock.after(ttlSeconds * 1_000, () => void this.revokeLease(lease)),
      );
      return lease;
    });
  }

  async revokeLease(lease: number): Promise<void> {
    this.#leases.get(lease)?.();
    this.#leases.delete(lease);
    const keys = [...this.#history.keys()].filter((key) => this.#at(key)?.lease === lease);
    await this.transact({ conditions: [], operations: keys.map((key) => ({ kind: 'delete', key })) });
  }

  status(): Promise<StoreStatus> {
    return this.#guarded(() => ({ engine: this.engine, revision: this.#revision, compactRevision: this.#compacted, sizeBytes: 0 }));
  }

  async *snapshot(): AsyncIterable<Uint8Array> {}

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#leases.values()) cancel();
    for (const { stream } of this.#watchers) stream.fail(new StoreUnavailableError('closed'));
  }

  /** Breaks every watch as a lost connection does. */
  breakWatches(): void {
    for (const { stream } of this.#watchers) stream.fail(new StoreUnavailableError('connection lost'));
  }

  /** Watches fall behind, as a loaded store's do, until the result is called. */
  holdWatches(): () => void {
    const held: (() => void)[] = (this.#held = []);
    return () => {
      this.#held = undefined;
      for (const send of held) send();
    };
  }

  #send({ request, stream }: Watcher, revision: number, events: readonly StoreEvent[]): void {
    const wanted = events.filter(({ entry }) => covers(request, entry.key));
    const send = (): void => void stream.push({ events: wanted, revision });
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }

  #at(key: string, revision = this.#revision): KeyValue | undefined {
    const entry = this.#history.get(key)?.findLast(({ modRevision }) => modRevision <= revision);
    return entry === undefined || entry.version === 0 ? undefined : entry;
  }

  /** As the engines do, answers in a later turn. */
  async #guarded<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#closed) throw new StoreUnavailableError('closed');
    return work();
  }
}
