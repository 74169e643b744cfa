// A Store whose values are encrypted on their way in and decrypted on their way out. Everything above it sees plain values.
import type { Logger } from '#base/log.ts';
import {
  type KeyValue,
  type Operation,
  type RangeRequest,
  type RangeResponse,
  type Store,
  type StoreEvent,
  type Transaction,
  type TransactionResult,
  type Watch,
  type WatchBatch,
  type WatchRequest,
} from '#store/contract.ts';
import { bufferOf, DecryptionError, type Transformer, type TransformerOf } from './contract.ts';
import { ENCRYPTED, identity } from './prefixes.ts';

/** What encryption may add to a value, bytes: prefix, names, wrapped key, annotations. */
const OVERHEAD = 40 * 1_024;

export interface EncryptedStoreDeps {
  readonly inner: Store;
  /** Looked up for every value, so that a reload counts from the next one on. */
  readonly transformerOf: TransformerOf;
  /** `secrets`, `widgets.example.com`; undefined for keys that hold no object. */
  readonly resourceOf: (storeKey: string) => string | undefined;
  readonly logger: Logger;
}

export class EncryptedStore implements Store {
  readonly #deps: EncryptedStoreDeps;
  readonly maxValueBytes: number;

  constructor(deps: EncryptedStoreDeps) {
    this.#deps = deps;
    this.maxValueBytes = deps.inner.maxValueBytes - OVERHEAD;
  }

  get writeFault(): string | undefined {
    return this.#deps.inner.writeFault;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    const response = await this.#deps.inner.range(request);
    if (request.keysOnly === true || response.entries.length === 0) return response;
    const failed = request.unreadable === true ? marked : this.#untransformable;
    const entries = all(response.entries.map((entry) => this.#open(entry, failed)));
    return { ...response, entries: entries instanceof Promise ? await entries : entries };
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    const sealed = all(transaction.operations.map((operation) => this.#seal(operation)));
    const operations = sealed instanceof Promise ? await sealed : sealed;
    const result = await this.#deps.inner.transact({ ...transaction, operations });
    if (result.committed) return result;
    const present = all(result.present.map((entry) => (entry === undefined ? undefined : this.#open(entry, refused))));
    return { ...result, present: present instanceof Promise ? await present : present };
  }

  watch(request: WatchRequest): Watch {
    return this.#opened(this.#deps.inner.watch(request), request.unreadable === true ? marked : this.#untransformable);
  }

  /**
   * The value at `storeKey` was written by another key or provider than new ones are, so that a write that changes
   * nothing else is worth making. Source: GuaranteedUpdate, origStateIsStale.
   */
  async isStale(storeKey: string): Promise<boolean> {
    const resource = this.#deps.resourceOf(storeKey);
    const transformer = resource === undefined ? undefined : this.#deps.transformerOf(resource);
    if (transformer === undefined) return false;
    const { entries } = await this.#deps.inner.range({ start: storeKey });
    const [entry] = entries;
    return entry !== undefined && (await transformer.decrypt(entry.value, storeKey)).stale;
  }

  compact(revision: number): Promise<void> {
    return this.#deps.inner.compact(revision);
  }

  grantLease(ttlSeconds: number): Promise<number> {
    return this.#deps.inner.grantLease(ttlSeconds);
  }

  revokeLease(lease: number): Promise<void> {
    return this.#deps.inner.revokeLease(lease);
  }

  status(): ReturnType<Store['status']> {
    return this.#deps.inner.status();
  }

  /** As it is on disk: encrypted. */
  snapshot(): AsyncIterable<Uint8Array> {
    return this.#deps.inner.snapshot();
  }

  close(): Promise<void> {
    return this.#deps.inner.close();
  }

  #transformer(storeKey: string): Transformer | undefined {
    const resource = this.#deps.resourceOf(storeKey);
    return resource === undefined ? undefined : this.#deps.transformerOf(resource);
  }

  #seal(operation: Operation): Operation | Promise<Operation> {
    if (operation.kind !== 'put') return operation;
    const transformer = this.#transformer(operation.key);
    if (transformer === undefined) return operation;
    const value = transformer.encrypt(operation.value, operation.key);
    if (!(value instanceof Promise)) return { ...operation, value };
    return value.then((bytes) => ({ ...operation, value: bytes }));
  }

  #open(entry: KeyValue, failed: OnFailure): KeyValue | Promise<KeyValue> {
    if (entry.value.length === 0) return entry; // of a delete
    const resource = this.#deps.resourceOf(entry.key);
    if (resource === undefined) return entry; // nobody reads it yet: of a custom resource, while the server starts
    const transformer = this.#deps.transformerOf(resource);
    if (transformer === undefined && !isEncrypted(entry.value)) return entry;
    try {
      const found = (transformer ?? identity).decrypt(entry.value, entry.key);
      if (!(found instanceof Promise)) return { ...entry, value: found.value };
      return found.then(
        ({ value }) => ({ ...entry, value }),
        (error: unknown) => failed(entry, error),
      );
    } catch (error) {
      return failed(entry, error);
    }
  }

  /** The whole read fails. Source: etcd3 store GetList. */
  readonly #untransformable: OnFailure = ({ key }, error) => {
    if (!(error instanceof DecryptionError)) throw error;
    this.#deps.logger.error('a stored value cannot be decrypted', { key, error });
    throw new DecryptionError(`unable to transform key ${JSON.stringify(key)}: ${error.message}`, { cause: error });
  };

  /** Not a generator: `return` must end a watch that is waiting for its next batch. */
  #opened(watch: Watch, failed: OnFailure): Watch {
    const next = async (): Promise<IteratorResult<WatchBatch, undefined>> => {
      const { done, value } = await watch.next();
      if (done === true) return { done, value: undefined };
      const events = all(value.events.map((event: StoreEvent) => this.#openEvent(event, failed)));
      return { done: false, value: { ...value, events: events instanceof Promise ? await events : events } };
    };
    const opened: Watch = {
      next,
      return: async () => {
        await watch.return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => opened,
    };
    return opened;
  }

  #openEvent(event: StoreEvent, failed: OnFailure): StoreEvent | Promise<StoreEvent> {
    const entry = this.#open(event.entry, failed);
    const previous = event.previous === undefined ? undefined : this.#open(event.previous, failed);
    if (!(entry instanceof Promise) && !(previous instanceof Promise)) return opened(event, entry, previous);
    return Promise.all([entry, previous]).then(([now, before]) => opened(event, now, before));
  }
}

/** What becomes of an entry that cannot be decrypted. */
type OnFailure = (entry: KeyValue, error: unknown) => KeyValue;

const NOTHING = new Uint8Array();

/** It is asked for by itself. Source: etcd3 store getState. */
const refused: OnFailure = (_entry, error) => {
  throw error;
};

/** It comes without its value. */
const marked: OnFailure = (entry, error) => {
  if (!(error instanceof DecryptionError)) throw error;
  return { ...entry, value: NOTHING, unreadable: error.message };
};

const opened = ({ type }: StoreEvent, entry: KeyValue, previous: KeyValue | undefined): StoreEvent => ({
  type,
  entry,
  ...(previous === undefined ? {} : { previous }),
});

const MARK = Buffer.from(ENCRYPTED);
const isEncrypted = (value: Uint8Array): boolean =>
  value.length > MARK.length && bufferOf(value).compare(MARK, 0, MARK.length, 0, MARK.length) === 0;

/** Waits only where there is something to wait for. */
function all<T>(items: readonly (T | Promise<T>)[]): readonly T[] | Promise<readonly T[]> {
  return items.some((item) => item instanceof Promise) ? Promise.all(items) : (items as readonly T[]);
}
