// pure
// What the API server's own counters and histograms say of the requests it answered.

const BUCKET = /^apiserver_request_duration_seconds_bucket\{(.*),le="([^"]+)"\} (\d+)/;

/** Watches last as long as they like; these count what is answered. */
const IGNORED = new Set(['WATCH', 'CONNECT']);

/** `metrics` is the text of /metrics. A percentile is the upper bound of its bucket. */
export function latencyTable(metrics: string): string {
  const verbs = new Map<string, Map<number, number>>();
  for (const line of metrics.split('\n')) {
    const [, labels = '', bound = '', count = ''] = BUCKET.exec(line) ?? [];
    const verb = /verb="([^"]+)"/.exec(labels)?.[1];
    if (verb === undefined || IGNORED.has(verb)) continue;
    const buckets = verbs.get(verb) ?? new Map<number, number>();
    const le = bound === '+Inf' ? Infinity : Number(bound);
    buckets.set(le, (buckets.get(le) ?? 0) + Number(count));
    verbs.set(verb, buckets);
  }
  const rows = [...verbs].map(([verb, buckets]) => {
    const at = (p: number): string => `≤ ${percentile(buckets, p)} s`.padStart(11);
    return `${verb.padEnd(18)} ${String(buckets.get(Infinity)).padStart(9)} ${at(0.5)} ${at(0.9)} ${at(0.99)}`;
  });
  return ['API requests           count         p50         p90         p99', ...rows].join('\n');
}

function percentile(buckets: ReadonlyMap<number, number>, p: number): number {
  const total = buckets.get(Infinity) ?? 0;
  const sorted = [...buckets].toSorted(([a], [b]) => a - b);
  return sorted.find(([, count]) => count >= total * p)?.[0] ?? Infinity;
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
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    if (IGNORED.has(label('verb'))) continue;
    const subresource = label('subresource') === '' ? '' : `/${label('subresource')}`;
    const refused = label('code').startsWith('2') ? '' : ` (${label('code')})`;
    const kind = `${label('verb')} ${label('resource')}${subresource}${refused}`;
    counts.set(kind, (counts.get(kind) ?? 0) + Number(count));
  }
  return counts;
}
