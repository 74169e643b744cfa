// The controllers' own figures, with upstream's names and labels; those of their queues are the queues' own. Source: the
// metrics package of each controller in pkg/controller and k8s.io/endpointslice.
import { networkMetrics } from './address-metrics.ts';
import { ClaimMetrics } from './claim-metrics.ts';
import { CounterFamily, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';
import { AttachDetachMetrics } from './attach-detach-metrics.ts';
import { autoscalerMetrics } from './autoscaler-metrics.ts';
import { endpointSliceMetrics, mirroringMetrics } from './endpoints-metrics.ts';
import { cronJobMetrics, jobMetrics, ttlAfterFinishedMetrics } from './job-metrics.ts';
import { poolStatusMetrics, trustBundleMetrics } from './gated-metrics.ts';
import { VolumeMetrics } from './volume-metrics.ts';

const FROM_MILLISECOND = exponentialBuckets(0.001, 2, 15);
const ZONE = ['zone'];
const REASON = ['namespace', 'reason'];
const STATEFUL_SET = ['statefulset_namespace', 'statefulset_name', 'pod_management_policy'];

const DELETION_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

export class ControllerMetrics {
  readonly job = jobMetrics();

  readonly cronJob = cronJobMetrics();

  readonly endpointSlice = endpointSliceMetrics();

  readonly nodes = {
    health: new GaugeFamily('node_collector_zone_health', 'Percentage of healthy nodes per zone.', ZONE),
    size: new GaugeFamily('node_collector_zone_size', 'Number of registered Nodes per zone.', ZONE),
    unhealthy: new GaugeFamily('node_collector_unhealthy_nodes_in_zone', 'Number of not Ready Nodes per zone.', ZONE),
    evictions: new CounterFamily(
      'node_collector_evictions_total',
      '[STABLE] Number of Node evictions that happened since current instance of NodeController started.',
      ZONE,
    ),
    updateSeconds: new HistogramFamily(
      'node_collector_update_node_health_duration_seconds',
      'Duration in seconds for NodeController to update the health of a single node.',
      [],
      exponentialBuckets(0.001, 4, 8),
    ),
  } as const;

  readonly taintEviction = {
    deletions: new CounterFamily('taint_eviction_controller_pod_deletions_total', 'Pods deleted since the controller started.'),
    deletionSeconds: new HistogramFamily(
      'taint_eviction_controller_pod_deletion_duration_seconds',
      'Seconds between the time when a taint effect has been activated for the Pod and its deletion.',
      [],
      DELETION_SECONDS,
    ),
  } as const;

  readonly deviceTaintEviction = {
    deletions: new CounterFamily(
      'device_taint_eviction_controller_pod_deletions_total',
      'Total number of Pods deleted by DeviceTaintEvictionController since its start.',
    ),
    deletionSeconds: new HistogramFamily(
      'device_taint_eviction_controller_pod_deletion_duration_seconds',
      "Latency, in seconds, between the time when a device taint effect has been activated and a Pod's deletion via DeviceTaintEvictionController.",
      [],
      DELETION_SECONDS,
    ),
  } as const;

  readonly ephemeralVolume = {
    creations: new CounterFamily('ephemeral_volume_controller_create_total', 'Number of PersistentVolumeClaim creation requests'),
    failures: new CounterFamily(
      'ephemeral_volume_controller_create_failures_total',
      'Number of PersistentVolumeClaim creation requests that failed',
    ),
  } as const;

  readonly mirroring = mirroringMetrics();

  readonly volumes = new VolumeMetrics();

  readonly claims = new ClaimMetrics();

  readonly networks = networkMetrics();

  readonly attachDetach = new AttachDetachMetrics();

  readonly ttlAfterFinished = ttlAfterFinishedMetrics();

  readonly replicaSet = {
    deletionAgeRatio: new HistogramFamily(
      'replicaset_controller_sorting_deletion_age_ratio',
      "The ratio of chosen deleted pod's ages to the current youngest pod's age (at the time), of ready pods. Should be <2.",
      [],
      exponentialBuckets(0.25, 2, 6),
    ),
  } as const;

  readonly statefulSet = {
    maxUnavailable: new GaugeFamily(
      'statefulset_controller_statefulset_max_unavailable',
      '[BETA] Maximum number of unavailable pods allowed during StatefulSet rolling updates',
      STATEFUL_SET,
    ),
    unavailable: new GaugeFamily(
      'statefulset_controller_statefulset_unavailable_replicas',
      '[BETA] Current number of unavailable pods in StatefulSet',
      STATEFUL_SET,
    ),
  } as const;

  readonly garbageCollector = {
    syncErrors: new CounterFamily(
      'garbagecollector_controller_resources_sync_error_total',
      'Number of garbage collector resources sync errors',
    ),
  } as const;

  readonly autoscaler = autoscalerMetrics();

  readonly trustBundles = trustBundleMetrics();

  readonly poolStatus = poolStatusMetrics();

  readonly podGc = {
    deletions: new CounterFamily('pod_gc_collector_force_delete_pods_total', 'Number of pods that are being forcefully deleted.', REASON),
    errors: new CounterFamily(
      'pod_gc_collector_force_delete_pod_errors_total',
      'Errors encountered when forcefully deleting pods.',
      REASON,
    ),
  } as const;

  readonly rootCa = {
    syncs: new CounterFamily('root_ca_cert_publisher_sync_total', 'Number of namespace syncs happened in root ca cert publisher.', [
      'code',
    ]),
    syncSeconds: new HistogramFamily(
      'root_ca_cert_publisher_sync_duration_seconds',
      'Duration of namespace syncs happened in root ca cert publisher.',
      ['code'],
      FROM_MILLISECOND,
    ),
  } as const;

  constructor() {
    const { cronJob, endpointSlice, nodes, taintEviction, ttlAfterFinished, replicaSet, autoscaler, deviceTaintEviction, ephemeralVolume } =
      this;
    const counters = [
      this.garbageCollector.syncErrors,
      taintEviction.deletions,
      deviceTaintEviction.deletions,
      ephemeralVolume.creations,
      ephemeralVolume.failures,
      endpointSlice.desired,
      endpointSlice.slices,
      endpointSlice.desiredSlices,
      autoscaler.count,
    ];
    const histograms = [
      cronJob.skewSeconds,
      endpointSlice.added,
      endpointSlice.removed,
      nodes.updateSeconds,
      taintEviction.deletionSeconds,
      deviceTaintEviction.deletionSeconds,
    ];
    // What has no labels is shown before anything was counted.
    for (const family of [...counters, ...histograms, ttlAfterFinished.deletionSeconds, replicaSet.deletionAgeRatio]) family.of();
  }

  /** Prometheus' text format. */
  expose(): string {
    const { job, cronJob, endpointSlice, mirroring, nodes, taintEviction, deviceTaintEviction, ttlAfterFinished, replicaSet } = this;
    const { autoscaler, trustBundles, poolStatus, podGc, rootCa, ephemeralVolume, statefulSet, garbageCollector, networks } = this;
    const { volumes, claims, attachDetach } = this;
    const groups = [
      ...[job, cronJob, endpointSlice, mirroring, nodes, taintEviction, deviceTaintEviction, ttlAfterFinished, replicaSet],
      ...[
        autoscaler,
        trustBundles,
        poolStatus,
        podGc,
        rootCa,
        ephemeralVolume,
        statefulSet,
        garbageCollector,
        networks,
        { volumes, claims, attachDetach },
      ],
    ];
    return groups.flatMap((group) => Object.values<{ expose(): string }>(group).map((family) => family.expose())).join('');
  }
}

/** The code that requests of a pass end with. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return error === undefined ? '200' : typeof code === 'number' ? String(code) : '500';
}
