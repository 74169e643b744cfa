// A store whose reads and writes are timed, under upstream's names. Source: apiserver pkg/storage/etcd3/metrics metrics.go.
import type { Clock } from '#base/clock.ts';
import { CounterFamily, HistogramFamily } from '#base/metrics.ts';
import type { RangeRequest, RangeResponse, Store, Transaction, TransactionResult, Watch, WatchRequest } from '#store/contract.ts';
import { groupAndResource } from './resource-labels.ts';

/** Seconds. Source: etcdRequestLatency. */
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const LABELS = ['operation', 'group', 'resource'];

type Operation = 'get' | 'list' | 'create' | 'update' | 'delete';

export class StoreMetrics {
  readonly #durations = new HistogramFamily(
    'etcd_request_duration_seconds',
    'Time of one request to the store, in seconds.',
    LABELS,
    SECONDS,
  );
  readonly #requests = new CounterFamily('etcd_requests_total', 'Requests to the store.', LABELS);
  readonly #errors = new CounterFamily('etcd_request_errors_total', 'Requests that the store could not answer.', LABELS);

  observe(operation: Operation, resource: string, ms: number, failed: boolean): void {
    const [group, plural] = groupAndResource(resource);
    this.#requests.of(operation, group, plural).add();
    this.#durations.of(operation, group, plural).observe(ms / 1_000);
    if (failed) this.#errors.of(operation, group, plural).add();
  }

  expose(): string {
    return this.#durations.expose() + this.#requests.expose() + this.#errors.expose();
  }
}

export interface MeteredStoreDeps {
  readonly metrics: StoreMetrics;
  readonly clock: Clock;
  /** `pods`, `deployments.apps`: whose objects lie at such a key. */
  readonly resourceOf: (key: string) => string | undefined;
}

export function meteredStore(store: Store, { metrics, clock, resourceOf }: MeteredStoreDeps): Store {
  const timed = async <T>(operation: Operation, key: string, work: () => Promise<T>): Promise<T> => {
    const since = clock.monotonic();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      metrics.observe(operation, resourceOf(key) ?? '', clock.monotonic() - since, failed);
    }
  };
  return {
    maxValueBytes: store.maxValueBytes,
    get writeFault() {
      return store.writeFault;
    },
    range: (request: RangeRequest): Promise<RangeResponse> =>
      timed(request.end === undefined ? 'get' : 'list', request.start, () => store.range(request)),
    transact: (transaction: Transaction): Promise<TransactionResult> => {
      const [first] = transaction.operations;
      return first === undefined
        ? store.transact(transaction)
        : timed(operationOf(transaction, first), first.key, () => store.transact(transaction));
    },
    watch: (request: WatchRequest): Watch => store.watch(request),
    compact: (revision) => store.compact(revision),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    revokeLease: (lease) => store.revokeLease(lease),
    status: () => store.status(),
    snapshot: () => store.snapshot(),
    close: () => store.close(),
  };
}

function operationOf({ conditions }: Transaction, { kind, key }: Transaction['operations'][number]): Operation {
  if (kind === 'delete') return 'delete';
  return conditions.some((condition) => condition.key === key && condition.modRevision === 0) ? 'create' : 'update';
}
