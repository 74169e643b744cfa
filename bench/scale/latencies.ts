// pure
// What the API server's own counters and histograms say of the requests it answered.

/** A line of a histogram: its name, labels, upper bound and count. */
const BUCKET = /^(\w+)_bucket\{(.*),le="([^"]+)"\} (\d+)/;

/** Without what a request waited for webhooks and for a seat: what the SLO is of. Source: community sig-scalability/slos. */
const SLI = 'apiserver_request_sli_duration_seconds';
const WAITS = 'apiserver_flowcontrol_request_wait_duration_seconds';
const STORE = 'etcd_request_duration_seconds';

/** Watches last as long as they like; these count what is answered. */
const IGNORED = new Set(['WATCH', 'CONNECT']);

/** Of resources with fewer requests a percentile says little. */
const FEWEST_REQUESTS = 100;
const SLOWEST_SHOWN = 5;

/** Counts by upper bound. */
type Histogram = Map<number, number>;

/**
 * Of verbs; of what they were asked of, where that is slowest; how long requests waited for a seat, by priority level; the
 * store's operations. `metrics` is the text of /metrics; with an earlier one, of what came after that. A percentile is the upper
 * bound of its bucket.
 */
export function latencyTable(metrics: string, before = ''): string {
  const since = (name: string, keyOf: (labels: string) => string | undefined): Map<string, Histogram> => {
    const counts = histograms(metrics, name, keyOf);
    for (const [key, buckets] of histograms(before, name, keyOf))
      for (const [le, count] of buckets) counts.get(key)?.set(le, (counts.get(key)?.get(le) ?? 0) - count);
    return counts;
  };
  const answered = (labels: string): boolean => !IGNORED.has(labelOf(labels, 'verb'));
  const verbs = since(SLI, (labels) => (answered(labels) ? labelOf(labels, 'verb') : undefined));
  const kinds = since(SLI, (labels) => (answered(labels) ? `${labelOf(labels, 'verb')} ${kindOf(labels)}` : undefined));
  const slowest = [...kinds]
    .filter(([, buckets]) => total(buckets) >= FEWEST_REQUESTS)
    .toSorted(([, a], [, b]) => percentile(b, 0.99) - percentile(a, 0.99))
    .slice(0, SLOWEST_SHOWN);
  const waits = since(WAITS, (labels) => `wait for a seat: ${labelOf(labels, 'priority_level')}`);
  const store = since(STORE, (labels) => `store: ${labelOf(labels, 'operation')}`);
  return [
    'API requests                              count         p50         p90         p99',
    ...[...verbs, ...slowest, ...waits, ...store].map(row),
  ].join('\n');
}

function row([name, buckets]: readonly [string, Histogram]): string {
  const at = (p: number): string => `≤ ${percentile(buckets, p)} s`.padStart(11);
  return `${name.padEnd(36)} ${String(total(buckets)).padStart(9)} ${at(0.5)} ${at(0.9)} ${at(0.99)}`;
}

/** Those series of `name` taken together that `keyOf` calls the same; undefined leaves one out. */
function histograms(metrics: string, name: string, keyOf: (labels: string) => string | undefined): Map<string, Histogram> {
  const found = new Map<string, Histogram>();
  for (const line of metrics.split('\n')) {
    const [, of, labels = '', bound, count] = BUCKET.exec(line) ?? [];
    const key = of === name ? keyOf(labels) : undefined;
    if (key === undefined) continue;
    const buckets: Histogram = found.get(key) ?? new Map<number, number>();
    const le = bound === '+Inf' ? Infinity : Number(bound);
    buckets.set(le, (buckets.get(le) ?? 0) + Number(count));
    found.set(key, buckets);
  }
  return found;
}

const total = (buckets: Histogram): number => buckets.get(Infinity) ?? 0;

const labelOf = (labels: string, name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';

/** `pods/status` */
function kindOf(labels: string): string {
  const subresource = labelOf(labels, 'subresource');
  return `${labelOf(labels, 'resource')}${subresource === '' ? '' : `/${subresource}`}`;
}

function percentile(buckets: Histogram, p: number): number {
  const sorted = [...buckets].toSorted(([a], [b]) => a - b);
  return sorted.find(([, count]) => count >= total(buckets) * p)?.[0] ?? Infinity;
}

const TOTAL = /^apiserver_request_total\{(.*)\} (\d+)/;
/** Fewer of a kind than this a pod are not worth a line. */
const FEWEST_PER_POD = 0.01;

/** Requests by verb and resource between two texts of /metrics, for each of `pods`; the most frequent first. */
export function requestsPerPod(before: string, after: string, pods: number): string {
  const counts = requestCounts(after);
  for (const [kind, count] of requestCounts(before)) counts.set(kind, (counts.get(kind) ?? 0) - count);
  return [...counts]
    .map(([kind, count]) => ({ kind, each: count / pods }))
    .filter(({ each }) => each >= FEWEST_PER_POD)
    .toSorted((a, b) => b.each - a.each)
    .map(({ kind, each }) => `${each.toFixed(2)} ${kind}`)
    .join(', ');
}

function requestCounts(metrics: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of metrics.split('\n')) {
    const [, labels, count] = TOTAL.exec(line) ?? [];
    if (labels === undefined) continue;
    const [verb, code] = [labelOf(labels, 'verb'), labelOf(labels, 'code')];
    if (IGNORED.has(verb)) continue;
    const kind = `${verb} ${kindOf(labels)}${code.startsWith('2') ? '' : ` (${code})`}`;
    counts.set(kind, (counts.get(kind) ?? 0) + Number(count));
  }
  return counts;
}
