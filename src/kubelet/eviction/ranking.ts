// pure
// Which pod goes first, and what it is told.
import { isCriticalPod, podPriority } from '#api/pods.ts';
import type { Container, Pod } from '#api/types.ts';
import { parseQuantity, Quantity } from '#apimachinery/quantity.ts';
import { thresholdAmount } from '../node/status.ts';
import { formatBytes, valueOf } from '../pod/amounts.ts';
import { podLimits, podRequests } from '../pod/resources.ts';
import type { ContainerSummary, FsStats, PodSummary } from '../stats/summary.ts';
import { RESOURCE_OF, type Observations, type Threshold } from './thresholds.ts';

type Resource = (typeof RESOURCE_OF)[Threshold['signal']];

/** Whether images and writable layers lie on the file system of everything else. Source: HasDedicatedImageFs. */
export interface DiskLayout {
  readonly shared: boolean;
}

/**
 * Pods that may be evicted for `threshold`, the first to go first; of those without figures nothing speaks for them.
 * Source: rankMemoryPressure, rankDiskPressureFunc, rankPIDPressure.
 */
export function rankPods(
  pods: readonly Pod[],
  stats: ReadonlyMap<string, PodSummary>,
  threshold: Threshold,
  layout: DiskLayout,
): readonly Pod[] {
  const resource = RESOURCE_OF[threshold.signal];
  const excess = (pod: Pod): number => {
    const figures = stats.get(pod.metadata.uid);
    return figures === undefined ? Infinity : usageOf(threshold.signal, figures, layout) - requestOf(resource, pod);
  };
  const unknown = (pod: Pod): number => Number(!stats.has(pod.metadata.uid));
  const exceeds = (pod: Pod): number => (resource === 'pids' ? 0 : Number(excess(pod) > 0));
  const larger = (a: Pod, b: Pod): number => (excess(a) === excess(b) ? 0 : excess(b) - excess(a));
  return pods
    .filter((pod) => !isCriticalPod(pod))
    .toSorted(
      (a, b) =>
        (resource === 'pids' ? 0 : unknown(b) - unknown(a)) || exceeds(b) - exceeds(a) || podPriority(a) - podPriority(b) || larger(a, b),
    );
}

/** Where images have a file system of their own, writable layers are there and all else is here. Source: buildSignalToRankFunc. */
function usageOf(signal: Threshold['signal'], stats: PodSummary, { shared }: DiskLayout): number {
  const disk = (of: (fs: FsStats) => number | undefined): number => {
    const whole = stats['ephemeral-storage'];
    const layers = stats.containers.reduce((sum, { rootfs }) => sum + (rootfs === undefined ? 0 : (of(rootfs) ?? 0)), 0);
    const all = whole === undefined ? 0 : (of(whole) ?? 0);
    if (shared) return all;
    return signal.startsWith('imagefs') ? layers : all - layers;
  };
  switch (RESOURCE_OF[signal]) {
    case 'memory':
      return stats.memory?.workingSetBytes ?? 0;
    case 'ephemeral-storage':
      return disk(({ usedBytes }) => usedBytes);
    case 'inodes':
      return disk(({ inodesUsed }) => inodesUsed);
    case 'pids':
      return stats.process_stats?.process_count ?? 0;
  }
}

function requestOf(resource: Resource, pod: Pod): number {
  return resource === 'memory' || resource === 'ephemeral-storage' ? (podRequests(pod.spec)[resource] ?? 0) : 0;
}

export interface EvictionWords {
  readonly message: string;
  /** Of the event. Source: pkg/kubelet/eviction OffendingContainersKey and its siblings. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a pod is told that goes for `threshold`. Source: evictionMessage. */
export function evictionWords(pod: Pod, stats: PodSummary | undefined, threshold: Threshold, observations: Observations): EvictionWords {
  const resource = RESOURCE_OF[threshold.signal];
  const observed = observations[threshold.signal];
  let message = `The node was low on resource: ${resource}. `;
  if (observed !== undefined) {
    const { value } = threshold;
    const quantity = value.endsWith('%') ? formatBytes(thresholdAmount(value, observed.capacity)) : parseQuantity(value).toString();
    const counted = resource === 'inodes' || resource === 'pids';
    const available = counted ? Quantity.of(observed.available).toString() : formatBytes(observed.available);
    message += `Threshold quantity: ${quantity}, available: ${available}. `;
  }
  if (stats === undefined) return { message };
  const offending = stats.containers.flatMap((figures) => {
    const container = pod.spec.containers.find(({ name }) => name === figures.name);
    const used = container === undefined ? undefined : consumedOf(resource, figures);
    const request = container === undefined ? undefined : requestedOf(resource, pod, container);
    return used === undefined || used <= valueOf(request) ? [] : [{ name: figures.name, used: formatBytes(used), request: request ?? '0' }];
  });
  for (const { name, used, request } of offending)
    message += `Container ${name} was using ${used}, request is ${request}, has larger consumption of ${resource}. `;
  const annotations = {
    offending_containers: offending.map(({ name }) => name).join(),
    offending_containers_usage: offending.map(({ used }) => used).join(),
    starved_resource: resource,
  };
  return { message, annotations };
}

/** Bytes of what a container asks for by itself; undefined where that is not known. */
function consumedOf(resource: Resource, { memory, rootfs, logs }: ContainerSummary): number | undefined {
  if (resource === 'memory') return memory?.workingSetBytes;
  if (resource !== 'ephemeral-storage' || rootfs?.usedBytes === undefined || logs?.usedBytes === undefined) return undefined;
  return rootfs.usedBytes + logs.usedBytes;
}

/** Memory may have been resized: what the container was given counts. */
function requestedOf(resource: Resource, { status }: Pod, { name, resources }: Container): string | undefined {
  const own = status.containerStatuses?.find((each) => each.name === name);
  return resource === 'memory' && own !== undefined ? own.allocatedResources?.['memory'] : resources?.requests?.[resource];
}

/** What a pod exceeds. Source: pkg/kubelet/eviction signalEmptyDirFsLimit and its siblings. */
export interface LocalStorageViolation {
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

/** What a pod uses beyond its own limits of local storage; undefined when it keeps them. Source: localStorageEviction. */
export function localStorageViolation(pod: Pod, stats: PodSummary, { shared }: DiskLayout): LocalStorageViolation | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = valueOf(emptyDir?.sizeLimit);
    const used = stats.volume?.find((volume) => volume.name === name)?.usedBytes ?? 0;
    if (limit > 0 && used > limit)
      return { signal: 'emptydirfs.limit', message: `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". ` };
  }
  // Containers without a limit add to what is used, not to what may be.
  const total = podLimits(pod.spec)['ephemeral-storage'];
  if (total !== undefined && (stats['ephemeral-storage']?.usedBytes ?? 0) > total) {
    const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${formatBytes(total)}. `;
    return { signal: 'ephemeralpodfs.limit', message };
  }
  for (const { name, resources } of pod.spec.containers) {
    const limit = valueOf(resources?.limits?.['ephemeral-storage']);
    const figures = stats.containers.find((each) => each.name === name);
    if (limit > 0 && (shared ? (figures?.rootfs?.usedBytes ?? 0) : 0) + (figures?.logs?.usedBytes ?? 0) > limit) {
      const message = `Container ${name} exceeded its local ephemeral storage limit "${resources?.limits?.['ephemeral-storage']}". `;
      return { signal: 'ephemeralcontainerfs.limit', message };
    }
  }
  return undefined;
}
