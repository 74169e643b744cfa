// Counts and times of requests, under upstream's names. Source: apiserver endpoints/metrics.
import type { RequestInfo } from '../request.ts';
import { isLongRunning } from '../stages/request-info.ts';

/** Seconds. Source: requestLatencies buckets. */
const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
/** Most label combinations kept; more would come from made-up paths only. */
const MAX_SERIES = 10_000;

interface Series {
  readonly labels: string;
  readonly byCode: Map<number, number>;
  readonly buckets: Float64Array;
  sum: number;
  count: number;
  readonly timed: boolean;
}

export class RequestMetrics {
  readonly #series = new Map<string, Series>();

  /** @param ms how long it took */
  observe(info: RequestInfo, code: number, ms: number): void {
    const series = this.#find(info);
    if (series === undefined) return;
    series.byCode.set(code, (series.byCode.get(code) ?? 0) + 1);
    if (!series.timed) return;
    const seconds = ms / 1_000;
    series.sum += seconds;
    series.count++;
    // Cumulative sums are made when they are read.
    let at = 0;
    while (at < BUCKETS.length && seconds > (BUCKETS[at] as number)) at++;
    series.buckets[at] = (series.buckets[at] as number) + 1;
  }

  /** Text exposition format. */
  expose(): string {
    const lines = [
      '# HELP apiserver_request_total Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
      '# TYPE apiserver_request_total counter',
    ];
    for (const { labels, byCode } of this.#series.values()) {
      for (const [code, count] of byCode) lines.push(`apiserver_request_total{${labels},code="${code}"} ${count}`);
    }
    lines.push(
      '# HELP apiserver_request_duration_seconds Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
      '# TYPE apiserver_request_duration_seconds histogram',
    );
    for (const { labels, buckets, sum, count, timed } of this.#series.values()) {
      if (!timed) continue;
      let total = 0;
      BUCKETS.forEach((le, i) => {
        total += buckets[i] as number;
        lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${le}"} ${total}`);
      });
      lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`);
      lines.push(
        `apiserver_request_duration_seconds_sum{${labels}} ${sum}`,
        `apiserver_request_duration_seconds_count{${labels}} ${count}`,
      );
    }
    return `${lines.join('\n')}\n`;
  }

  #find(info: RequestInfo): Series | undefined {
    const scope = !info.isResourceRequest ? '' : info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster';
    const key = `${info.verb}/${info.group}/${info.version}/${info.resource}/${info.subresource}/${scope}`;
    let series = this.#series.get(key);
    if (series === undefined && this.#series.size < MAX_SERIES) {
      const labels = Object.entries({
        component: 'apiserver',
        dry_run: '',
        group: info.group,
        resource: info.resource,
        scope,
        subresource: info.subresource,
        verb: VERBS[info.verb] ?? info.verb.toUpperCase(),
        version: info.version,
      })
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',');
      series = { labels, byCode: new Map(), buckets: new Float64Array(BUCKETS.length + 1), sum: 0, count: 0, timed: !isLongRunning(info) };
      this.#series.set(key, series);
    }
    return series;
  }
}

/** Source: metrics.CleanVerb: HTTP methods, where reads of collections are told apart. */
const VERBS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};
