// pure
// The runtime's and the machine's figures in the shapes of the stats API.
import { formatTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import type { FilesystemUsage, MemoryUsage, NetworkUsage } from '#cri/gen/stats.ts';
import { fromNanos } from '../runtime/convert.ts';
import type { Filesystems } from './node-usage.ts';
import type { ContainerSummary, CpuStats, FsStats, MemoryStats, NetworkStats, VolumeSummary } from './summary.ts';

export function fsStats(time: string, { availableBytes, capacityBytes, inodes, inodesFree }: Filesystems['node']): FsStats {
  return {
    time,
    availableBytes,
    capacityBytes,
    usedBytes: capacityBytes - availableBytes,
    inodesFree,
    inodes,
    inodesUsed: inodes - inodesFree,
  };
}

export function layerStats(layer: FilesystemUsage | undefined, { image }: Filesystems): FsStats | undefined {
  if (layer === undefined) return undefined;
  const time = formatTime(fromNanos(layer.timestamp));
  return { ...fsStats(time, image), usedBytes: layer.usedBytes?.value ?? 0, inodesUsed: layer.inodesUsed?.value ?? 0 };
}

export function memoryStats(memory: MemoryUsage | undefined): MemoryStats | undefined {
  if (memory === undefined) return undefined;
  const value = (name: string, field: { readonly value: number } | undefined): Readonly<Record<string, number>> =>
    field === undefined ? {} : { [name]: field.value };
  return {
    time: formatTime(fromNanos(memory.timestamp)),
    ...value('availableBytes', memory.availableBytes),
    ...value('usageBytes', memory.usageBytes),
    ...value('workingSetBytes', memory.workingSetBytes),
    ...value('rssBytes', memory.rssBytes),
    ...value('pageFaults', memory.pageFaults),
    ...value('majorPageFaults', memory.majorPageFaults),
  };
}

export function networkStats(network: NetworkUsage | undefined): NetworkStats | undefined {
  if (network?.defaultInterface === undefined) return undefined;
  const face = ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }: NonNullable<NetworkUsage['defaultInterface']>): NetworkStats['interfaces'][number] => ({
    name,
    rxBytes: rxBytes?.value ?? 0,
    rxErrors: rxErrors?.value ?? 0,
    txBytes: txBytes?.value ?? 0,
    txErrors: txErrors?.value ?? 0,
  });
  const interfaces = network.interfaces.length > 0 ? network.interfaces : [network.defaultInterface];
  return { time: formatTime(fromNanos(network.timestamp)), ...face(network.defaultInterface), interfaces: interfaces.map(face) };
}

export function sumCpu(containers: readonly ContainerSummary[], time: string): CpuStats | undefined {
  if (containers.length === 0) return undefined;
  const sum = (of: (cpu: CpuStats) => number | undefined): number =>
    containers.reduce((total, { cpu }) => total + (cpu === undefined ? 0 : (of(cpu) ?? 0)), 0);
  return {
    time,
    usageNanoCores: sum(({ usageNanoCores }) => usageNanoCores),
    usageCoreNanoSeconds: sum(({ usageCoreNanoSeconds }) => usageCoreNanoSeconds),
  };
}

export function sumMemory(containers: readonly ContainerSummary[], time: string): MemoryStats | undefined {
  if (containers.length === 0) return undefined;
  const sum = (of: (memory: MemoryStats) => number | undefined): number =>
    containers.reduce((total, { memory }) => total + (memory === undefined ? 0 : (of(memory) ?? 0)), 0);
  return {
    time,
    usageBytes: sum(({ usageBytes }) => usageBytes),
    workingSetBytes: sum(({ workingSetBytes }) => workingSetBytes),
    rssBytes: sum(({ rssBytes }) => rssBytes),
  };
}

/** Writable layers, logs, and volumes of the pod's own on disk. Source: calcEphemeralStorage. */
export function ephemeralStats(
  pod: Pod,
  containers: readonly ContainerSummary[],
  volumes: readonly VolumeSummary[],
  filesystems: Filesystems,
  time: string,
): FsStats {
  const local = new Set(
    (pod.spec.volumes ?? [])
      .filter(({ emptyDir, configMap }) => (emptyDir !== undefined && emptyDir.medium !== 'Memory') || configMap !== undefined)
      .map(({ name }) => name),
  );
  const parts: readonly (FsStats | undefined)[] = [
    ...containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...volumes.filter(({ name }) => local.has(name)),
  ];
  const sum = (of: (fs: FsStats) => number | undefined): number =>
    parts.reduce((total, fs) => total + (fs === undefined ? 0 : (of(fs) ?? 0)), 0);
  return {
    ...fsStats(time, filesystems.node),
    usedBytes: sum(({ usedBytes }) => usedBytes),
    inodesUsed: sum(({ inodesUsed }) => inodesUsed),
  };
}
