// What the proxy counts and times, under upstream's names. Source: pkg/proxy/metrics, nftables mode.
import type { Clock } from '#base/clock.ts';
import { CounterFamily, exponentialBuckets, gauge, HistogramFamily } from '#base/metrics.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { EndpointSlice } from '#api/types.ts';
import type { IpFamily } from '#apimachinery/ip.ts';

const steps = (first: number, step: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => first + i * step);

/** Seconds. Source: NetworkProgrammingLatency. */
const PROGRAMMING_BUCKETS = [...steps(0.25, 0.25, 2), ...steps(1, 1, 59), ...steps(60, 5, 12), ...steps(120, 30, 7)];

/** Service ports whose Local policy finds no endpoint on this node, though there are others. */
export interface WithoutLocal {
  readonly internal: number;
  readonly external: number;
}

export class ProxyMetrics {
  readonly #clock: Clock;
  /** A transaction is of all of them. */
  readonly #families: readonly IpFamily[];
  readonly #startedAt: number;
  readonly #programming = new HistogramFamily(
    'kubeproxy_network_programming_duration_seconds',
    'From the change of a pod or Service to rules that follow it.',
    ['ip_family'],
    PROGRAMMING_BUCKETS,
  );
  readonly #sync = new HistogramFamily(
    'kubeproxy_sync_proxy_rules_duration_seconds',
    'Time to carry changes over into rules.',
    ['ip_family'],
    exponentialBuckets(0.001, 2, 15),
  );
  readonly #changes = {
    service: new CounterFamily('kubeproxy_sync_proxy_rules_service_changes_total', 'Changes of Services.'),
    endpoint: new CounterFamily('kubeproxy_sync_proxy_rules_endpoint_changes_total', 'Changes of EndpointSlices.'),
  };
  readonly #failures = new CounterFamily('kubeproxy_sync_proxy_rules_nftables_sync_failures_total', 'Refused transactions.', ['ip_family']);
  readonly #answers = {
    healthz: new CounterFamily('kubeproxy_proxy_healthz_total', 'Answers at /healthz, by status.', ['code']),
    livez: new CounterFamily('kubeproxy_proxy_livez_total', 'Answers at /livez, by status.', ['code']),
  };
  /** Changes that no transaction has taken up, and those of the one under way or refused. */
  #waiting = { service: 0, endpoint: 0 };
  #carried = { service: 0, endpoint: 0 };
  /** When what changed a slice began, by slice; the first change counts that is not carried over. Milliseconds. */
  readonly #triggers = { waiting: new Map<string, number>(), carried: new Map<string, number>() };
  readonly #withoutLocal: Readonly<Record<IpFamily, Map<string, WithoutLocal>>> = { IPv4: new Map(), IPv6: new Map() };
  #began = 0;
  #lastQueued: number | undefined;
  #lastSynced: number | undefined;

  constructor(clock: Clock, families: readonly IpFamily[]) {
    this.#clock = clock;
    this.#families = families;
    this.#startedAt = clock.now();
    // Shown before the first of them, as upstream's are.
    for (const family of Object.values(this.#changes)) family.of();
    for (const family of families) this.#failures.of(family);
  }

  serviceChanged(): void {
    this.#changed('service');
  }

  sliceChanged({ metadata: { namespace, name, annotations } }: EndpointSlice): void {
    this.#changed('endpoint');
    const began = Date.parse(annotations?.[ANNOTATION.endpointsLastChange] ?? '');
    const key = `${namespace}/${name}`;
    const { waiting } = this.#triggers;
    // What changed before this proxy began says nothing of it. Source: trackerStartTime.
    if (began >= this.#startedAt && !waiting.has(key)) waiting.set(key, began);
  }

  sliceGone({ metadata: { namespace, name } }: EndpointSlice): void {
    this.#changed('endpoint');
    for (const triggers of Object.values(this.#triggers)) triggers.delete(`${namespace}/${name}`);
  }

  #changed(kind: 'service' | 'endpoint'): void {
    this.#changes[kind].of().add();
    this.#waiting[kind] += 1;
    this.#lastQueued = this.#clock.now();
  }

  /** A transaction takes up all that waits. */
  began(): void {
    this.#began = this.#clock.monotonic();
    const { waiting, carried } = this.#triggers;
    for (const [key, at] of waiting) carried.set(key, Math.min(at, carried.get(key) ?? at));
    waiting.clear();
    this.#carried = { service: this.#carried.service + this.#waiting.service, endpoint: this.#carried.endpoint + this.#waiting.endpoint };
    this.#waiting = { service: 0, endpoint: 0 };
  }

  /** It is in force. */
  synced(): void {
    const now = this.#clock.now();
    for (const family of this.#families) {
      this.#sync.of(family).observe((this.#clock.monotonic() - this.#began) / 1_000);
      for (const at of this.#triggers.carried.values()) this.#programming.of(family).observe(Math.max(0, now - at) / 1_000);
    }
    this.#triggers.carried.clear();
    this.#carried = { service: 0, endpoint: 0 };
    this.#lastSynced = now;
  }

  /** It was refused. */
  failed(): void {
    for (const family of this.#families) this.#failures.of(family).add();
  }

  answered(path: 'healthz' | 'livez', code: number): void {
    this.#answers[path].of(String(code)).add();
  }

  withoutLocal(service: string, family: IpFamily, count: WithoutLocal | undefined): void {
    if (count === undefined || count.internal + count.external === 0) this.#withoutLocal[family].delete(service);
    else this.#withoutLocal[family].set(service, count);
  }

  /** Prometheus' text format. */
  expose(): string {
    const pending = (kind: 'service' | 'endpoint', what: string): string =>
      gauge(
        `kubeproxy_sync_proxy_rules_${kind}_changes_pending`,
        `Changes of ${what} that are not in force.`,
        [],
        [[[], this.#waiting[kind] + this.#carried[kind]]],
      );
    const time = (name: string, help: string, at: number | undefined): string =>
      gauge(
        `kubeproxy_sync_proxy_rules_${name}_timestamp_seconds`,
        help,
        ['ip_family'],
        at === undefined ? [] : this.#families.map((family) => [[family], at / 1_000] as const),
      );
    const without = (family: IpFamily, policy: keyof WithoutLocal): number =>
      this.#withoutLocal[family].values().reduce((sum, each) => sum + each[policy], 0);
    const counted = [this.#programming, this.#sync, ...Object.values(this.#changes), this.#failures, ...Object.values(this.#answers)];
    return [
      ...counted.map((family) => family.expose()),
      pending('service', 'Services'),
      pending('endpoint', 'EndpointSlices'),
      time('last_queued', 'When a change came in last.', this.#lastQueued),
      time('last', 'When rules came into force last.', this.#lastSynced),
      gauge(
        'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
        'Service ports with a Local policy that have endpoints on other nodes only.',
        ['ip_family', 'traffic_policy'],
        this.#families.flatMap((family) =>
          (['internal', 'external'] as const).map((policy) => [[family, policy], without(family, policy)] as const),
        ),
      ),
    ].join('');
  }
}
