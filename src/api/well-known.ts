// Names that carry meaning wherever they appear. Source: k8s.io/api/core/v1 well_known_labels.go, well_known_taints.go,
// annotation_key_constants.go, and the controllers named beside.

export const LABEL = {
  hostname: 'kubernetes.io/hostname',
  os: 'kubernetes.io/os',
  arch: 'kubernetes.io/arch',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
  instanceType: 'node.kubernetes.io/instance-type',
  excludeFromLoadBalancers: 'node.kubernetes.io/exclude-from-external-load-balancers',
  namespaceName: 'kubernetes.io/metadata.name',
  headlessService: 'service.kubernetes.io/headless',
  /** On EndpointSlices. Source: discovery/v1. */
  serviceName: 'kubernetes.io/service-name',
  managedBy: 'endpointslice.kubernetes.io/managed-by',
  skipMirror: 'endpointslice.kubernetes.io/skip-mirror',
  serviceProxyName: 'service.kubernetes.io/service-proxy-name',
  /** Source: apps/v1. */
  podTemplateHash: 'pod-template-hash',
  controllerRevisionHash: 'controller-revision-hash',
  statefulSetPodName: 'statefulset.kubernetes.io/pod-name',
  podIndex: 'apps.kubernetes.io/pod-index',
  /** Source: batch/v1. */
  jobName: 'batch.kubernetes.io/job-name',
  controllerUid: 'batch.kubernetes.io/controller-uid',
  legacyJobName: 'job-name',
  legacyControllerUid: 'controller-uid',
} as const;

export const ANNOTATION = {
  lastAppliedConfiguration: 'kubectl.kubernetes.io/last-applied-configuration',
  restartedAt: 'kubectl.kubernetes.io/restartedAt',
  mirrorPod: 'kubernetes.io/config.mirror',
  migratedPlugins: 'storage.alpha.kubernetes.io/migrated-plugins',
  podSource: 'kubernetes.io/config.source',
  podHash: 'kubernetes.io/config.hash',
  podDeletionCost: 'controller.kubernetes.io/pod-deletion-cost',
  endpointsLastChange: 'endpoints.kubernetes.io/last-change-trigger-time',
  endpointsOverCapacity: 'endpoints.kubernetes.io/over-capacity',
  topologyMode: 'service.kubernetes.io/topology-mode',
  loadBalancerSourceRanges: 'service.beta.kubernetes.io/load-balancer-source-ranges',
  serviceAccountName: 'kubernetes.io/service-account.name',
  serviceAccountUid: 'kubernetes.io/service-account.uid',
  /** Source: deployment/util. */
  deploymentRevision: 'deployment.kubernetes.io/revision',
  deploymentRevisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
  changeCause: 'kubernetes.io/change-cause',
  daemonSetGeneration: 'deprecated.daemonset.template.generation',
  /** Source: batch/v1. */
  jobCompletionIndex: 'batch.kubernetes.io/job-completion-index',
  jobIndexFailureCount: 'batch.kubernetes.io/job-index-failure-count',
  jobIndexIgnoredFailureCount: 'batch.kubernetes.io/job-index-ignored-failure-count',
  cronJobScheduledTimestamp: 'batch.kubernetes.io/cronjob-scheduled-timestamp',
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  selectedNode: 'volume.kubernetes.io/selected-node',
  storageProvisioner: 'volume.kubernetes.io/storage-provisioner',
  betaStorageProvisioner: 'volume.beta.kubernetes.io/storage-provisioner',
  /** On claims and volumes that say their class in the old way. */
  betaStorageClass: 'volume.beta.kubernetes.io/storage-class',
  defaultStorageClass: 'storageclass.kubernetes.io/is-default-class',
  /** From before storage classes were stable. */
  betaDefaultStorageClass: 'storageclass.beta.kubernetes.io/is-default-class',
  defaultIngressClass: 'ingressclass.kubernetes.io/is-default-class',
  /** Which entry of its pod a claim was made for. Source: resourceclaim. */
  podClaimName: 'resource.kubernetes.io/pod-claim-name',
  /** On claims that stand for the extended resources of a pod. */
  extendedResourceClaim: 'resource.kubernetes.io/extended-resource-claim',
  nodeTtl: 'node.alpha.kubernetes.io/ttl',
} as const;

/** Taints the node lifecycle controller puts on nodes. */
export const TAINT = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
  memoryPressure: 'node.kubernetes.io/memory-pressure',
  diskPressure: 'node.kubernetes.io/disk-pressure',
  pidPressure: 'node.kubernetes.io/pid-pressure',
  networkUnavailable: 'node.kubernetes.io/network-unavailable',
  outOfService: 'node.kubernetes.io/out-of-service',
} as const;

export const FINALIZER = {
  /** On namespaces, in `spec.finalizers`. */
  kubernetes: 'kubernetes',
  orphan: 'orphan',
  foregroundDeletion: 'foregroundDeletion',
  persistentVolume: 'kubernetes.io/pv-protection',
  persistentVolumeClaim: 'kubernetes.io/pvc-protection',
  volumeAttributesClass: 'kubernetes.io/vac-protection',
  /** Source: scheduling.PodGroupProtectionFinalizer. */
  podGroup: 'scheduling.k8s.io/podgroup-protection',
  /** Kept by whoever made a volume until its data is dealt with. Source: volume.PVDeletionProtectionFinalizer. */
  externalProvisioner: 'external-provisioner.volume.kubernetes.io/finalizer',
  jobTracking: 'batch.kubernetes.io/job-tracking',
  /** Source: resource/v1 Finalizer. */
  resourceClaim: 'resource.kubernetes.io/delete-protection',
  serviceLoadBalancer: 'service.kubernetes.io/load-balancer-cleanup',
} as const;

export const NAMESPACE = {
  default: 'default',
  system: 'kube-system',
  public: 'kube-public',
  nodeLease: 'kube-node-lease',
} as const;

/** Names of resources in ResourceLists. */
export const RESOURCE = {
  cpu: 'cpu',
  memory: 'memory',
  storage: 'storage',
  ephemeralStorage: 'ephemeral-storage',
  pods: 'pods',
} as const;
