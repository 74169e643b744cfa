// The quality-of-service class of a pod: who is stopped first when a node runs short. Source: qos.ComputePodQOS.
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { Container, Pod, PodSpec } from './gen/core-v1.ts';
import { addResources, equalResources, type ResourceList } from './resource-lists.ts';
import type { New } from './types.ts';

export type PodQosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** As recorded when the pod was created, or else computed. Source: qos.GetPodQOS. */
export function podQos(pod: Pod): PodQosClass {
  return pod.status?.qosClass ?? computePodQos(pod.spec);
}

/**
 * Guaranteed: every container limits CPU and memory and asks for as much. BestEffort: nothing is asked for or limited.
 * Resources of the pod as a whole, where given, decide alone.
 */
export function computePodQos(spec: PodSpec | New<PodSpec>): PodQosClass {
  const parts: readonly Part[] =
    spec.resources === undefined ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(partOf) : [partOf(spec)];
  const requests = parts.reduce<ResourceList>((sum, part) => addResources(sum, part.requests), {});
  const limits = parts.reduce<ResourceList>((sum, part) => addResources(sum, part.limits), {});
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return 'BestEffort';
  const limited = parts.every((part) => part.limits.cpu !== undefined && part.limits.memory !== undefined);
  return limited && equalResources(requests, limits) ? 'Guaranteed' : 'Burstable';
}

interface Part {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

function partOf({ resources }: Pick<New<Container>, 'resources'>): Part {
  return {
    requests: counted(resources?.requests as ResourceList | undefined),
    limits: counted(resources?.limits as ResourceList | undefined),
  };
}

/** Only CPU and memory above zero count. */
function counted(list: ResourceList | undefined): ResourceList {
  return Object.fromEntries(
    Object.entries(list ?? {}).filter(([name, quantity]) => (name === 'cpu' || name === 'memory') && parseQuantity(quantity).sign() > 0),
  );
}
