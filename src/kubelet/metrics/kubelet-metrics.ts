// What the kubelet counts of its own work, for `/metrics`; what can be counted when it is asked for is in levels.ts.
// Source: pkg/kubelet/metrics, pkg/volume/util metrics.go.
import { CounterFamily, DEFAULT_BUCKETS, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';

const POD_START_SECONDS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const IMAGE_PULL_SECONDS = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const STATUS_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];
const STORAGE_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

type Labels = readonly string[];

const counter = (name: string, help: string, labels: Labels = []): CounterFamily => new CounterFamily(`kubelet_${name}`, help, labels);
const level = (name: string, help: string, labels: Labels = []): GaugeFamily => new GaugeFamily(`kubelet_${name}`, help, labels);
const histogram = (name: string, help: string, labels: Labels = [], buckets: readonly number[] = DEFAULT_BUCKETS): HistogramFamily =>
  new HistogramFamily(`kubelet_${name}`, help, labels, buckets);

/** Of the podresources API. */
const endpoint = (name: string, method: string) => ({
  requests: counter(
    `pod_resources_endpoint_requests_${name}`,
    `Number of requests to the PodResource ${method} endpoint. Broken down by server api version.`,
    ['server_api_version'],
  ),
  errors: counter(
    `pod_resources_endpoint_errors_${name}`,
    `Number of requests to the PodResource ${method} endpoint which returned error. Broken down by server api version.`,
    ['server_api_version'],
  ),
});

const PULLED_AND_INITIALISED =
  'measured from pod creation timestamp to when all its containers are reported as started and observed via watch';

/** One field a family; label values stand in the order of the names here. */
export class KubeletMetrics {
  readonly podWorkerDuration = histogram(
    'pod_worker_duration_seconds',
    'Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync',
    ['operation_type'],
  );
  readonly podWorkerStartDuration = histogram(
    'pod_worker_start_duration_seconds',
    'Duration in seconds from kubelet seeing a pod to starting a worker.',
  );
  readonly podStartDuration = histogram(
    'pod_start_duration_seconds',
    'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
    [],
    POD_START_SECONDS,
  );
  readonly podStartSliDuration = histogram(
    'pod_start_sli_duration_seconds',
    `Duration in seconds to start a pod, excluding time to pull images and run init containers, ${PULLED_AND_INITIALISED}`,
    [],
    POD_START_SECONDS,
  );
  readonly podStartTotalDuration = histogram(
    'pod_start_total_duration_seconds',
    `Duration in seconds to start a pod since creation, including time to pull images and run init containers, ${PULLED_AND_INITIALISED}`,
    [],
    POD_START_SECONDS,
  );
  readonly firstNetworkPodStartSliDuration = level(
    'first_network_pod_start_sli_duration_seconds',
    `[INTERNAL] Duration in seconds to start the first network pod, excluding time to pull images and run init containers, ${PULLED_AND_INITIALISED}`,
  );
  readonly podStatusSyncDuration = histogram(
    'pod_status_sync_duration_seconds',
    'Duration in seconds to sync a pod status update. Measures time from detection of a change to pod status until the API is successfully updated for that pod, even if multiple intevening changes to pod status occur.',
    [],
    STATUS_SECONDS,
  );
  readonly containersPerPod = histogram('containers_per_pod_count', 'The number of containers per pod.', [], [1, 2, 4, 8, 16]);
  readonly orphanedRuntimePods = counter(
    'orphaned_runtime_pods_total',
    'Number of pods that have been detected in the container runtime without being already known to the pod worker. This typically indicates the kubelet was restarted while a pod was force deleted in the API or in the local configuration, which is unusual.',
  );

  readonly plegRelistDuration = histogram('pleg_relist_duration_seconds', 'Duration in seconds for relisting pods in PLEG.');
  readonly plegRelistInterval = histogram('pleg_relist_interval_seconds', 'Interval in seconds between relisting in PLEG.');
  readonly plegLastSeen = level('pleg_last_seen_seconds', 'Timestamp in seconds when PLEG was last seen active.');
  readonly plegDiscardEvents = counter('pleg_discard_events', 'The number of discard events in PLEG.');

  readonly runtimeOperations = counter('runtime_operations_total', 'Cumulative number of runtime operations by operation type.', [
    'operation_type',
  ]);
  readonly runtimeOperationsDuration = histogram(
    'runtime_operations_duration_seconds',
    'Duration in seconds of runtime operations. Broken down by operation type.',
    ['operation_type'],
    exponentialBuckets(0.005, 2.5, 14),
  );
  readonly runtimeOperationsErrors = counter(
    'runtime_operations_errors_total',
    'Cumulative number of runtime operation errors by operation type.',
    ['operation_type'],
  );
  readonly runPodSandboxDuration = histogram(
    'run_podsandbox_duration_seconds',
    'Duration in seconds of the run_podsandbox operations. Broken down by RuntimeClass.Handler.',
    ['runtime_handler'],
  );
  readonly runPodSandboxErrors = counter(
    'run_podsandbox_errors_total',
    'Cumulative number of the run_podsandbox operation errors by RuntimeClass.Handler.',
    ['runtime_handler'],
  );

  readonly startedPods = counter('started_pods_total', 'Cumulative number of pods started');
  readonly startedPodsErrors = counter('started_pods_errors_total', 'Cumulative number of errors when starting pods');
  readonly startedContainers = counter('started_containers_total', 'Cumulative number of containers started', ['container_type']);
  readonly startedContainersErrors = counter('started_containers_errors_total', 'Cumulative number of errors when starting containers', [
    'container_type',
    'code',
  ]);

  readonly imagePullDuration = histogram(
    'image_pull_duration_seconds',
    'Duration in seconds to pull an image.',
    ['image_size_in_bytes'],
    IMAGE_PULL_SECONDS,
  );
  readonly credentialPluginDuration = histogram(
    'credential_provider_plugin_duration',
    'Duration of execution in seconds for credential provider plugin',
    ['plugin_name'],
  );
  readonly credentialPluginErrors = counter('credential_provider_plugin_errors', 'Number of errors from credential provider plugin', [
    'plugin_name',
  ]);
  readonly imagesCollected = counter(
    'image_garbage_collected_total',
    'Total number of images garbage collected by the kubelet, whether through disk usage or image age.',
    ['reason'],
  );

  readonly cgroupManagerDuration = histogram(
    'cgroup_manager_duration_seconds',
    'Duration in seconds for cgroup manager operations. Broken down by method.',
    ['operation_type'],
  );
  readonly criLosingSupport = level(
    'cri_losing_support',
    'the Kubernetes version that the currently running CRI implementation will lose support on if not upgraded.',
    ['version'],
  );
  readonly evictions = counter('evictions', 'Cumulative number of pod evictions by eviction signal', ['eviction_signal']);
  readonly evictionStatsAge = histogram(
    'eviction_stats_age_seconds',
    'Time between when stats are collected, and when pod is evicted based on those stats by eviction signal',
    ['eviction_signal'],
  );
  readonly cpuPinningRequests = counter('cpu_manager_pinning_requests_total', 'The number of cpu core allocations which required pinning.');
  readonly cpuPinningErrors = counter(
    'cpu_manager_pinning_errors_total',
    'The number of cpu core allocations which required pinning failed.',
  );
  readonly cpuSharedPool = level(
    'cpu_manager_shared_pool_size_millicores',
    'The size of the shared CPU pool for non-guaranteed QoS pods, in millicores.',
  );
  readonly cpuExclusive = level(
    'cpu_manager_exclusive_cpu_allocation_count',
    'The total number of CPUs exclusively allocated to containers running on this node',
  );
  readonly cpuPerNuma = level('cpu_manager_allocation_per_numa', 'Number of CPUs allocated per NUMA node', ['numa_node']);
  readonly memoryPinningRequests = counter(
    'memory_manager_pinning_requests_total',
    'The number of memory pages allocations which required pinning.',
  );
  readonly memoryPinningErrors = counter(
    'memory_manager_pinning_errors_total',
    'The number of memory pages allocations which required pinning that failed.',
  );
  readonly topologyAdmissionRequests = counter(
    'topology_manager_admission_requests_total',
    'The number of admission requests where resources have to be aligned.',
  );
  readonly topologyAdmissionErrors = counter(
    'topology_manager_admission_errors_total',
    'The number of admission request failures where resources could not be aligned.',
  );
  readonly topologyAdmissionDuration = histogram(
    'topology_manager_admission_duration_ms',
    'Duration in milliseconds to serve a pod admission request.',
    [],
    exponentialBuckets(0.05, 2, 15),
  );
  readonly alignedResources = counter(
    'container_aligned_compute_resources_count',
    'Cumulative number of aligned compute resources allocated to containers by alignment type.',
    ['scope', 'boundary'],
  );
  readonly alignedResourcesFailures = counter(
    'container_aligned_compute_resources_failure_count',
    'Cumulative number of failures to allocate aligned compute resources to containers by alignment type.',
    ['scope', 'boundary'],
  );
  readonly shutdownStart = level('graceful_shutdown_start_time_seconds', 'Last graceful shutdown start time since unix epoch in seconds');
  readonly shutdownEnd = level('graceful_shutdown_end_time_seconds', 'Last graceful shutdown start time since unix epoch in seconds');
  readonly preemptions = counter('preemptions', 'Cumulative number of pod preemptions by preemption resource', ['preemption_signal']);

  readonly storageOperationDuration = new HistogramFamily(
    'storage_operation_duration_seconds',
    'Storage operation duration',
    ['volume_plugin', 'operation_name', 'status', 'migrated'],
    STORAGE_SECONDS,
  );
  readonly storageOperationErrors = new CounterFamily(
    'storage_operation_errors_total',
    'Storage operation errors (Deprecated since 1.21.0)',
    ['volume_plugin', 'operation_name'],
  );

  readonly podResourcesRequests = counter(
    'pod_resources_endpoint_requests_total',
    'Cumulative number of requests to the PodResource endpoint. Broken down by server api version.',
    ['server_api_version'],
  );
  readonly podResources = {
    list: endpoint('list', 'List'),
    get_allocatable: endpoint('get_allocatable', 'GetAllocatableResources'),
    get: endpoint('get', 'Get'),
  };

  constructor() {
    // Upstream's counters without labels are there before anything is counted.
    for (const family of [
      this.orphanedRuntimePods,
      this.plegDiscardEvents,
      this.startedPods,
      this.startedPodsErrors,
      this.cpuPinningRequests,
      this.cpuPinningErrors,
      this.memoryPinningRequests,
      this.memoryPinningErrors,
      this.topologyAdmissionRequests,
      this.topologyAdmissionErrors,
    ])
      family.of().add(0);
  }

  /** Prometheus' text format. */
  expose(): string {
    const { podResources, ...families } = this;
    const endpoints = Object.values(podResources).flatMap(({ requests, errors }) => [requests, errors]);
    return [...Object.values(families), ...endpoints].map((family) => family.expose()).join('');
  }
}

const MIB = 1 << 20;
const GIB = 1024 * MIB;

/** From how many bytes on an image has which label. Source: imageSizeBuckets. */
const IMAGE_SIZES: readonly (readonly [from: number, label: string])[] = [
  [100 * GIB, 'GT100GB'],
  [60 * GIB, '60GB-100GB'],
  [40 * GIB, '40GB-60GB'],
  [30 * GIB, '30GB-40GB'],
  [20 * GIB, '20GB-30GB'],
  [10 * GIB, '10GB-20GB'],
  [5 * GIB, '5GB-10GB'],
  [GIB, '1GB-5GB'],
  [500 * MIB, '500MB-1GB'],
  [100 * MIB, '100MB-500MB'],
  [10 * MIB, '10MB-100MB'],
  [1, '0-10MB'],
];

/** Label of an image's size; `N/A` when that is not known. Source: GetImageSizeBucket. */
export function imageSizeLabel(bytes: number): string {
  return IMAGE_SIZES.find(([from]) => bytes >= from)?.[1] ?? 'N/A';
}
