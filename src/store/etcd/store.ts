// The engine for many machines: a real etcd cluster, by gRPC. What the contract says, etcd does; here it is asked.
import { systemClock, type Clock } from '#base/clock.ts';
import { randomIds, type Ids } from '#base/ids.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { ResultStream } from '#base/result-stream.ts';
import {
  FutureRevisionError,
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
import { checkTtl, drawLease } from '../lease-grant.ts';
import { Cluster } from './cluster.ts';
import { type EtcdTls, Members } from './members.ts';
import { COMPACT, LEASE_GRANT, LEASE_REVOKE } from './methods.ts';
import { range } from './range.ts';
import { isServiceError, refusalOf, unavailable } from './refusals.ts';
import { snapshot } from './snapshot.ts';
import { transact } from './transact.ts';
import { EtcdWatch, WATCH_QUEUE } from './watch.ts';

/** Largest request a server takes, in bytes. Source: etcd embed.DefaultMaxRequestBytes. */
const MAX_REQUEST_BYTES = 1536 << 10;

/** What keys, conditions and framing may take of a request beside one value. */
const REQUEST_MARGIN_BYTES = 16 << 10;

export interface EtcdStoreOptions {
  /** `host:port`, `http://host:port` or `https://host:port` of each member; the first that answers is used. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly logger?: Logger;
  /** Unread batches a watch may hold before it is cut off; 1,024 by default. */
  readonly watchQueue?: number;
  /** The servers' `--max-request-bytes`; etcd's default when absent. */
  readonly maxRequestBytes?: number;
}

/**
 * Connects to a cluster.
 * @throws TypeError for an endpoint that is none; StoreUnavailableError when no member answers
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { endpoints, tls, clock = systemClock, logger = silentLogger } = options;
  const members = new Members({ endpoints, ...(tls === undefined ? {} : { tls }), clock, logger });
  const cluster = new Cluster(members, clock);
  try {
    await cluster.currentRevision();
  } catch (error) {
    members.close();
    throw isServiceError(error) ? unavailable(error, 'read') : error;
  }
  return new EtcdStore(members, cluster, options);
}

class EtcdStore implements Store {
  readonly maxValueBytes: number;
  readonly writeFault = undefined;
  readonly #members: Members;
  readonly #cluster: Cluster;
  readonly #ids: Ids;
  readonly #watchQueue: number;
  readonly #watches = new Set<EtcdWatch>();
  #accepted = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(members: Members, cluster: Cluster, options: EtcdStoreOptions) {
    this.#members = members;
    this.#cluster = cluster;
    this.#ids = options.ids ?? randomIds;
    this.#watchQueue = options.watchQueue ?? WATCH_QUEUE;
    this.maxValueBytes = (options.maxRequestBytes ?? MAX_REQUEST_BYTES) - REQUEST_MARGIN_BYTES;
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#run('read', () => range(this.#cluster, request));
  }

  transact(transaction: Transaction): Promise<TransactionResult> {
    return this.#run('write', () => transact(this.#cluster, this.maxValueBytes, transaction));
  }

  watch(request: WatchRequest): Watch {
    if (this.#closing !== undefined) {
      const refused = new ResultStream<WatchBatch>(1);
      refused.fail(closedError());
      return refused;
    }
    const watch = new EtcdWatch(this.#cluster, request, { queue: this.#watchQueue, onEnd: () => this.#watches.delete(watch) });
    this.#watches.add(watch);
    watch.start();
    return watch;
  }

  compact(revision: number): Promise<void> {
    return this.#run('read', async () => {
      try {
        await this.#cluster.call(COMPACT, { revision });
      } catch (error) {
        const refusal = isServiceError(error) ? refusalOf(error) : undefined;
        if (refusal === 'compacted') return;
        if (refusal === 'future') throw new FutureRevisionError(await this.#cluster.currentRevision());
        throw error;
      }
      this.#cluster.compacted(revision);
    });
  }

  grantLease(ttlSeconds: number): Promise<number> {
    return this.#run('write', async () => {
      checkTtl(ttlSeconds);
      for (;;) {
        const id = drawLease(this.#ids);
        try {
          await this.#cluster.call(LEASE_GRANT, { TTL: ttlSeconds, ID: id });
          return id;
        } catch (error) {
          if (!isServiceError(error) || refusalOf(error) !== 'lease exists') throw error;
        }
      }
    });
  }

  revokeLease(lease: number): Promise<void> {
    return this.#run('write', async () => {
      try {
        await this.#cluster.call(LEASE_REVOKE, { ID: lease });
      } catch (error) {
        if (!isServiceError(error) || refusalOf(error) !== 'no lease') throw error;
      }
    });
  }

  status(): Promise<StoreStatus> {
    return this.#run('read', async () => {
      const revision = await this.#cluster.currentRevision();
      const { sizeBytes, compactRevision, reportsProgress } = await this.#cluster.details();
      if (reportsProgress) for (const watch of this.#watches) watch.askProgress(revision);
      return { engine: 'etcd', revision, compactRevision, sizeBytes };
    });
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    if (this.#closing !== undefined) throw closedError();
    yield* snapshot(this.#members);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#accepted]);
    for (const watch of this.#watches) watch.end();
    this.#members.close();
  }

  /** Runs a call that `close` waits for, and turns what etcd says into what the contract says. */
  async #run<T>(effect: 'read' | 'write', call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    const running = call();
    this.#accepted.add(running);
    try {
      return await running;
    } catch (error) {
      throw isServiceError(error) ? unavailable(error, effect) : error;
    } finally {
      this.#accepted.delete(running);
    }
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('the store is closed');
}
