// The kubelet's settings, by the field names of KubeletConfiguration, with upstream's defaults.
import type { Taint } from '#api/types.ts';

/** Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration and the flags beside it. Times in milliseconds unless named otherwise. */
export interface KubeletConfig {
  readonly nodeName: string;
  /** One address a family, the preferred first; found on the machine when empty. */
  readonly nodeIPs: readonly string[];
  readonly hostnameOverride: string;
  /** Where the kubelet's own server listens; told to the API. */
  readonly port: number;
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
  readonly enforceNodeAllocatable: readonly ('none' | 'pods')[];

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
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Source: SetDefaults_KubeletConfiguration, DefaultEvictionHard. */
export const DEFAULT_KUBELET_CONFIG: Omit<KubeletConfig, 'nodeName'> = {
  nodeIPs: [],
  hostnameOverride: '',
  port: 10_250,
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

  containerLogMaxSize: '10Mi',
  containerLogMaxFiles: 5,
  containerLogMonitorInterval: 10 * SECOND,
  maxPerPodContainerCount: 1,
  containerGCPeriod: MINUTE,

  seccompDefault: false,
  allowedUnsafeSysctls: [],
  maxContainerRestartPeriod: 5 * MINUTE,
};

/** Settings that were given over the defaults. */
export function kubeletConfig(given: Partial<KubeletConfig> & Pick<KubeletConfig, 'nodeName'>): KubeletConfig {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as typeof given;
  return { ...DEFAULT_KUBELET_CONFIG, ...set };
}
