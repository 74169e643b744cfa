// pure
// The fields of KubeletConfiguration that this kubelet looks at. Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration.
import { formatDuration } from '#apimachinery/duration.ts';
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { invalid, notSupported } from '#apimachinery/field-errors.ts';
import type { Taint } from '#api/types.ts';
import { isSignal } from '../eviction/thresholds.ts';
import type { KubeletConfig, MemoryReservation, ShutdownGracePeriodByPodPriority } from './config.ts';
import { duration, flag, integer, list, map, optional, pointer, quantity, type Shape, text, texts } from './shapes.ts';

const RESERVED = /^(?:cpu|memory|ephemeral-storage|pid|hugepages-.+)$/;

const nameOf = (reader: Reader): string => reader.path?.toString().split('.').at(-1) ?? '';

function reserved(member: Reader): string {
  if (!RESERVED.test(nameOf(member))) member.fault(notSupported(member.at, nameOf(member), ['cpu', 'memory', 'ephemeral-storage', 'pid']));
  return quantity(member);
}

/** By signal; a threshold is a quantity or a share such as `10%`. */
function threshold(member: Reader): string {
  const value = member.text('');
  if (!value.endsWith('%')) return quantity(member);
  const share = Number(value.slice(0, -1));
  if (!(share >= 0 && share <= 100)) member.fault(invalid(member.at, value, 'eviction percentage threshold must be >= 0% and <= 100%'));
  return value;
}

const signals = <T>(read: (member: Reader) => T, show?: (value: T) => unknown): Shape<Readonly<Record<string, T>>> => {
  const values = map(read, show);
  return {
    ...values,
    read(reader) {
      const found = reader.members((member) => ({ member, value: read(member) }));
      for (const [signal, { member }] of Object.entries(found))
        if (!isSignal(signal)) member.fault(invalid(member.at, signal, 'unknown eviction signal'));
      return Object.fromEntries(Object.entries(found).map(([signal, { value }]) => [signal, value]));
    },
  };
};

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

function taint(item: Reader): Taint {
  item.object('key', 'value', 'effect', 'timeAdded');
  const [key, value, given] = ['key', 'value', 'effect'].map((name) => item.field(name).text('')) as [string, string, string];
  const effect = EFFECTS.find((each) => each === given);
  if (effect === undefined) item.field('effect').fault(notSupported(item.field('effect').at, given, EFFECTS));
  return { key, effect: effect ?? 'NoSchedule', ...(value === '' ? {} : { value }) };
}

function reservation(item: Reader): MemoryReservation {
  item.object('numaNode', 'limits');
  return { numaNode: item.field('numaNode').integer(0), limits: item.field('limits').members(quantity) };
}

function gracePeriod(item: Reader): ShutdownGracePeriodByPodPriority {
  item.object('priority', 'shutdownGracePeriodSeconds');
  return {
    priority: item.field('priority').integer(0),
    shutdownGracePeriodSeconds: item.field('shutdownGracePeriodSeconds').integer(0),
  };
}

const words = map((member) => member.text(''));

/** Negative is no limit. */
const pids: Shape<number> = { ...pointer(integer), read: (reader) => Math.max(-1, reader.integer(-1)) };

export const FIELDS = {
  staticPodPath: { ...optional(text), isUnset: (path) => path === '' },
  fileCheckFrequency: duration,
  podLogsDir: text,
  healthzPort: pointer(integer),
  healthzBindAddress: text,
  clusterDomain: text,
  clusterDNS: texts,
  nodeStatusUpdateFrequency: duration,
  nodeStatusReportFrequency: duration,
  nodeLeaseDurationSeconds: integer,
  imageMinimumGCAge: duration,
  imageMaximumGCAge: duration,
  imageGCHighThresholdPercent: pointer(integer),
  imageGCLowThresholdPercent: pointer(integer),
  cgroupRoot: text,
  cgroupsPerQOS: pointer(flag),
  cgroupDriver: text,
  cpuManagerPolicy: text,
  cpuManagerPolicyOptions: words,
  cpuManagerReconcilePeriod: duration,
  memoryManagerPolicy: text,
  topologyManagerPolicy: text,
  topologyManagerScope: text,
  topologyManagerPolicyOptions: words,
  maxPods: integer,
  podPidsLimit: pids,
  resolvConf: pointer(text),
  cpuCFSQuota: pointer(flag),
  nodeStatusMaxImages: pointer(integer),
  serializeImagePulls: pointer(flag),
  maxParallelImagePulls: optional(integer),
  imagePullCredentialsVerificationPolicy: text,
  preloadedImagesVerificationAllowlist: texts,
  evictionHard: signals(threshold),
  evictionSoft: signals(threshold),
  evictionSoftGracePeriod: signals((member) => member.duration(0), formatDuration),
  evictionPressureTransitionPeriod: duration,
  evictionMaxPodGracePeriod: integer,
  evictionMinimumReclaim: signals(threshold),
  podsPerCore: integer,
  containerLogMaxSize: { ...text, read: quantity },
  containerLogMaxFiles: pointer(integer),
  containerLogMonitorInterval: pointer(duration),
  systemReserved: map(reserved),
  kubeReserved: map(reserved),
  reservedSystemCPUs: text,
  enforceNodeAllocatable: texts,
  allowedUnsafeSysctls: texts,
  providerID: text,
  shutdownGracePeriod: duration,
  shutdownGracePeriodCriticalPods: duration,
  shutdownGracePeriodByPodPriority: list(gracePeriod),
  reservedMemory: list(reservation),
  seccompDefault: pointer(flag),
  registerWithTaints: list(taint),
  registerNode: pointer(flag),
} as const satisfies { readonly [K in keyof KubeletConfig]?: Shape<KubeletConfig[K]> };
