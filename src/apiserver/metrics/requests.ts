// Counts, times and sizes of requests, under upstream's names. Source: apiserver pkg/endpoints/metrics metrics.go.
import { CounterFamily, exponentialBuckets, GaugeFamily, HistogramFamily, type Counter, type Histogram } from '#base/metrics.ts';
import type { Query, RequestInfo } from '../request.ts';
import { isLongRunning } from '../stages/request-info.ts';

/** Seconds. Source: requestLatencies, requestSliLatencies. */
const SLI_SECONDS = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const SECONDS = [0.005, 0.025, ...SLI_SECONDS];
/** Bytes. Source: responseSizes. */
const SIZES = exponentialBuckets(1_000, 10, 7);
/** Most kinds of request remembered. */
const MAX_KINDS = 20_000;

const KIND = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];

/** A request that is over. */
interface Served {
  readonly info: RequestInfo;
  readonly query: Query;
  readonly isApply: boolean;
  readonly elapsedMs: number;
  /** Of these, milliseconds spent waiting for a seat and for webhooks: they say nothing about this server. */
  readonly waitedMs: number;
}

/** The series of requests of one kind: found by one look-up, since every request is counted. */
interface Kind {
  readonly labels: readonly string[];
  readonly byCode: Map<number, Counter>;
  readonly duration: Histogram | undefined;
  readonly sli: Histogram | undefined;
  readonly size: Histogram | undefined;
}

export class RequestMetrics {
  readonly #total = new CounterFamily(
    'apiserver_request_total',
    '[STABLE] Requests answered, by what they asked for and the status they got.',
    [...KIND, 'dry_run', 'code'],
  );
  readonly #durations = new HistogramFamily(
    'apiserver_request_duration_seconds',
    '[STABLE] Time from reading a request to the end of its answer, in seconds; watches and streams apart.',
    [...KIND, 'dry_run'],
    SECONDS,
  );
  readonly #sli = new HistogramFamily(
    'apiserver_request_sli_duration_seconds',
    'Time of a request in seconds, without what it waited for webhooks and for a seat.',
    KIND,
    SLI_SECONDS,
  );
  readonly #sizes = new HistogramFamily('apiserver_response_sizes', '[STABLE] Size of answers to reads, in bytes.', KIND, SIZES);
  readonly #terminations = new CounterFamily('apiserver_request_terminations_total', 'Requests ended so that the server survives.', [
    ...KIND,
    'code',
  ]);
  readonly #aborts = new CounterFamily(
    'apiserver_request_aborts_total',
    'Requests broken off before their answer was whole.',
    KIND.slice(0, -1),
  );
  readonly #deprecated = new GaugeFamily(
    'apiserver_requested_deprecated_apis',
    '[STABLE] Deprecated versions that were asked for, and when they go.',
    ['group', 'version', 'resource', 'subresource', 'removed_release'],
  );
  readonly #kinds = new Map<string, Kind>();
  readonly #serves: (info: RequestInfo) => boolean;

  /** @param serves whether there is such a resource and subresource: what is not there has no series, as upstream */
  constructor(serves: (info: RequestInfo) => boolean) {
    this.#serves = serves;
  }

  /**
   * @param code HTTP status
   * @param bytes size of the answer's body; undefined where nothing was encoded
   */
  observe({ info, query, isApply, elapsedMs, waitedMs }: Served, code: number, bytes: number | undefined): void {
    const dryRun = dryRunOf(query);
    const kind = this.#kind(info, isApply, dryRun);
    if (kind === undefined) return;
    let counter = kind.byCode.get(code);
    if (counter === undefined) {
      counter = this.#total.of(...kind.labels, dryRun, String(code));
      kind.byCode.set(code, counter);
    }
    counter.add();
    kind.duration?.observe(elapsedMs / 1_000);
    kind.sli?.observe(Math.max(0, elapsedMs - waitedMs) / 1_000);
    if (bytes !== undefined) kind.size?.observe(bytes);
  }

  /** @param removedRelease `1.39`, or empty */
  deprecated({ group, version, resource, subresource }: RequestInfo, removedRelease: string): void {
    this.#deprecated.of(group, version, resource, subresource, removedRelease).set(1);
  }

  /** The server refused it to protect itself (429), or ended it at its deadline (504). Source: RecordRequestTermination. */
  terminated(info: RequestInfo, code: number): void {
    if (this.#counts(info)) this.#terminations.of(...kindLabels(info), String(code)).add();
  }

  /** Nobody was left to answer. */
  aborted(info: RequestInfo): void {
    if (this.#counts(info)) this.#aborts.of(...kindLabels(info).slice(0, -1)).add();
  }

  /** Text exposition format. */
  expose(): string {
    const all = [this.#total, this.#durations, this.#sli, this.#sizes, this.#terminations, this.#aborts, this.#deprecated];
    return all.map((each) => each.expose()).join('');
  }

  #counts(info: RequestInfo): boolean {
    return !info.isResourceRequest || this.#serves(info);
  }

  #kind(info: RequestInfo, isApply: boolean, dryRun: DryRun): Kind | undefined {
    const { group, version, resource, subresource } = info;
    const verb = isApply ? 'APPLY' : reportedVerb(info);
    const key = `${verb}/${group}/${version}/${resource}/${subresource}/${scopeOf(info)}/${dryRun}`;
    let kind = this.#kinds.get(key);
    if (kind !== undefined || this.#kinds.size >= MAX_KINDS || !this.#counts(info)) return kind;
    const labels = [verb, ...kindLabels(info).slice(1)];
    const timed = !isLongRunning(info);
    kind = {
      labels,
      byCode: new Map(),
      duration: timed ? this.#durations.of(...labels, dryRun) : undefined,
      sli: timed && dryRun === '' ? this.#sli.of(...labels) : undefined,
      size: verb === 'GET' || verb === 'LIST' ? this.#sizes.of(...labels) : undefined,
    };
    this.#kinds.set(key, kind);
    return kind;
  }
}

type DryRun = '' | 'All' | 'invalid';

/** Source: cleanDryRun. */
const dryRunOf = (query: Query): DryRun =>
  !query.has('dryRun') ? '' : query.getAll('dryRun').every((value) => value === 'All') ? 'All' : 'invalid';

const kindLabels = (info: RequestInfo): readonly string[] => [
  reportedVerb(info),
  info.group,
  info.version,
  info.resource,
  info.subresource,
  scopeOf(info),
  'apiserver',
];

/** Source: metrics.CleanScope. */
export function scopeOf({ isResourceRequest, verb, name, namespace }: RequestInfo): string {
  if (!isResourceRequest) return '';
  return name !== '' || verb === 'create' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster';
}

/** Source: metrics.CanonicalVerb, CleanVerb: HTTP methods, where reads of collections and connections are told apart. */
export function reportedVerb(info: RequestInfo): string {
  if (info.isResourceRequest && info.verb !== 'watch' && isLongRunning(info)) return 'CONNECT';
  return VERBS[info.verb] ?? (info.isResourceRequest ? undefined : METHODS.get(info.verb)) ?? 'other';
}

const VERBS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};
/** Of requests for something else than resources. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['post', 'POST'],
  ['put', 'PUT'],
  ['head', 'GET'],
]);
