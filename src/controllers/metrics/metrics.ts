// The controllers' own figures, with upstream's names and labels; those of their queues are the queues' own. Source: the
// metrics package of each controller in pkg/controller and k8s.io/endpointslice.
import { networkMetrics } from './address-metrics.ts';
import { ClaimMetrics } from './claim-metrics.ts';
import { DEFAULT_BUCKETS, CounterFamily, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';
import { AttachDetachMetrics } from './attach-detach-metrics.ts';
import { autoscalerMetrics } from './autoscaler-metrics.ts';
import { poolStatusMetrics, trustBundleMetrics } from './gated-metrics.ts';
import { VolumeMetrics } from './volume-metrics.ts';

const FROM_MILLISECOND = exponentialBuckets(0.001, 2, 15);
const SYNC = ['completion_mode', 'result', 'action'];
const MODE = ['completion_mode', 'result'];
const ZONE = ['zone'];
const REASON = ['namespace', 'reason'];
const STATEFUL_SET = ['statefulset_namespace', 'statefulset_name', 'pod_management_policy'];

const MIRRORING = 'endpoint_slice_mirroring_controller';
const ENDPOINTS = exponentialBuckets(2, 2, 15);
const DELETION_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

export class ControllerMetrics {
  readonly job = {
    syncSeconds: new HistogramFamily(
      'job_controller_job_sync_duration_seconds',
      '[STABLE] The time it took to sync a job',
      SYNC,
      exponentialBuckets(0.004, 2, 15),
    ),
    syncs: new CounterFamily('job_controller_job_syncs_total', '[STABLE] The number of job syncs', SYNC),
    finished: new CounterFamily('job_controller_jobs_finished_total', '[STABLE] The number of finished jobs', [
      'completion_mode',
      'result',
      'reason',
    ]),
    podsFinished: new CounterFamily(
      'job_controller_job_pods_finished_total',
      '[STABLE] The number of finished Pods that are fully tracked',
      MODE,
    ),
    finishedIndexes: new CounterFamily('job_controller_job_finished_indexes_total', 'The number of finished indexes', [
      'status',
      'backoffLimit',
    ]),
    podsCreated: new CounterFamily('job_controller_job_pods_creation_total', 'The number of Pods created, or not, by reason', [
      'reason',
      'status',
    ]),
    external: new CounterFamily(
      'job_controller_jobs_by_external_controller_total',
      'The number of Jobs managed by an external controller',
      ['controller_name'],
    ),
    trackingFinalizers: new CounterFamily(
      'job_controller_terminated_pods_tracking_finalizer_total',
      'Terminated pods that got (add) or lost (delete) the finalizer batch.kubernetes.io/job-tracking',
      ['event'],
    ),
    failuresHandled: new CounterFamily(
      'job_controller_pod_failures_handled_by_failure_policy_total',
      'The number of failed Pods handled by failure policy, by the action of the rule that matched',
      ['action'],
    ),
  } as const;

  readonly cronJob = {
    skewSeconds: new HistogramFamily(
      'cronjob_controller_job_creation_skew_duration_seconds',
      '[STABLE] Time between when a cronjob is scheduled to be run, and when the corresponding job is created',
      [],
      exponentialBuckets(1, 2, 10),
    ),
  } as const;

  readonly endpointSlice = {
    added: new HistogramFamily(
      'endpoint_slice_controller_endpoints_added_per_sync',
      'Number of endpoints added on each Service sync',
      [],
      ENDPOINTS,
    ),
    removed: new HistogramFamily(
      'endpoint_slice_controller_endpoints_removed_per_sync',
      'Number of endpoints removed on each Service sync',
      [],
      ENDPOINTS,
    ),
    desired: new GaugeFamily('endpoint_slice_controller_endpoints_desired', 'Number of endpoints desired'),
    slices: new GaugeFamily('endpoint_slice_controller_num_endpoint_slices', 'Number of EndpointSlices'),
    desiredSlices: new GaugeFamily(
      'endpoint_slice_controller_desired_endpoint_slices',
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: new CounterFamily('endpoint_slice_controller_changes', 'Number of EndpointSlice changes', ['operation']),
    changedPerSync: new HistogramFamily(
      'endpoint_slice_controller_endpointslices_changed_per_sync',
      'Number of EndpointSlices changed on each Service sync',
      ['topology', 'traffic_distribution'],
      DEFAULT_BUCKETS,
    ),
    syncs: new CounterFamily('endpoint_slice_controller_syncs', 'Number of EndpointSlice syncs', ['result']),
    byDistribution: new GaugeFamily(
      'endpoint_slice_controller_services_count_by_traffic_distribution',
      'Number of Services using some specific trafficDistribution',
      ['traffic_distribution'],
    ),
  } as const;

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

  readonly mirroring = {
    added: new HistogramFamily(`${MIRRORING}_endpoints_added_per_sync`, 'Number of endpoints added on each Endpoints sync', [], ENDPOINTS),
    updated: new HistogramFamily(
      `${MIRRORING}_endpoints_updated_per_sync`,
      'Number of endpoints updated on each Endpoints sync',
      [],
      ENDPOINTS,
    ),
    removed: new HistogramFamily(
      `${MIRRORING}_endpoints_removed_per_sync`,
      'Number of endpoints removed on each Endpoints sync',
      [],
      ENDPOINTS,
    ),
    skipped: new HistogramFamily(
      `${MIRRORING}_addresses_skipped_per_sync`,
      'Number of addresses skipped on each Endpoints sync due to being invalid or exceeding MaxEndpointsPerSubset',
      [],
      ENDPOINTS,
    ),
    seconds: new HistogramFamily(`${MIRRORING}_endpoints_sync_duration`, 'Duration of syncEndpoints() in seconds', [], FROM_MILLISECOND),
    desired: new GaugeFamily(`${MIRRORING}_endpoints_desired`, 'Number of endpoints desired'),
    slices: new GaugeFamily(`${MIRRORING}_num_endpoint_slices`, 'Number of EndpointSlices'),
    desiredSlices: new GaugeFamily(
      `${MIRRORING}_desired_endpoint_slices`,
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: new CounterFamily(`${MIRRORING}_changes`, 'Number of EndpointSlice changes', ['operation']),
  } as const;

  readonly volumes = new VolumeMetrics();

  readonly claims = new ClaimMetrics();

  readonly networks = networkMetrics();

  readonly attachDetach = new AttachDetachMetrics();

  readonly ttlAfterFinished = {
    deletionSeconds: new HistogramFamily(
      'ttl_after_finished_controller_job_deletion_duration_seconds',
      'The time it took to delete the job since it became eligible for deletion',
      [],
      exponentialBuckets(0.1, 2, 14),
    ),
  } as const;

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
