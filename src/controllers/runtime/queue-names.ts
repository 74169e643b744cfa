// pure
// Names of queues in metrics where upstream's is not that of the controller. Source: the NamedTypedRateLimitingQueue of each
// controller.
const NAMES: Readonly<Record<string, string>> = {
  'bootstrap-signer-controller': 'bootstrap_signer_queue',
  'certificatesigningrequest-approving-controller': 'certificate',
  'clusterrole-aggregation-controller': 'ClusterRoleAggregator',
  'cronjob-controller': 'cronjob',
  'daemonset-controller': 'daemonset',
  'deployment-controller': 'deployment',
  'disruption-controller': 'disruption',
  'endpoints-controller': 'endpoint',
  'endpointslice-controller': 'endpoint_slice',
  'endpointslice-mirroring-controller': 'endpoint_slice_mirroring',
  'ephemeral-volume-controller': 'ephemeral_volume',
  'garbage-collector-controller': 'garbage_collector_attempt_to_delete',
  'horizontal-pod-autoscaler-controller': 'horizontalpodautoscaler',
  'job-controller': 'job',
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': 'ca_cert_publisher_cluster_trust_bundles',
  'namespace-controller': 'namespace',
  'node-lifecycle-controller': 'node_lifecycle_controller',
  'persistentvolume-expander-controller': 'volume_expand',
  'persistentvolume-protection-controller': 'pvprotection',
  'persistentvolumeclaim-protection-controller': 'pvcprotection',
  'podgroup-protection-controller': 'podgroupprotection',
  'replicaset-controller': 'replicaset',
  'replicationcontroller-controller': 'replicationmanager',
  'resourceclaim-controller': 'resource_claim',
  'resourcequota-controller': 'resourcequota_primary',
  'root-ca-certificate-publisher-controller': 'root_ca_cert_publisher',
  'serviceaccount-controller': 'serviceaccount',
  'serviceaccount-token-controller': 'serviceaccount_tokens_service',
  'statefulset-controller': 'statefulset',
  'storageversion-garbage-collector-controller': 'storage_version_garbage_collector_storageversions',
  'token-cleaner-controller': 'token_cleaner',
  'ttl-after-finished-controller': 'ttl_jobs_to_delete',
  'ttl-controller': 'ttlcontroller',
};

export function queueName({ name, queue }: { readonly name: string; readonly queue?: string }): string {
  return queue ?? NAMES[name] ?? name;
}
