// pure
// What of the machine and its settings decides a container's resources in the kernel's units.
import type { KubeletConfig } from '../configuration/config.ts';
import { otherValues } from '../configuration/other-fields.ts';
import type { MachineFacts } from '../node/machine.ts';
import type { ResourceSettings } from './linux-resources.ts';

/** Source: kubelet server (defaults that follow from the machine), kuberuntime configureContainerSwapResources. */
export function resourceSettingsOf(config: KubeletConfig, { memory, swap, cgroups }: MachineFacts): ResourceSettings {
  const { singleProcessOOMKill = false, memorySwap } = otherValues(config.others);
  const swapBehavior = cgroups.swap ? String(memorySwap['swapBehavior'] || 'NoSwap') : undefined;
  const unified = { singleProcessOOMKill, swapBehavior, swapCapacity: swap, memoryCapacity: memory };
  return { cpuCFSQuota: config.cpuCFSQuota, memoryCapacity: memory, ...(cgroups.version === 2 ? { unified } : {}) };
}
