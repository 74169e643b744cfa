// Gives running containers other resources, keeping the pod's cgroup wide enough at every moment.
import { podLabel } from '../pod/identity.ts';
import type { Pod } from '#api/types.ts';
import type { Logger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { CgroupManager } from '../cgroups/cgroup-manager.ts';
import { CgroupError } from '../cgroups/errors.ts';
import type { CgroupLimits } from '../cgroups/limits.ts';
import type { ContainerResize, PodActions } from '../pod-actions/actions.ts';
import { podLevelAmounts, type ComputeAmounts } from '../pod/resources.ts';
import { sandboxResources } from '../runtime/sandbox-config.ts';
import { CPU_PERIOD_US, quotaOf, sharesOf } from '../runtime/linux-resources.ts';
import type { AllocationManager } from './allocation-manager.ts';

export interface ResizeDeps {
  readonly runtime: RuntimeService;
  readonly cgroups: CgroupManager;
  readonly allocations: AllocationManager;
  readonly cpuCFSQuota: boolean;
  readonly logger: Logger;
}

/** A resize that would do harm now. */
class ResizeError extends Error {
  override readonly name = 'ResizeError';
}

/**
 * Memory, then CPU: what grows about the pod's cgroup, the containers, what shrinks about the cgroup. A failure stays as the
 * pod's condition. Says whether all is done. Source: doPodResizeAction.
 */
export async function resizePod(pod: Pod, { fate, resizes, resizePod: podToo }: PodActions, deps: ResizeDeps): Promise<boolean> {
  const { cgroups, allocations } = deps;
  try {
    const { grows, shrinks } = await cgroups.compare(pod, cgroups.limitsOf(pod));
    const memory = resizes.filter(({ resource }) => resource === 'memory');
    if (memory.length > 0 || podToo) await validateMemory(pod, memory, shrinks, deps);
    for (const resource of ['memory', 'cpu'] as const) {
      const steps = resizes.filter((step) => step.resource === resource);
      if (steps.length === 0 && !podToo) continue;
      await cgroups.limitPod(pod, limitsFor(resource, grows));
      for (const step of steps) await resizeContainer(pod, step, deps);
      await cgroups.limitPod(pod, limitsFor(resource, shrinks));
    }
    if (fate.kind === 'keep') await tellRuntime(pod, fate.sandboxId, deps);
    if (podToo) allocations.setActuatedPod(pod.metadata.uid, podLevelAmounts(pod.spec.resources));
    allocations.resized(pod);
    return true;
  } catch (error) {
    if (!(error instanceof CriError) && !(error instanceof CgroupError) && !(error instanceof ResizeError)) throw error;
    allocations.resized(pod, error.message);
    return false;
  }
}

/** Who watches over pods there wants to know; a runtime that cannot be told keeps no resize back. Source: updatePodSandboxResources. */
async function tellRuntime(pod: Pod, podSandboxId: string, { runtime, logger }: ResizeDeps): Promise<void> {
  try {
    await runtime.updatePodSandboxResources({ podSandboxId, ...sandboxResources(pod) });
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    if (error.code !== 'Unimplemented') logger.warn('the runtime was not told of new resources', { pod: podLabel(pod), error });
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

/** The kernel would kill what uses more than its new limit. Source: validateMemoryResizeAction. @throws ResizeError */
async function validateMemory(pod: Pod, steps: readonly ContainerResize[], shrinks: CgroupLimits, deps: ResizeDeps): Promise<void> {
  const below = (what: string, limit: number, used: number | undefined): string[] => {
    if (used === undefined) return [`missing ${what} memory usage`];
    return used < limit ? [] : [`attempting to set ${what} memory limit (${limit}) below current usage (${used})`];
  };
  const problems: string[] = [];
  if (shrinks.memory !== undefined) problems.push(...below('pod', shrinks.memory, await deps.cgroups.podMemoryUsage(pod)));
  for (const { id, container, desired, current } of steps) {
    const shrinking = desired.memoryLimit > 0 && (current.memoryLimit === 0 || desired.memoryLimit < current.memoryLimit);
    if (shrinking) problems.push(...below(`container "${container.name}"`, desired.memoryLimit, await memoryUsage(pod, id, deps)));
  }
  if (problems.length === 0) return;
  throw new ResizeError(`cannot decrease memory limits: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`);
}

/** Bytes. @throws ResizeError */
async function memoryUsage(pod: Pod, containerId: string, { runtime }: ResizeDeps): Promise<number | undefined> {
  try {
    const { stats } = await runtime.containerStats({ containerId });
    const { usageBytes, workingSetBytes } = stats?.memory ?? {};
    const bytes = usageBytes?.value ?? workingSetBytes?.value;
    return bytes === undefined ? undefined : Number(bytes);
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    throw new ResizeError(`unable to read memory usage for pod "${podLabel(pod)}"`, { cause: error });
  }
}

async function resizeContainer(pod: Pod, { id, container, resource, desired, current }: ContainerResize, deps: ResizeDeps): Promise<void> {
  const next: ComputeAmounts =
    resource === 'memory'
      ? { ...current, memoryLimit: desired.memoryLimit, memoryRequest: desired.memoryRequest }
      : { ...current, cpuLimit: desired.cpuLimit, cpuRequest: desired.cpuRequest };
  // What was set by an earlier step of this pass counts, too.
  const known = deps.allocations.actuated(pod.metadata.uid, container.name) ?? current;
  const merged: ComputeAmounts =
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
