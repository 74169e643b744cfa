// pure
// Upstream's names of controllers, and which of them a user lets run. Source: cmd/kube-controller-manager/names,
// app/controllermanager.go NewControllerDescriptors, controller-manager/app IsControllerEnabled.

interface Named {
  /** What it was called before v1.28. */
  readonly alias?: string;
  /** Of its events, where that is not its name. Source: the EventSource of each controller. */
  readonly events?: string;
  /** `*` does not mean it. */
  readonly disabled?: true;
}

/** All that upstream knows; those of clouds and selinux-warning-controller, which has to be asked for, are not among ours. */
const UPSTREAM: Readonly<Record<string, Named>> = {
  'bootstrap-signer-controller': { alias: 'bootstrapsigner', disabled: true },
  'certificatesigningrequest-approving-controller': { alias: 'csrapproving' },
  'certificatesigningrequest-cleaner-controller': { alias: 'csrcleaner' },
  'certificatesigningrequest-signing-controller': { alias: 'csrsigning' },
  'cloud-node-lifecycle-controller': { alias: 'cloud-node-lifecycle' },
  'clusterrole-aggregation-controller': { alias: 'clusterrole-aggregation' },
  'cronjob-controller': { alias: 'cronjob' },
  'daemonset-controller': { alias: 'daemonset' },
  'deployment-controller': { alias: 'deployment' },
  'device-taint-eviction-controller': {},
  'disruption-controller': { alias: 'disruption', events: 'controllermanager' },
  'endpoints-controller': { alias: 'endpoint', events: 'endpoint-controller' },
  'endpointslice-controller': { alias: 'endpointslice', events: 'endpoint-slice-controller' },
  'endpointslice-mirroring-controller': { alias: 'endpointslicemirroring', events: 'endpoint-slice-mirroring-controller' },
  'ephemeral-volume-controller': { alias: 'ephemeral-volume', events: 'ephemeral_volume' },
  'garbage-collector-controller': { alias: 'garbagecollector' },
  'horizontal-pod-autoscaler-controller': { alias: 'horizontalpodautoscaling', events: 'horizontal-pod-autoscaler' },
  'job-controller': { alias: 'job' },
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': {},
  'legacy-serviceaccount-token-cleaner-controller': { alias: 'legacy-service-account-token-cleaner' },
  'namespace-controller': { alias: 'namespace' },
  'node-ipam-controller': { alias: 'nodeipam', events: 'cidrAllocator' },
  'node-lifecycle-controller': { alias: 'nodelifecycle', events: 'node-controller' },
  'node-route-controller': { alias: 'route' },
  'persistentvolume-attach-detach-controller': { alias: 'attachdetach', events: 'attachdetach-controller' },
  'persistentvolume-binder-controller': { alias: 'persistentvolume-binder', events: 'persistentvolume-controller' },
  'persistentvolume-expander-controller': { alias: 'persistentvolume-expander', events: 'volume_expand' },
  'persistentvolume-protection-controller': { alias: 'pv-protection' },
  'persistentvolumeclaim-protection-controller': { alias: 'pvc-protection' },
  'pod-garbage-collector-controller': { alias: 'podgc' },
  'podcertificaterequest-cleaner-controller': {},
  'podgroup-protection-controller': {},
  'replicaset-controller': { alias: 'replicaset' },
  'replicationcontroller-controller': { alias: 'replicationcontroller', events: 'replication-controller' },
  'resourceclaim-controller': { alias: 'resource-claim-controller', events: 'resource_claim' },
  'resourcepoolstatusrequest-controller': {},
  'resourcequota-controller': { alias: 'resourcequota' },
  'root-ca-certificate-publisher-controller': { alias: 'root-ca-cert-publisher' },
  'selinux-warning-controller': { disabled: true },
  'service-cidr-controller': {},
  'service-lb-controller': { alias: 'service' },
  'serviceaccount-controller': { alias: 'serviceaccount' },
  'serviceaccount-token-controller': { alias: 'serviceaccount-token' },
  'statefulset-controller': { alias: 'statefulset' },
  'storage-version-migrator-controller': {},
  'storageversion-garbage-collector-controller': { alias: 'storage-version-gc' },
  'taint-eviction-controller': {},
  'token-cleaner-controller': { alias: 'tokencleaner', disabled: true },
  'ttl-after-finished-controller': { alias: 'ttl-after-finished' },
  'ttl-controller': { alias: 'ttl' },
  'validatingadmissionpolicy-status-controller': {},
  'volumeattributesclass-protection-controller': {},
};

const CANONICAL: ReadonlyMap<string, string> = new Map(
  Object.entries(UPSTREAM).flatMap(
    ([name, { alias }]) => [[name, name], ...(alias === undefined ? [] : [[alias, name] as const])] as const,
  ),
);

export const isKnownController = (name: string): boolean => CANONICAL.get(name) === name;

/** Component of a controller's events. */
export const eventSource = (name: string): string => UPSTREAM[name]?.events ?? name;

/** Entries of `--controllers` that mean no controller; neither `*` nor `NAME` nor `-NAME` with a name or an old name. */
export function unknownControllers(selection: readonly string[]): readonly string[] {
  return selection.map((entry) => entry.replace(/^-/, '')).filter((name) => name !== '*' && !CANONICAL.has(name));
}

/** Whether `--controllers` lets this one run: the first entry that names it holds; `*` is for all that are not disabled by default. */
export function isControllerEnabled(name: string, selection: readonly string[]): boolean {
  for (const entry of selection) {
    if (CANONICAL.get(entry) === name) return true;
    if (entry.startsWith('-') && CANONICAL.get(entry.slice(1)) === name) return false;
  }
  return selection.includes('*') && UPSTREAM[name]?.disabled !== true;
}
