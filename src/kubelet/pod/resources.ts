// pure
// What containers and pods ask for and may use.
import { podLimits as limitsOf, podRequests as requestsOf } from '#api/pod-requests.ts';
import type { Container, PodSpec, Quantity } from '#api/types.ts';
import { milliOf, valueOf } from './amounts.ts';

export type ResourceList = Readonly<Record<string, Quantity>>;

/** Resource name to millicores for `cpu`, to whole units for all others. */
export type Amounts = Readonly<Record<string, number>>;

/** CPU in millicores, memory in bytes, 0 where unset. A limit without a request counts as the request too. */
export function containerAmounts({ resources }: Pick<Container, 'resources'>): {
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memoryRequest: number;
  readonly memoryLimit: number;
} {
  const { requests, limits } = resources ?? {};
  return {
    cpuRequest: milliOf(requests?.['cpu'] ?? limits?.['cpu']),
    cpuLimit: milliOf(limits?.['cpu']),
    memoryRequest: valueOf(requests?.['memory'] ?? limits?.['memory']),
    memoryLimit: valueOf(limits?.['memory']),
  };
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
