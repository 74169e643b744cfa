// pure
// What containers and pods ask for and may use.
import type { Container, Pod, PodSpec, Quantity, ResourceRequirements } from '#api/types.ts';
import { formatBytes, formatMilli, milliOf, valueOf } from './amounts.ts';
import { isSidecar } from './containers.ts';

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

export function formatAmount(name: string, amount: number): string {
  if (name === 'cpu') return formatMilli(amount);
  return name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-') ? formatBytes(amount) : String(amount);
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  const out: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) out[name] = (out[name] ?? 0) + amount;
  return out;
}

export function maxAmounts(a: Amounts, b: Amounts): Amounts {
  const out: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) out[name] = Math.max(out[name] ?? 0, amount);
  return out;
}

type Side = 'requests' | 'limits';

const sideOf = (side: Side, requirements: ResourceRequirements | undefined): Amounts => amountsOf(requirements?.[side]);

/**
 * Requests of the pod: containers and sidecars together, or the largest init container with the sidecars before it,
 * whichever is more; pod-level resources win; overhead is added. Source: component-helpers resource.PodRequests.
 */
export function podRequests(spec: PodSpec): Amounts {
  return withOverhead(withPodLevel(aggregate(spec, 'requests'), sideOf('requests', spec.resources)), spec);
}

/** As podRequests for limits; overhead is added only where there is a limit. Source: resource.PodLimits. */
export function podLimits(spec: PodSpec): Amounts {
  const limits = withPodLevel(aggregate(spec, 'limits'), sideOf('limits', spec.resources));
  const overhead = amountsOf(spec.overhead);
  return Object.fromEntries(Object.entries(limits).map(([name, amount]) => [name, amount + (overhead[name] ?? 0)]));
}

function aggregate(spec: PodSpec, side: Side): Amounts {
  let running: Amounts = {};
  for (const container of spec.containers) running = addAmounts(running, sideOf(side, container.resources));
  let sidecars: Amounts = {};
  let initPeak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = sideOf(side, container.resources);
    if (isSidecar(container)) {
      running = addAmounts(running, own);
      sidecars = addAmounts(sidecars, own);
      initPeak = maxAmounts(initPeak, sidecars);
    } else initPeak = maxAmounts(initPeak, addAmounts(own, sidecars));
  }
  return maxAmounts(running, initPeak);
}

/** Pod-level values replace the sum, for the resources that may be set there. */
function withPodLevel(sum: Amounts, podLevel: Amounts): Amounts {
  return { ...sum, ...podLevel };
}

function withOverhead(sum: Amounts, spec: PodSpec): Amounts {
  return addAmounts(sum, amountsOf(spec.overhead));
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Source: v1qos.ComputePodQOS; pod-level resources decide alone where they are set. */
export function qosClassOf(pod: { readonly spec: PodSpec; readonly status?: Pod['status'] | undefined }): QosClass {
  return pod.status?.qosClass ?? computeQos(pod.spec);
}

const QOS_RESOURCES = ['cpu', 'memory'] as const;

export function computeQos(spec: PodSpec): QosClass {
  const demands: readonly (ResourceRequirements | undefined)[] =
    spec.resources !== undefined && hasQosResources(spec.resources)
      ? [spec.resources]
      : [...spec.containers, ...(spec.initContainers ?? [])].map((container) => container.resources);
  let any = false;
  let guaranteed = true;
  for (const demand of demands) {
    const limits = amountsOf(demand?.limits);
    const requests = { ...limits, ...amountsOf(demand?.requests) };
    for (const name of QOS_RESOURCES) {
      const limit = limits[name] ?? 0;
      const request = requests[name] ?? 0;
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || request !== limit) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function hasQosResources({ requests, limits }: ResourceRequirements): boolean {
  return QOS_RESOURCES.some((name) => requests?.[name] !== undefined || limits?.[name] !== undefined);
}
