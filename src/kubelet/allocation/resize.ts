// Gives running containers other resources, keeping the pod's cgroup wide enough at every moment.
import type { Pod } from '#api/types.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { CgroupManager } from '../cgroups/cgroup-manager.ts';
import { CgroupError } from '../cgroups/errors.ts';
import type { CgroupLimits } from '../cgroups/limits.ts';
import type { ContainerAmounts, ContainerResize, PodActions } from '../pod-actions/actions.ts';
import { CPU_PERIOD_US, quotaOf, sharesOf } from '../runtime/linux-resources.ts';
import type { AllocationManager } from './allocation-manager.ts';

export interface ResizeDeps {
  readonly runtime: RuntimeService;
  readonly cgroups: CgroupManager;
  readonly allocations: AllocationManager;
  readonly cpuCFSQuota: boolean;
}

/** A failure stays as the pod's condition and is tried again with the next pass. Source: doPodResizeAction. */
export async function resizePod(pod: Pod, { resizes }: PodActions, deps: ResizeDeps): Promise<void> {
  try {
    for (const resource of ['memory', 'cpu'] as const) {
      const steps = resizes.filter((step) => step.resource === resource);
      if (steps.length === 0) continue;
      const limits = limitsFor(resource, deps.cgroups.limitsOf(pod));
      await checkMemory(pod, limits, deps);
      const grows = steps.some((step) => sizeOf(step, resource, 'desired') > sizeOf(step, resource, 'current'));
      if (grows) await deps.cgroups.limitPod(pod, limits);
      for (const step of steps) await resizeContainer(pod, step, deps);
      if (!grows) await deps.cgroups.limitPod(pod, limits);
    }
    deps.allocations.resized(pod);
  } catch (error) {
    if (!(error instanceof CriError) && !(error instanceof CgroupError)) throw error;
    deps.allocations.resized(pod, error.message);
  }
}

function limitsFor(resource: 'memory' | 'cpu', { cpuShares, cpuQuota, cpuPeriod, memory }: CgroupLimits): CgroupLimits {
  if (resource === 'memory') return memory === undefined ? {} : { memory };
  return {
    ...(cpuShares === undefined ? {} : { cpuShares }),
    ...(cpuQuota === undefined ? {} : { cpuQuota }),
    ...(cpuPeriod === undefined ? {} : { cpuPeriod }),
  };
}

function sizeOf(step: ContainerResize, resource: 'memory' | 'cpu', which: 'desired' | 'current'): number {
  return resource === 'memory' ? step[which].memoryLimit : Math.max(step[which].cpuLimit, step[which].cpuRequest);
}

async function checkMemory(pod: Pod, { memory }: CgroupLimits, { cgroups }: ResizeDeps): Promise<void> {
  const used = memory === undefined ? undefined : await cgroups.podMemoryUsage(pod);
  if (used !== undefined && memory !== undefined && used >= memory) {
    throw new CgroupError(`aborting attempt to set pod memory limit less than current memory usage for pod ${pod.metadata.name}`);
  }
}

async function resizeContainer(pod: Pod, { id, container, resource, desired, current }: ContainerResize, deps: ResizeDeps): Promise<void> {
  const next: ContainerAmounts =
    resource === 'memory'
      ? { ...current, memoryLimit: desired.memoryLimit, memoryRequest: desired.memoryRequest }
      : { ...current, cpuLimit: desired.cpuLimit, cpuRequest: desired.cpuRequest };
  // What was set by an earlier step of this pass counts, too.
  const known = deps.allocations.actuated(pod.metadata.uid, container.name) ?? current;
  const merged: ContainerAmounts =
    resource === 'memory'
      ? { ...next, cpuLimit: known.cpuLimit, cpuRequest: known.cpuRequest }
      : { ...next, memoryLimit: known.memoryLimit, memoryRequest: known.memoryRequest };
  await deps.runtime.updateContainerResources({
    containerId: id,
    linux: {
      cpuShares: sharesOf(merged.cpuRequest),
      ...(deps.cpuCFSQuota ? { cpuQuota: quotaOf(merged.cpuLimit) || -1, cpuPeriod: CPU_PERIOD_US } : {}),
      memoryLimitInBytes: merged.memoryLimit,
    },
  });
  deps.allocations.setActuated(pod.metadata.uid, container.name, merged);
}
