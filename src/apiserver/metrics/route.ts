// /metrics in Prometheus' text format.
import { collectDefaultMetrics, Registry as PromRegistry } from 'prom-client';
import { gauge, GaugeFamily } from '#base/metrics.ts';
import type { Store } from '#store/contract.ts';
import type { AdmissionMetrics } from '../admission/metrics.ts';
import type { AggregatorMetrics } from '../aggregation/metrics.ts';
import type { AuditSink } from '../audit/contract.ts';
import type { CacheHub } from '../cache/hub.ts';
import type { ConversionMetrics } from '../extensions/conversion/metrics.ts';
import type { RuleMetrics } from '../extensions/rule-metrics.ts';
import type { Route } from '../routes/contract.ts';
import type { FlowControl } from '../stages/flow-control.ts';
import type { RequestInfo } from '../request.ts';
import type { AccessMetrics } from './access.ts';
import type { StoreMetrics } from './metered-store.ts';
import type { WatchMetrics } from './watches.ts';
import { groupAndResource } from './resource-labels.ts';
import { reportedVerb, scopeOf, type RequestMetrics } from './requests.ts';

export interface MetricsSources {
  readonly requests: RequestMetrics;
  readonly admission: AdmissionMetrics;
  readonly aggregator: AggregatorMetrics;
  readonly conversion: ConversionMetrics;
  readonly rules: RuleMetrics;
  readonly hub: CacheHub;
  readonly store: Store;
  readonly flowControl: FlowControl;
  readonly audit: AuditSink | undefined;
  readonly encryption: { expose(): string } | undefined;
  readonly access: AccessMetrics;
  readonly watches: WatchMetrics;
  readonly storeMetrics: StoreMetrics;
  /** Of components in the same process, each in Prometheus' text format. */
  readonly figures: readonly (() => string)[];
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
        sources.conversion.expose(),
        sources.rules.expose(),
        sources.access.expose(),
        sources.watches.expose(),
        sources.storeMetrics.expose(),
        longRunning(sources.longRunning()),
        inFlight(sources.flowControl),
        sources.flowControl.expose?.() ?? '',
        sources.audit?.expose() ?? '',
        sources.encryption?.expose() ?? '',
        await storage(sources),
        ...sources.figures.map((expose) => expose()),
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

/** Source: apiserver_longrunning_requests. */
function longRunning(infos: readonly RequestInfo[]): string {
  const active = new GaugeFamily('apiserver_longrunning_requests', '[STABLE] Watches and streams under way.', [
    'component',
    'group',
    'resource',
    'scope',
    'subresource',
    'verb',
    'version',
  ]);
  for (const info of infos) {
    const { group, version, resource, subresource } = info;
    active.of('apiserver', group, resource, scopeOf(info), subresource, reportedVerb(info), version).add();
  }
  return active.expose();
}

function inFlight(flowControl: FlowControl): string {
  const { readOnly, mutating } = flowControl.inFlight;
  return gauge(
    'apiserver_current_inflight_requests',
    '[STABLE] Requests that hold a seat now, by kind.',
    ['request_kind'],
    [
      [['readOnly'], readOnly],
      [['mutating'], mutating],
    ],
  );
}

async function storage({ hub, store }: MetricsSources): Promise<string> {
  const caches = [...hub.caches()];
  const watched = caches.filter((cache) => cache.watchers.size > 0);
  const { sizeBytes, revision } = await store.status();
  const figure = (name: string, help: string, value: number): string => gauge(name, help, [], [[[], value]]);
  return [
    gauge(
      'apiserver_resource_objects',
      'Objects kept, by group and resource.',
      ['group', 'resource'],
      caches.map((cache) => [groupAndResource(cache.resource.name), cache.size]),
    ),
    gauge(
      'apiserver_storage_objects',
      '[STABLE] Objects kept, by resource.',
      ['resource'],
      caches.map((cache) => [[cache.resource.name], cache.size]),
    ),
    gauge(
      'apiserver_registered_watchers',
      'Watchers, by resource.',
      ['resource'],
      watched.map((cache) => [[cache.resource.name], cache.watchers.size]),
    ),
    gauge(
      'apiserver_storage_size_bytes',
      '[STABLE] Bytes that the store takes on disk.',
      ['storage_cluster_id'],
      [[['etcd-0'], sizeBytes]],
    ),
    figure('apiserver_watch_cache_resource_version', 'Revision up to which the caches have followed the store.', hub.progress.revision),
    figure('apiserver_storage_resource_version', 'Revision of the store.', revision),
  ].join('');
}
