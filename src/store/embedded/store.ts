// The embedded engine: one process, one folder, no set-up. Its parts are in this folder; see README.md for the whole.
import { systemClock, type Clock } from '#base/clock.ts';
import { randomIds, type Ids } from '#base/ids.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { ResultStream } from '#base/result-stream.ts';
import {
  type RangeRequest,
  type RangeResponse,
  type Store,
  type StoreStatus,
  StoreUnavailableError,
  type Transaction,
  type TransactionResult,
  type Watch,
  type WatchBatch,
  type WatchRequest,
} from '../contract.ts';
import { clean, type CleaningOptions } from './cleaning.ts';
import { compact, forget } from './compact.ts';
import { type Disk, nodeDisk } from './disk.ts';
import { isDiskError } from './errors.ts';
import { claimFormat, writeCleanMark } from './folder.ts';
import { expireLease, grantLease, revokeLease } from './lease.ts';
import { Log } from './log.ts';
import { range } from './range.ts';
import { recover } from './recovery.ts';
import { snapshot } from './snapshot.ts';
import { StoreState } from './state.ts';
import { transact } from './transact.ts';
import { watch, WATCH_QUEUE } from './watch.ts';

export { restoreEmbeddedStore } from './snapshot.ts';

/** Largest value, in bytes. Source: etcd embed.DefaultMaxRequestBytes. */
const MAX_VALUE_BYTES = 1536 << 10;

/** A segment that reaches this size is sealed. */
const SEGMENT_BYTES = 64 << 20;

/** Bytes kept ready behind the last record. */
const HEADROOM_BYTES = 1 << 20;

/** How often idle watches learn how far the store has come, in milliseconds. */
const PROGRESS_MS = 5_000;

/** With less than this left, opening a store is refused: it could not even finish what it starts. */
const FREE_BYTES_TO_OPEN = 1 << 20;

export interface EmbeddedStoreOptions {
  /** The store's folder; made when it is missing. */
  readonly dir: string;
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly logger?: Logger;
  /** Unread batches a watch may hold before it is cut off; 1,024 by default. */
  readonly watchQueue?: number;
  /** Bytes after which a segment is sealed; 64 MiB by default. */
  readonly segmentBytes?: number;
  /** Bytes that are kept ready behind the last record; 1 MiB by default. */
  readonly headroomBytes?: number;
  /** The file system; for tests. */
  readonly disk?: Disk;
}

/**
 * Opens the store in `dir`, recovering from whatever ended the last run.
 * @throws StoreLockedError, StoreFormatError, StoreCorruptError (./errors.ts); StoreUnavailableError when the disk is full
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const { dir, disk = nodeDisk } = options;
  await disk.makeDirectory(dir);
  await assertSpace(disk, dir);
  const unlock = await disk.lock(dir);
  try {
    await claimFormat(disk, dir);
    return await openLocked(options, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function assertSpace(disk: Disk, directory: string): Promise<void> {
  const free = await disk.freeBytes(directory);
  if (free < FREE_BYTES_TO_OPEN) throw new StoreUnavailableError(`no space left for the store in ${directory}: ${free} bytes are free`);
}

async function openLocked(options: EmbeddedStoreOptions, unlock: () => Promise<void>): Promise<Store> {
  const { dir, clock = systemClock, ids = randomIds, logger = silentLogger, disk = nodeDisk } = options;
  const state: StoreState = new StoreState({ clock, ids, logger, expired: (lease) => void expireLease(state, lease) });
  const segments = await recover(state, { disk, directory: dir, logger });
  const folder = { disk, directory: dir, segmentBytes: options.segmentBytes ?? SEGMENT_BYTES, logger };
  state.log = new Log(segments, { ...folder, headroomBytes: options.headroomBytes ?? HEADROOM_BYTES, owner: state });
  await forget(state);
  for (const { id } of state.leases.all()) state.leases.start(id);
  return new EmbeddedStore(state, { ...folder, unlock, watchQueue: options.watchQueue ?? WATCH_QUEUE });
}

interface Surroundings extends CleaningOptions {
  readonly unlock: () => Promise<void>;
  readonly watchQueue: number;
}

class EmbeddedStore implements Store {
  readonly maxValueBytes = MAX_VALUE_BYTES;
  readonly #state: StoreState;
  readonly #around: Surroundings;
  #tidying: Promise<void>;
  #closing: Promise<void> | undefined;
  #stopProgress: () => void;

  constructor(state: StoreState, around: Surroundings) {
    this.#state = state;
    this.#around = around;
    state.onCompacted = () => {
      this.#tidying = this.#tidying.then(() => this.#tidy());
    };
    this.#tidying = this.#tidy(); // what the last run did not come to
    this.#stopProgress = this.#armProgress();
  }

  get writeFault(): string | undefined {
    return this.#state.writeFault;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    return range(this.#state, request);
  }

  transact(transaction: Transaction): Promise<TransactionResult> {
    return transact(this.#state, this.maxValueBytes, transaction);
  }

  watch(request: WatchRequest): Watch {
    if (!this.#state.closed) return watch(this.#state, request, this.#around.watchQueue);
    const refused = new ResultStream<WatchBatch>(1);
    refused.fail(new StoreUnavailableError('the store is closed'));
    return refused;
  }

  compact(revision: number): Promise<void> {
    return compact(this.#state, revision);
  }

  grantLease(ttlSeconds: number): Promise<number> {
    return grantLease(this.#state, ttlSeconds);
  }

  revokeLease(lease: number): Promise<void> {
    return revokeLease(this.#state, lease);
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    const { visible, compactRevision, log, hub } = this.#state;
    hub.progress(visible);
    const sizeBytes = log.segments.reduce((sum, { end }) => sum + end, 0);
    return { engine: 'embedded', revision: visible, compactRevision, sizeBytes };
  }

  snapshot(): AsyncIterable<Uint8Array> {
    return snapshot(this.#state);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const state = this.#state;
    state.closed = true;
    this.#stopProgress();
    state.leases.stopAll();
    await state.log.settled();
    for (const each of state.watches) each.end();
    await this.#tidying;
    await this.#markEnd();
    for (const segment of state.log.segments) await segment.release();
    await this.#around.unlock();
  }

  /** So that the next run can tell a loss from a crash; a full disk must not keep the store from closing. */
  async #markEnd(): Promise<void> {
    try {
      const end = await this.#state.log.seal();
      if (end !== undefined) await writeCleanMark(this.#around.disk, this.#around.directory, end);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      this.#state.logger.warn('store: closed without a mark at its end', { error });
    }
  }

  async #tidy(): Promise<void> {
    await forget(this.#state);
    if (!this.#state.closed) await clean(this.#state, this.#around);
  }

  #assertOpen(): void {
    if (this.#state.closed) throw new StoreUnavailableError('the store is closed');
  }

  #armProgress(): () => void {
    return this.#state.clock.after(PROGRESS_MS, () => {
      this.#state.hub.progress(this.#state.visible);
      this.#stopProgress = this.#armProgress();
    });
  }
}
