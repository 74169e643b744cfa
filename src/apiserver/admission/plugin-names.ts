// pure
// Which admission plugins there are, and which of them a server runs.

/**
 * In the order they run.
 * Source: pkg/kubeapiserver/options plugins.go AllOrderedPlugins, DefaultOffAdmissionPlugins; NodeRestriction as kubeadm turns
 * it on.
 */
export const ADMISSION_PLUGINS = [
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'EventRateLimit',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'PodTopologyLabels',
  'NodeDeclaredFeatureValidator',
  'PodResizeValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
] as const;

/** Run only where they are turned on. */
const DEFAULT_OFF: readonly AdmissionPluginName[] = ['EventRateLimit'];

export type AdmissionPluginName = (typeof ADMISSION_PLUGINS)[number];

export const isAdmissionPlugin = (name: string): name is AdmissionPluginName => (ADMISSION_PLUGINS as readonly string[]).includes(name);

/** Which run: all that are on by default and those turned on, without those turned off. */
export function runningPlugins(on: readonly AdmissionPluginName[] = [], off: readonly AdmissionPluginName[] = []): ReadonlySet<string> {
  return new Set(ADMISSION_PLUGINS.filter((name) => (on.includes(name) || !DEFAULT_OFF.includes(name)) && !off.includes(name)));
}
