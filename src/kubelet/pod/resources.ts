// pure
// What containers and pods ask for and may use.
import { podLimits as limitsOf, podRequests as requestsOf } from '#api/pod-requests.ts';
import type { Container, PodSpec, Quantity, ResourceRequirements } from '#api/types.ts';
import { milliOf, valueOf } from './amounts.ts';

export type ResourceList = Readonly<Record<string, Quantity>>;

/** Resource name to millicores for `cpu`, to whole units for all others. */
export type Amounts = Readonly<Record<string, number>>;

/** Resources of one container, or of a pod as a whole: millicores and bytes, 0 where unset. */
export interface ComputeAmounts {
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memoryRequest: number;
  readonly memoryLimit: number;
}

/**
 * A limit without a request counts as the request too. A container without a limit has that of its pod, for programs that read
 * limits. Source: getCPULimit, getMemoryLimit, calculateLinuxResources.
 */
export function containerAmounts({ resources }: Pick<Container, 'resources'>, pod: Pick<PodSpec, 'resources'>): ComputeAmounts {
  const { requests, limits } = resources ?? {};
  const cpuLimit = limits?.['cpu'] ?? pod.resources?.limits?.['cpu'];
  return {
    cpuRequest: milliOf(requests?.['cpu'] ?? cpuLimit),
    cpuLimit: milliOf(cpuLimit),
    memoryRequest: valueOf(requests?.['memory'] ?? limits?.['memory']),
    memoryLimit: valueOf(limits?.['memory'] ?? pod.resources?.limits?.['memory']),
  };
}

/** Source: podResourcesFromRequirements. */
export function podLevelAmounts({ requests, limits }: ResourceRequirements = {}): ComputeAmounts {
  return {
    cpuRequest: milliOf(requests?.['cpu']),
    cpuLimit: milliOf(limits?.['cpu']),
    memoryRequest: valueOf(requests?.['memory']),
    memoryLimit: valueOf(limits?.['memory']),
  };
}

export function equalAmounts(a: ComputeAmounts, b: ComputeAmounts): boolean {
  return (
    a.cpuRequest === b.cpuRequest && a.cpuLimit === b.cpuLimit && a.memoryRequest === b.memoryRequest && a.memoryLimit === b.memoryLimit
  );
}

export function amountsOf(list: ResourceList | undefined): Amounts {
  const out: Record<string, number> = {};
  for (const [name, quantity] of Object.entries(list ?? {})) out[name] = name === 'cpu' ? milliOf(quantity) : valueOf(quantity);
  return out;
}

/** As the scheduler counts: pod-level resources win, overhead is added. */
export function podRequests(spec: PodSpec): Amounts {
  return amountsOf(requestsOf({ spec }));
}

/** As podRequests; overhead is added only where there is a limit. */
export function podLimits(spec: PodSpec): Amounts {
  return amountsOf(limitsOf({ spec }));
}
