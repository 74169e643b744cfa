// pure
// Percentiles by verb and resource from the API server's own histogram.

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
