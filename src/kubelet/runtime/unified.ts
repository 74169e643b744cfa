// pure
// What a container's cgroup is set to that CRI has no field for: files of cgroups of version 2.
import { podQos } from '#api/pod-qos.ts';
import { isCriticalPod } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { valueOf } from '../pod/amounts.ts';
import type { AnyContainer } from '../pod/containers.ts';

export interface UnifiedSettings {
  /** Of a container that is out of memory one process ends, not all of them. Source: KubeletConfiguration. */
  readonly singleProcessOOMKill: boolean;
  /** `NoSwap` or `LimitedSwap`; undefined where the kernel does not account for swap. */
  readonly swapBehavior: string | undefined;
  /** Bytes of the machine. */
  readonly swapCapacity: number;
  readonly memoryCapacity: number;
}

/** By name of the file. Source: generateLinuxContainerResources, swapConfigurationHelper. */
export function unifiedFiles(container: AnyContainer, pod: Pod, settings: UnifiedSettings): Readonly<Record<string, string>> {
  const { singleProcessOOMKill, swapBehavior } = settings;
  return {
    ...(singleProcessOOMKill ? {} : { 'memory.oom.group': '1' }),
    ...(swapBehavior === undefined ? {} : { 'memory.swap.max': String(swapOf(container, pod, settings)) }),
  };
}

/** Bytes: as large a part of the machine's swap as the container asks for of its memory. Source: calcSwapForBurstablePods. */
function swapOf(container: AnyContainer, pod: Pod, { swapBehavior, swapCapacity, memoryCapacity }: UnifiedSettings): number {
  const [request, limit] = [valueOf(container.resources?.requests?.['memory']), valueOf(container.resources?.limits?.['memory'])];
  const may = swapBehavior === 'LimitedSwap' && podQos(pod) === 'Burstable' && !isCriticalPod(pod) && request > 0 && request !== limit;
  return may ? Math.floor((Math.min(request, memoryCapacity) / memoryCapacity) * swapCapacity) : 0;
}
