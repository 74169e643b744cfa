// pure
// Reads a KubeletConfiguration: strictly, every fault told at once. Source: kubelet.config.k8s.io/v1beta1,
// apis/config/validation ValidateKubeletConfiguration.
import { Reader, type Faults } from '#apimachinery/configuration-reader.ts';
import { errorText, invalid, notSupported, type FieldError } from '#apimachinery/field-errors.ts';
import { parseQuantity, QuantityError } from '#apimachinery/quantity.ts';
import type { Taint } from '#api/types.ts';
import { kubeletConfig, type KubeletConfig } from './config.ts';
import { isSignal } from './eviction/thresholds.ts';

/** What is wrong with a configuration, one fault a line. */
export class KubeletConfigurationError extends Error {
  override readonly name = 'KubeletConfigurationError';
}

export interface ReadConfiguration {
  /** What the file sets. */
  readonly config: Partial<KubeletConfig>;
  /** Fields that it has and that are not looked at: they are another's to set, or not there. */
  readonly unused: readonly string[];
}

const API_VERSION = 'kubelet.config.k8s.io/v1beta1';

const flag = (reader: Reader): boolean => reader.flag(false);
const count = (reader: Reader): number => reader.integer(0);
const milliseconds = (reader: Reader): number => reader.duration(0);
const text = (reader: Reader): string => reader.text('');
const texts = (reader: Reader): readonly string[] => reader.list(text);
const percent = (reader: Reader): number => reader.within(0, [0, 100], 'must be between 0 and 100, inclusive');
const natural = (reader: Reader): number => reader.within(0, [0, Number.MAX_SAFE_INTEGER], 'must not be a negative number');
const positive = (reader: Reader): number => reader.within(1, [1, Number.MAX_SAFE_INTEGER], 'must be greater than 0');

function quantity(reader: Reader): string {
  const value = text(reader);
  try {
    if (value !== '') parseQuantity(value);
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    reader.fault(invalid(reader.at, value, error.message));
  }
  return value;
}

const RESERVED = /^(?:cpu|memory|ephemeral-storage|pid|hugepages-.+)$/;

function reserved(reader: Reader): Readonly<Record<string, string>> {
  return reader.members((member) => {
    const name = member.path?.toString().split('.').at(-1) ?? '';
    if (!RESERVED.test(name)) member.fault(notSupported(member.at, name, ['cpu', 'memory', 'ephemeral-storage', 'pid']));
    return quantity(member);
  });
}

/** By signal; a threshold is a quantity or a share such as `10%`. */
function thresholds(reader: Reader): Readonly<Record<string, string>> {
  return signals(reader, (member) => {
    const value = text(member);
    if (!value.endsWith('%')) return quantity(member);
    const share = Number(value.slice(0, -1));
    if (!(share >= 0 && share <= 100)) member.fault(invalid(member.at, value, 'eviction percentage threshold must be >= 0% and <= 100%'));
    return value;
  });
}

const graces = (reader: Reader): Readonly<Record<string, number>> => signals(reader, milliseconds);

function signals<T>(reader: Reader, read: (member: Reader) => T): Readonly<Record<string, T>> {
  const found = reader.members((member) => ({ member, value: read(member) }));
  for (const [signal, { member }] of Object.entries(found))
    if (!isSignal(signal)) member.fault(invalid(member.at, signal, 'unknown eviction signal'));
  return Object.fromEntries(Object.entries(found).map(([signal, { value }]) => [signal, value]));
}

function enforced(reader: Reader): KubeletConfig['enforceNodeAllocatable'] {
  return reader.list((item) => {
    const value = text(item);
    if (value !== 'pods' && value !== 'none') item.fault(notSupported(item.at, value, ['none', 'pods']));
    return value === 'none' ? 'none' : 'pods';
  });
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

const taints = (reader: Reader): readonly Taint[] =>
  reader.list((item) => {
    item.object('key', 'value', 'effect', 'timeAdded');
    const [key, value, given] = ['key', 'value', 'effect'].map((name) => text(item.field(name))) as [string, string, string];
    const effect = EFFECTS.find((each) => each === given);
    if (effect === undefined) item.field('effect').fault(notSupported(item.field('effect').at, given, EFFECTS));
    return { key, effect: effect ?? 'NoSchedule', ...(value === '' ? {} : { value }) };
  });

const FIELDS: { readonly [K in keyof KubeletConfig]?: (reader: Reader) => KubeletConfig[K] } = {
  staticPodPath: text,
  fileCheckFrequency: milliseconds,
  cgroupsPerQOS: flag,
  cpuCFSQuota: flag,
  podPidsLimit: count,
  kubeReserved: reserved,
  systemReserved: reserved,
  enforceNodeAllocatable: enforced,
  resolvConf: text,
  maxPods: natural,
  podsPerCore: natural,
  registerNode: flag,
  registerWithTaints: taints,
  providerID: text,
  nodeStatusUpdateFrequency: milliseconds,
  nodeStatusReportFrequency: milliseconds,
  nodeLeaseDurationSeconds: positive,
  nodeStatusMaxImages: (reader) => reader.within(0, [-1, Number.MAX_SAFE_INTEGER], 'must be -1 or greater'),
  evictionHard: thresholds,
  evictionSoft: thresholds,
  evictionSoftGracePeriod: graces,
  evictionMinimumReclaim: thresholds,
  evictionPressureTransitionPeriod: milliseconds,
  evictionMaxPodGracePeriod: count,
  imageMinimumGCAge: milliseconds,
  imageMaximumGCAge: milliseconds,
  imageGCHighThresholdPercent: percent,
  imageGCLowThresholdPercent: percent,
  serializeImagePulls: flag,
  maxParallelImagePulls: positive,
  containerLogMaxSize: quantity,
  containerLogMaxFiles: (reader) => reader.within(2, [2, Number.MAX_SAFE_INTEGER], 'must be greater than 1'),
  containerLogMonitorInterval: (reader) => reader.duration(0),
  seccompDefault: flag,
  allowedUnsafeSysctls: texts,
};

/** Fields of upstream's that are not looked at. */
const OTHERS =
  'enableServer podLogsDir syncFrequency httpCheckFrequency staticPodURL staticPodURLHeader address port readOnlyPort tlsCertFile tlsPrivateKeyFile tlsCipherSuites tlsMinVersion tlsCurvePreferences rotateCertificates serverTLSBootstrap authentication authorization registryPullQPS registryBurst imagePullCredentialsVerificationPolicy preloadedImagesVerificationAllowlist eventRecordQPS eventBurst enableDebuggingHandlers enableContentionProfiling healthzPort healthzBindAddress oomScoreAdj clusterDomain clusterDNS streamingConnectionIdleTimeout volumeStatsAggPeriod kubeletCgroups systemCgroups cgroupRoot cgroupDriver cpuManagerPolicy singleProcessOOMKill cpuManagerPolicyOptions cpuManagerReconcilePeriod memoryManagerPolicy topologyManagerPolicy topologyManagerScope topologyManagerPolicyOptions qosReserved runtimeRequestTimeout hairpinMode podCIDR runOnce cpuCFSQuotaPeriod maxOpenFiles contentType kubeAPIQPS kubeAPIBurst enableControllerAttachDetach protectKernelDefaults makeIPTablesUtilChains iptablesMasqueradeBit iptablesDropBit featureGates failSwapOn memorySwap containerLogMaxWorkers configMapAndSecretChangeDetectionStrategy reservedSystemCPUs showHiddenMetricsForVersion systemReservedCgroup kubeReservedCgroup volumePluginDir kernelMemcgNotification logging enableSystemLogHandler enableSystemLogQuery shutdownGracePeriod shutdownGracePeriodCriticalPods shutdownGracePeriodByPodPriority reservedMemory enableProfilingHandler enableDebugFlagsHandler memoryThrottlingFactor tracing localStorageCapacityIsolation containerRuntimeEndpoint imageServiceEndpoint failCgroupV1 userNamespaces'.split(
    ' ',
  );

/** Those with a part of their own here. */
const OWN = ['apiVersion', 'kind', 'crashLoopBackOff', 'mergeDefaultEvictionSettings'];

/** @param value the decoded file. @throws KubeletConfigurationError */
export function readKubeletConfiguration(value: unknown): ReadConfiguration {
  const errors: FieldError[] = [];
  const unknown: string[] = [];
  const faults: Faults = { add: (error) => void errors.push(error), addUnknown: (at) => void unknown.push(at) };
  const reader = new Reader(value, faults).object(...OWN, ...Object.keys(FIELDS), ...OTHERS);
  if (text(reader.field('kind')) !== 'KubeletConfiguration' || text(reader.field('apiVersion')) !== API_VERSION)
    throw new KubeletConfigurationError(`it is no KubeletConfiguration of ${API_VERSION}`);
  const read = Object.entries(FIELDS).flatMap(([name, of]) => {
    const field = reader.field(name);
    return field.isAbsent ? [] : [[name, of(field)] as const];
  });
  const restarts = reader.field('crashLoopBackOff').object('maxContainerRestartPeriod').field('maxContainerRestartPeriod');
  const given: Partial<KubeletConfig> = {
    ...Object.fromEntries(read),
    ...(restarts.isAbsent ? {} : { maxContainerRestartPeriod: restarts.duration(0) }),
  };
  const config = reader.field('mergeDefaultEvictionSettings').flag(false) ? withDefaultEvictions(given) : given;
  const found = [
    ...(unknown.length === 0 ? [] : [`strict decoding error: ${unknown.map((at) => `unknown field "${at}"`).join(', ')}`]),
    ...errors.map(errorText),
    ...(errors.length === 0 ? contradictions(config) : []),
  ];
  if (found.length > 0) throw new KubeletConfigurationError(found.join('\n'));
  return { config, unused: OTHERS.filter((name) => !reader.field(name).isAbsent) };
}

/** Signals that are not given keep their defaults, which they otherwise lose. */
function withDefaultEvictions(given: Partial<KubeletConfig>): Partial<KubeletConfig> {
  const { evictionHard } = kubeletConfig({ nodeName: '' });
  return { ...given, evictionHard: { ...evictionHard, ...given.evictionHard } };
}

/** What does not go together, defaults included. */
function contradictions(given: Partial<KubeletConfig>): readonly string[] {
  const config = kubeletConfig({ ...given, nodeName: '' });
  const { imageGCLowThresholdPercent: low, imageGCHighThresholdPercent: high, maxParallelImagePulls = 1 } = config;
  return [
    ...(low < high
      ? []
      : [
          `invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) ${low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${high}`,
        ]),
    ...(maxParallelImagePulls > 1 && config.serializeImagePulls
      ? [
          'invalid configuration: maxParallelImagePulls cannot be larger than 1 unless serializeImagePulls (--serialize-image-pulls) is set to false',
        ]
      : []),
    ...(config.imageMaximumGCAge !== 0 && config.imageMaximumGCAge <= config.imageMinimumGCAge
      ? ['invalid configuration: imageMaximumGCAge must be greater than imageMinimumGCAge']
      : []),
    ...Object.keys(config.evictionSoft)
      .filter((signal) => config.evictionSoftGracePeriod[signal] === undefined)
      .map((signal) => `grace period must be specified for the soft eviction threshold ${signal}`),
    ...(config.enforceNodeAllocatable.includes('none') && config.enforceNodeAllocatable.length > 1
      ? [
          'invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) may not contain additional enforcements when "none" is specified',
        ]
      : []),
  ];
}
