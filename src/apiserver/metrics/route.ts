// /metrics in Prometheus' text format.
import { collectDefaultMetrics, Registry as PromRegistry } from 'prom-client';
import type { Store } from '#store/contract.ts';
import type { AdmissionMetrics } from '../admission/metrics.ts';
import type { AggregatorMetrics } from '../aggregation/metrics.ts';
import type { AuditSink } from '../audit/contract.ts';
import type { CacheHub } from '../cache/hub.ts';
import type { Route } from '../routes/contract.ts';
import type { FlowControl } from '../stages/flow-control.ts';
import type { RequestInfo } from '../request.ts';
import type { AccessMetrics } from './access.ts';
import type { RequestMetrics } from './requests.ts';

export interface MetricsSources {
  readonly requests: RequestMetrics;
  readonly admission: AdmissionMetrics;
  readonly aggregator: AggregatorMetrics;
  readonly hub: CacheHub;
  readonly store: Store;
  readonly flowControl: FlowControl;
  readonly audit: AuditSink | undefined;
  readonly access: AccessMetrics;
  /** Watches and streams under way. */
  readonly longRunning: () => readonly RequestInfo[];
}

export function metricsRoute(sources: MetricsSources): Route {
  let process: PromRegistry | undefined;
  return {
    path: '/metrics',
    match: 'exact',
    listed: true,
    handle: async () => {
      if (process === undefined) {
        // Observers of the event loop cost a little: they start with the first reader.
        process = new PromRegistry();
        collectDefaultMetrics({ register: process });
      }
      const parts = [
        sources.requests.expose(),
        sources.admission.expose(),
        sources.aggregator.expose(),
        sources.access.expose(),
        longRunning(sources.longRunning()),
        inFlight(sources.flowControl),
        sources.flowControl.expose?.() ?? '',
        sources.audit?.expose() ?? '',
        await storage(sources),
        await process.metrics(),
      ];
      return {
        kind: 'bytes',
        code: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: Buffer.from(parts.join('')),
      };
    },
  };
}

function gauge(name: string, help: string, samples: readonly (readonly [labels: string, value: number])[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
}

/** Source: apiserver_longrunning_requests. */
function longRunning(infos: readonly RequestInfo[]): string {
  const counts = new Map<string, number>();
  for (const { verb, group, version, resource, subresource, namespace, name } of infos) {
    const scope = name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster';
    const labels = { component: 'apiserver', group, resource, scope, subresource, verb: verb === 'watch' ? 'WATCH' : 'CONNECT', version };
    const text = Object.entries(labels)
      .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      .join(',');
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return gauge('apiserver_longrunning_requests', 'Gauge of all active long-running apiserver requests.', [...counts]);
}

function inFlight(flowControl: FlowControl): string {
  const { readOnly, mutating } = flowControl.inFlight;
  return gauge(
    'apiserver_current_inflight_requests',
    'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
    [
      ['request_kind="readOnly"', readOnly],
      ['request_kind="mutating"', mutating],
    ],
  );
}

async function storage({ hub, store }: MetricsSources): Promise<string> {
  const caches = [...hub.caches()];
  const objects = caches.map((cache) => [`resource=${JSON.stringify(cache.resource.name)}`, cache.size] as const);
  const watchers = caches
    .filter((cache) => cache.watchers.size > 0)
    .map((cache) => [`resource=${JSON.stringify(cache.resource.name)}`, cache.watchers.size] as const);
  const { sizeBytes, revision } = await store.status();
  return (
    gauge('apiserver_storage_objects', 'Number of stored objects at the time of last check split by kind.', objects) +
    gauge('apiserver_registered_watchers', 'Number of currently registered watchers for a given resource.', watchers) +
    gauge('apiserver_storage_size_bytes', 'Size of the storage database file physically allocated in bytes.', [['', sizeBytes]]) +
    gauge('apiserver_watch_cache_resource_version', 'Current resource version of the watch cache.', [['', hub.revision]]) +
    gauge('apiserver_storage_resource_version', 'Revision of the store.', [['', revision]])
  );
}
