// The store contract: a revisioned, ordered key-value store. Types and promises only; engines are in ./embedded
// and ./etcd, and contract-suite.ts proves both keep every promise written here.

/**
 * Keys are UTF-8 strings without NUL, ordered by their UTF-8 bytes, at most 1,024 bytes.
 * Values are opaque bytes, at most `maxValueBytes`. A value handed out is never changed and must not be.
 *
 * Every committed transaction that writes gets the next revision: a positive integer, one higher than the last,
 * shared by all keys it writes (each key at most once a transaction). Revision 0 in a request means "now".
 */
export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the put that created this key (again). */
  readonly createRevision: number;
  /** Revision of the last put of this key: the `resourceVersion` of a Kubernetes object. */
  readonly modRevision: number;
  /** Puts since creation, from 1. */
  readonly version: number;
  /** The lease this key lives by; 0 for none. */
  readonly lease: number;
  /** Why the value cannot be read, and is empty: see `unreadable` of requests. */
  readonly unreadable?: string;
}

export interface RangeRequest {
  /** First key, inclusive. */
  readonly start: string;
  /** First key no longer included. Absent: only `start` itself. Use `prefixEnd` for a prefix. */
  readonly end?: string;
  /** Read as of this revision; 0 or absent for now. */
  readonly revision?: number;
  /** Most entries returned; absent or 0 for all. */
  readonly limit?: number;
  /** Entries come with an empty value. */
  readonly keysOnly?: boolean;
  /** No entries, only `count`. */
  readonly countOnly?: boolean;
  /**
   * Entries whose values cannot be read come too, marked, where the whole read would fail otherwise. Engines can read all they
   * have; a store that keeps values encrypted in another one may not.
   */
  readonly unreadable?: boolean;
}

export interface RangeResponse {
  /** In ascending key order. */
  readonly entries: readonly KeyValue[];
  /** Keys in the whole range at that revision, whatever `limit`. */
  readonly count: number;
  /** More entries follow the last one returned. */
  readonly more: boolean;
  /** The store's revision when it answered (not the revision read). */
  readonly revision: number;
}

/** Holds when the key's modRevision is exactly this; 0 means the key does not exist. */
export interface Condition {
  readonly key: string;
  readonly modRevision: number;
}

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: number }
  /** Deleting an absent key is no write and no event. */
  | { readonly kind: 'delete'; readonly key: string };

export interface Transaction {
  /** All must hold, judged at the moment of commit. */
  readonly conditions: readonly Condition[];
  readonly operations: readonly Operation[];
  /** Keys whose present entries are wanted back when a condition fails, so that a conflict costs no second read. */
  readonly readOnFailure?: readonly string[];
}

export type TransactionResult =
  | {
      readonly committed: true;
      /** Revision of the writes; the current one if nothing was written. Durable once the promise resolves. */
      readonly revision: number;
    }
  | {
      readonly committed: false;
      readonly revision: number;
      /** For `readOnFailure`, in its order; undefined where the key is absent. */
      readonly present: readonly (KeyValue | undefined)[];
    };

export interface WatchRequest {
  readonly start: string;
  /** As in RangeRequest. */
  readonly end?: string;
  /** First revision wanted, inclusive; 0 or absent: from the next write on. */
  readonly revision?: number;
  /** Also send each key's entry before the change. */
  readonly previous?: boolean;
  /** As in RangeRequest. */
  readonly unreadable?: boolean;
}

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: an empty value, `modRevision` the revision of the delete, `version` 0. */
  readonly entry: KeyValue;
  /** Asked for with `previous`; absent where the key did not exist or its history was compacted. */
  readonly previous?: KeyValue;
}

/**
 * All events of one or more whole transactions, in revision order: a transaction is never split over batches.
 * A batch without events is progress: everything up to `revision` has been delivered.
 */
export interface WatchBatch {
  readonly events: readonly StoreEvent[];
  /** Highest revision this batch completes. */
  readonly revision: number;
}

/**
 * Ordered, gapless and without duplicates. Ends with CompactedError if `revision` was compacted before it could be
 * read, with StreamOverflow (#base/result-stream.ts) if the reader falls too far behind, with StoreUnavailableError
 * when the engine lost its connection; after each the reader re-reads and watches again.
 */
export type Watch = AsyncIterableIterator<WatchBatch>;

/** The revision asked for is older than the compacted one; `compactRevision` is the oldest that can be read. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly compactRevision: number;
  constructor(compactRevision: number) {
    super(`required revision has been compacted (oldest is ${compactRevision})`);
    this.compactRevision = compactRevision;
  }
}

/** The revision asked for is higher than the store's current one. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
  readonly current: number;
  constructor(current: number) {
    super(`required revision is a future revision (current is ${current})`);
    this.current = current;
  }
}

/** The transaction is refused whole: a key or value is too large, a key is written twice, or a lease is unknown. */
export class InvalidTransactionError extends Error {
  override readonly name = 'InvalidTransactionError';
}

/**
 * The engine cannot serve now (disk full, I/O error, no quorum, closed). The write may or may not have happened when
 * `outcome` is `unknown`; it certainly did not when it is `none`.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly outcome: 'none' | 'unknown';
  constructor(message: string, outcome: 'none' | 'unknown' = 'none', options?: ErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

export interface StoreStatus {
  readonly engine: 'embedded' | 'etcd';
  readonly revision: number;
  /** Oldest revision that can be read. */
  readonly compactRevision: number;
  /** Bytes on disk. */
  readonly sizeBytes: number;
}

export interface Store {
  /** Largest value a put may carry, in bytes (etcd's default request limit, 1.5 MiB, or higher). */
  readonly maxValueBytes: number;

  /**
   * Why the disk did not take the last write that it was given; undefined while it takes them, and of a store whose disks are a
   * server's elsewhere. Reads go on.
   */
  readonly writeFault: string | undefined;

  /**
   * A consistent read. `revision` 0 sees every transaction acknowledged before the call.
   * @throws CompactedError, FutureRevisionError, StoreUnavailableError
   */
  range(request: RangeRequest): Promise<RangeResponse>;

  /**
   * Applies all operations, or none if a condition does not hold. Resolves when the outcome is durable: an
   * acknowledged write survives `kill -9` and power loss.
   * @throws InvalidTransactionError, StoreUnavailableError
   */
  transact(transaction: Transaction): Promise<TransactionResult>;

  /** See Watch. A revision higher than the current one waits for it. */
  watch(request: WatchRequest): Watch;

  /**
   * Forgets entries that were overwritten or deleted before `revision`: afterwards reads below it fail with
   * CompactedError and reads at it and above still succeed. Compacting twice at one revision is fine.
   * @throws FutureRevisionError, StoreUnavailableError
   */
  compact(revision: number): Promise<void>;

  /**
   * A lease of `ttlSeconds` (whole, at least 1); its keys are deleted in one transaction soon after it expires.
   * Leases survive a restart with their full time to live.
   */
  grantLease(ttlSeconds: number): Promise<number>;

  /** Deletes the lease and all its keys. Unknown leases are no error. */
  revokeLease(lease: number): Promise<void>;

  status(): Promise<StoreStatus>;

  /** A consistent copy of the whole store at its current revision, in order: the input of `restore` of the engine. */
  snapshot(): AsyncIterable<Uint8Array>;

  /** Ends watches, finishes accepted writes, frees everything. Later calls reject with StoreUnavailableError. */
  close(): Promise<void>;
}

/**
 * The first key after all keys that start with `prefix`, for RangeRequest.end. The prefix must not be empty.
 * Kubernetes keys are ASCII with `/`, so raising the last character is enough.
 */
export function prefixEnd(prefix: string): string {
  const last = prefix.length - 1;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}
