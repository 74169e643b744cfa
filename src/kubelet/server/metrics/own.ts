// `/metrics`: the kubelet's own figures. Source: pkg/kubelet/metrics, pkg/kubelet/server/metrics.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '#base/clock.ts';
import { DEFAULT_BUCKETS, gauge, HistogramFamily } from '#base/metrics.ts';
import { buildInfo } from '#api/build.ts';
import { CriError } from '#cri/errors.ts';
import type { FsStats, PodSummary } from '../../stats/summary.ts';
import type { KubeletHost } from '../contract.ts';

export interface OwnMetrics {
  /** Counts one request; call what it returns when it has ended. */
  begun(method: string, path: string): () => void;
  text(host: KubeletHost): Promise<string>;
}

/** The first part of a path, for labels. Source: getMetricBucket. */
const BUCKETS: ReadonlySet<string> = new Set(
  'attach checkpoint configz containerLogs exec healthz logs metrics pods portForward run runningpods stats'.split(' '),
);
const METHODS: ReadonlySet<string> = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);
/** Source: isLongRunningRequest. */
const LONG_RUNNING: ReadonlySet<string> = new Set(['exec', 'attach', 'portForward']);

export function ownMetrics(clock: Clock): OwnMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const labelNames = ['long_running', 'method', 'path', 'server_type'] as const;
  const registers = [registry];
  const total = new Counter({
    name: 'kubelet_http_requests_total',
    help: '[ALPHA] Number of the http requests received since the server started',
    labelNames,
    registers,
  });
  const inFlight = new Gauge({
    name: 'kubelet_http_inflight_requests',
    help: '[ALPHA] Number of the inflight http requests',
    labelNames,
    registers,
  });
  const duration = new HistogramFamily(
    'kubelet_http_requests_duration_seconds',
    'Duration in seconds to serve http requests',
    [...labelNames],
    DEFAULT_BUCKETS,
  );
  const nodeName = new Gauge({
    name: 'kubelet_node_name',
    help: "[ALPHA] The node's name. The count is always 1.",
    labelNames: ['node'],
    registers,
  });
  return {
    begun(method, path) {
      const [, root = ''] = path.split('/');
      const bucket = BUCKETS.has(root) ? root : 'other';
      const labels = {
        long_running: String(LONG_RUNNING.has(bucket)),
        method: METHODS.has(method) ? method : 'other',
        path: bucket,
        server_type: 'readwrite',
      };
      total.inc(labels);
      inFlight.inc(labels);
      const began = clock.monotonic();
      return () => {
        inFlight.dec(labels);
        const values = [labels.long_running, labels.method, labels.path, labels.server_type];
        duration.of(...values).observe((clock.monotonic() - began) / 1000);
      };
    },
    async text(host) {
      nodeName.set({ node: host.nodeName }, 1);
      return buildInfo() + (await registry.metrics()) + duration.expose() + host.figures() + (await volumeStats(host));
    },
  };
}

/** Source: pkg/kubelet/metrics/collectors/volume_stats.go. */
const VOLUME_STATS: readonly (readonly [name: string, help: string, of: (figures: FsStats) => number | undefined])[] = [
  ['available_bytes', 'Number of available bytes in the volume', ({ availableBytes }) => availableBytes],
  ['capacity_bytes', 'Capacity in bytes of the volume', ({ capacityBytes }) => capacityBytes],
  ['inodes', 'Maximum number of inodes in the volume', ({ inodes }) => inodes],
  ['inodes_free', 'Number of free inodes in the volume', ({ inodesFree }) => inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', ({ inodesUsed }) => inodesUsed],
  ['used_bytes', 'Number of used bytes in the volume', ({ usedBytes }) => usedBytes],
];

/** None while the runtime does not answer. */
async function volumeStats(host: KubeletHost): Promise<string> {
  try {
    return exposed((await host.summary()).pods);
  } catch (error) {
    if (error instanceof CriError) return '';
    throw error;
  }
}

/** Of each claim once, however many pods use it. */
function exposed(pods: readonly PodSummary[]): string {
  const byClaim = new Map(
    pods.flatMap(({ volume = [] }) =>
      volume.flatMap((each) => (each.pvcRef === undefined ? [] : [[`${each.pvcRef.namespace}/${each.pvcRef.name}`, each] as const])),
    ),
  );
  return VOLUME_STATS.map(([name, help, of]) => {
    const samples = [...byClaim.values()].flatMap((each) => {
      const value = of(each);
      return value === undefined ? [] : [[[each.pvcRef?.namespace ?? '', each.pvcRef?.name ?? ''], value] as const];
    });
    return gauge(`kubelet_volume_stats_${name}`, help, ['namespace', 'persistentvolumeclaim'], samples);
  }).join('');
}
