// The kubelet's settings, by the field names of KubeletConfiguration, with upstream's defaults.
import type { Quantity, Taint } from '#api/types.ts';

/** Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration and the flags beside it. Times in milliseconds unless named otherwise. */
export interface KubeletConfig {
  readonly nodeName: string;
  /** One address a family, the preferred first; found on the machine when empty. */
  readonly nodeIPs: readonly string[];
  readonly hostnameOverride: string;
  /** Where the kubelet's own server listens; told to the API. */
  readonly port: number;
  /** Where whoever is on the machine asks for its health; port 0: nowhere. */
  readonly healthzPort: number;
  readonly healthzBindAddress: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  /** Folder of static pod manifests; undefined for none. */
  readonly staticPodPath: string | undefined;
  readonly fileCheckFrequency: number;

  readonly cgroupsPerQOS: boolean;
  /** Below which `kubepods` lies: `/`, or `/proa/worker-1` for one of several nodes on a machine. */
  readonly cgroupRoot: string;
  readonly cpuCFSQuota: boolean;
  /** -1 for no limit. */
  readonly podPidsLimit: number;
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;
  readonly enforceNodeAllocatable: readonly string[];
  /** `cgroupfs` or `systemd`; a runtime that says which it uses decides. */
  readonly cgroupDriver: string;

  /** `none` or `static` */
  readonly cpuManagerPolicy: string;
  readonly cpuManagerPolicyOptions: Readonly<Record<string, string>>;
  readonly cpuManagerReconcilePeriod: number;
  /** A list of CPUs, `0-1,4`; empty for as many as are reserved otherwise. */
  readonly reservedSystemCPUs: string;
  /** `None` or `Static` */
  readonly memoryManagerPolicy: string;
  readonly reservedMemory: readonly MemoryReservation[];
  /** `none`, `best-effort`, `restricted` or `single-numa-node` */
  readonly topologyManagerPolicy: string;
  /** `container` or `pod` */
  readonly topologyManagerScope: string;
  readonly topologyManagerPolicyOptions: Readonly<Record<string, string>>;

  /** How long the node's end waits for pods, and which part of it critical ones have to themselves. */
  readonly shutdownGracePeriod: number;
  readonly shutdownGracePeriodCriticalPods: number;
  readonly shutdownGracePeriodByPodPriority: readonly ShutdownGracePeriodByPodPriority[];

  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Path of the node's resolver configuration; empty for none. */
  readonly resolvConf: string;

  readonly maxPods: number;
  readonly podsPerCore: number;
  readonly registerNode: boolean;
  readonly registerWithTaints: readonly Taint[];
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly providerID: string;
  readonly nodeStatusUpdateFrequency: number;
  readonly nodeStatusReportFrequency: number;
  readonly nodeLeaseDurationSeconds: number;
  readonly nodeStatusMaxImages: number;

  /** Signal to threshold: `memory.available` to `100Mi`, `nodefs.available` to `10%`. */
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly evictionSoft: Readonly<Record<string, string>>;
  readonly evictionSoftGracePeriod: Readonly<Record<string, number>>;
  readonly evictionMinimumReclaim: Readonly<Record<string, string>>;
  readonly evictionPressureTransitionPeriod: number;
  readonly evictionMaxPodGracePeriod: number;
  readonly evictionMonitoringPeriod: number;

  readonly imageMinimumGCAge: number;
  readonly imageMaximumGCAge: number;
  readonly imageGCHighThresholdPercent: number;
  readonly imageGCLowThresholdPercent: number;
  readonly imageGCPeriod: number;
  readonly serializeImagePulls: boolean;
  readonly maxParallelImagePulls: number | undefined;
  /** `NeverVerify`, `NeverVerifyPreloadedImages`, `NeverVerifyAllowlistedImages` or `AlwaysVerify` */
  readonly imagePullCredentialsVerificationPolicy: string;
  /** Repositories in full, or the beginning of some, `registry.example.com/team/*`. */
  readonly preloadedImagesVerificationAllowlist: readonly string[];
  /** A CredentialProviderConfig, or a folder of them, and where its programs lie. Used if both are given. */
  readonly imageCredentialProviderConfigFile: string;
  readonly imageCredentialProviderBinDir: string;

  readonly containerLogMaxSize: string;
  readonly containerLogMaxFiles: number;
  readonly containerLogMonitorInterval: number;
  /** Ended instances kept of each container. */
  readonly maxPerPodContainerCount: number;
  readonly containerGCPeriod: number;

  readonly seccompDefault: boolean;
  readonly allowedUnsafeSysctls: readonly string[];
  /** Longest wait between restarts of a crashing container. */
  readonly maxContainerRestartPeriod: number;
  /** Fields of KubeletConfiguration that were given and are not looked at, by name, as they are told at `/configz`. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** Memory of a NUMA node that no pod has. Source: kubelet.config.k8s.io/v1beta1 MemoryReservation. */
export interface MemoryReservation {
  readonly numaNode: number;
  /** `memory` and `hugepages-…` */
  readonly limits: Readonly<Record<string, Quantity>>;
}

/** Pods of this priority or more, up to the next, have so many seconds. Source: kubelet.config.k8s.io/v1beta1. */
export interface ShutdownGracePeriodByPodPriority {
  readonly priority: number;
  readonly shutdownGracePeriodSeconds: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Source: SetDefaults_KubeletConfiguration, DefaultEvictionHard. */
export const DEFAULT_KUBELET_CONFIG: Omit<KubeletConfig, 'nodeName'> = {
  nodeIPs: [],
  hostnameOverride: '',
  port: 10_250,
  healthzPort: 10_248,
  healthzBindAddress: '127.0.0.1',
  rootDir: '/var/lib/proa/kubelet',
  podLogsDir: '/var/log/pods',
  containerLogsDir: '/var/log/containers',
  staticPodPath: undefined,
  fileCheckFrequency: 20 * SECOND,

  cgroupsPerQOS: true,
  cgroupRoot: '/',
  cpuCFSQuota: true,
  podPidsLimit: -1,
  kubeReserved: {},
  systemReserved: {},
  enforceNodeAllocatable: ['pods'],
  cgroupDriver: 'cgroupfs',

  cpuManagerPolicy: 'none',
  cpuManagerPolicyOptions: {},
  cpuManagerReconcilePeriod: 10 * SECOND,
  reservedSystemCPUs: '',
  memoryManagerPolicy: 'None',
  reservedMemory: [],
  topologyManagerPolicy: 'none',
  topologyManagerScope: 'container',
  topologyManagerPolicyOptions: {},

  shutdownGracePeriod: 0,
  shutdownGracePeriodCriticalPods: 0,
  shutdownGracePeriodByPodPriority: [],

  clusterDNS: [],
  clusterDomain: '',
  resolvConf: '/etc/resolv.conf',

  maxPods: 110,
  podsPerCore: 0,
  registerNode: true,
  registerWithTaints: [],
  nodeLabels: {},
  providerID: '',
  nodeStatusUpdateFrequency: 10 * SECOND,
  nodeStatusReportFrequency: 5 * MINUTE,
  nodeLeaseDurationSeconds: 40,
  nodeStatusMaxImages: 50,

  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '10%',
    'nodefs.inodesFree': '5%',
    'imagefs.available': '15%',
    'imagefs.inodesFree': '5%',
  },
  evictionSoft: {},
  evictionSoftGracePeriod: {},
  evictionMinimumReclaim: {},
  evictionPressureTransitionPeriod: 5 * MINUTE,
  evictionMaxPodGracePeriod: 0,
  evictionMonitoringPeriod: 10 * SECOND,

  imageMinimumGCAge: 2 * MINUTE,
  imageMaximumGCAge: 0,
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageGCPeriod: 5 * MINUTE,
  serializeImagePulls: true,
  maxParallelImagePulls: undefined,
  imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
  preloadedImagesVerificationAllowlist: [],
  imageCredentialProviderConfigFile: '',
  imageCredentialProviderBinDir: '',

  containerLogMaxSize: '10Mi',
  containerLogMaxFiles: 5,
  containerLogMonitorInterval: 10 * SECOND,
  maxPerPodContainerCount: 1,
  containerGCPeriod: MINUTE,

  seccompDefault: false,
  allowedUnsafeSysctls: [],
  maxContainerRestartPeriod: 5 * MINUTE,
  others: {},
};

/** Settings that were given over the defaults. */
export function kubeletConfig(given: Partial<KubeletConfig> & Pick<KubeletConfig, 'nodeName'>): KubeletConfig {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given;
  return { ...DEFAULT_KUBELET_CONFIG, ...set };
}
