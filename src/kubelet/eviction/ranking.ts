// pure
// Which pod goes first, and what it is told.
import { isCriticalPod, podPriority } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { thresholdAmount } from '../node/status.ts';
import { formatBytes, valueOf } from '../pod/amounts.ts';
import { podRequests } from '../pod/resources.ts';
import type { PodSummary } from '../stats/summary.ts';
import { RESOURCE_OF, type Observations, type Threshold } from './thresholds.ts';

type Resource = (typeof RESOURCE_OF)[Threshold['signal']];

/** Pods that may be evicted for `threshold`, the first to go first. Source: rankMemoryPressure, rankDiskPressureFunc, rankPIDPressure. */
export function rankPods(pods: readonly Pod[], stats: ReadonlyMap<string, PodSummary>, threshold: Threshold): readonly Pod[] {
  const resource = RESOURCE_OF[threshold.signal];
  const excess = (pod: Pod): number => usageOf(resource, stats.get(pod.metadata.uid)) - requestOf(resource, pod);
  const exceeds = (pod: Pod): boolean => (resource === 'memory' || resource === 'ephemeral-storage') && excess(pod) > 0;
  return pods
    .filter((pod) => !isCriticalPod(pod))
    .toSorted((a, b) => Number(exceeds(b)) - Number(exceeds(a)) || podPriority(a) - podPriority(b) || excess(b) - excess(a));
}

function usageOf(resource: Resource, stats: PodSummary | undefined): number {
  switch (resource) {
    case 'memory':
      return stats?.memory?.workingSetBytes ?? 0;
    case 'ephemeral-storage':
      return stats?.['ephemeral-storage']?.usedBytes ?? 0;
    case 'inodes':
      return stats?.['ephemeral-storage']?.inodesUsed ?? 0;
    case 'pids':
      return stats?.process_stats?.process_count ?? 0;
  }
}

function requestOf(resource: Resource, pod: Pod): number {
  return resource === 'memory' || resource === 'ephemeral-storage' ? (podRequests(pod.spec)[resource] ?? 0) : 0;
}

/** Source: evictionMessage. */
export function evictionMessage(pod: Pod, stats: PodSummary | undefined, threshold: Threshold, observations: Observations): string {
  const resource = RESOURCE_OF[threshold.signal];
  const observed = observations[threshold.signal];
  let message = `The node was low on resource: ${resource}. `;
  if (observed !== undefined) {
    const shown = (amount: number): string => (resource === 'inodes' || resource === 'pids' ? String(amount) : formatBytes(amount));
    const quantity = threshold.value.endsWith('%') ? shown(thresholdAmount(threshold.value, observed.capacity)) : threshold.value;
    message += `Threshold quantity: ${quantity}, available: ${resource === 'inodes' || resource === 'pids' ? observed.available : `${Math.floor(observed.available / 1024)}Ki`}. `;
  }
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return message;
  for (const { name, resources } of pod.spec.containers) {
    const figures = stats?.containers.find((each) => each.name === name);
    const used =
      resource === 'memory' ? figures?.memory?.workingSetBytes : (figures?.rootfs?.usedBytes ?? 0) + (figures?.logs?.usedBytes ?? 0);
    const request = valueOf(resources?.requests?.[resource]);
    if (used === undefined || used <= request) continue;
    message += `Container ${name} was using ${Math.ceil(used / 1024)}Ki, request is ${formatBytes(request)}, has larger consumption of ${resource}. `;
  }
  return message;
}

/** What a pod exceeds. Source: pkg/kubelet/eviction signalEmptyDirFsLimit and its siblings. */
export interface LocalStorageViolation {
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

/** What a pod uses beyond its own limits of local storage; undefined when it keeps them. Source: localStorageEviction. */
export function localStorageViolation(pod: Pod, stats: PodSummary): LocalStorageViolation | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = valueOf(emptyDir?.sizeLimit);
    const used = stats.volume?.find((volume) => volume.name === name)?.usedBytes ?? 0;
    if (limit > 0 && used > limit)
      return { signal: 'emptydirfs.limit', message: `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". ` };
  }
  const total = pod.spec.containers.reduce((sum, { resources }) => sum + valueOf(resources?.limits?.['ephemeral-storage']), 0);
  if (
    total > 0 &&
    (stats['ephemeral-storage']?.usedBytes ?? 0) > total &&
    pod.spec.containers.every(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined)
  ) {
    const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${formatBytes(total)}. `;
    return { signal: 'ephemeralpodfs.limit', message };
  }
  for (const { name, resources } of pod.spec.containers) {
    const limit = valueOf(resources?.limits?.['ephemeral-storage']);
    const figures = stats.containers.find((each) => each.name === name);
    if (limit > 0 && (figures?.rootfs?.usedBytes ?? 0) + (figures?.logs?.usedBytes ?? 0) > limit) {
      const message = `Container ${name} exceeded its local ephemeral storage limit "${resources?.limits?.['ephemeral-storage']}". `;
      return { signal: 'ephemeralcontainerfs.limit', message };
    }
  }
  return undefined;
}
