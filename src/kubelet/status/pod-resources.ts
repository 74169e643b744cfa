// pure
// What the status of a pod says about the resources of the pod as a whole.
import { podRequests } from '#api/pod-requests.ts';
import type { Pod, PodStatus } from '#api/types.ts';
import { formatBytes, formatMilli } from '../pod/amounts.ts';
import { amountsOf, type ComputeAmounts, type ResourceList } from '../pod/resources.ts';

/** `pod` has what it was allocated. Source: PodStatus.resources, .allocatedResources; convertToAPIPodLevelResourcesStatus. */
export function podResourceStatus(pod: Pod, actuated: ComputeAmounts | undefined): Pick<PodStatus, 'resources' | 'allocatedResources'> {
  const { resources } = pod.spec;
  const allocatedResources = resources?.requests ?? podRequests(pod, { overhead: 'excluded' });
  const allocated = Object.keys(allocatedResources).length === 0 ? {} : { allocatedResources };
  if (resources === undefined) return allocated;
  const { requests, limits } = resources;
  return {
    ...allocated,
    resources: {
      ...resources,
      ...(requests === undefined ? {} : { requests: inForce(requests, actuated?.cpuRequest, actuated?.memoryRequest) }),
      ...(limits === undefined ? {} : { limits: inForce(limits, actuated?.cpuLimit, actuated?.memoryLimit) }),
    },
  };
}

/** `list` as it is written, but for what is not yet, or no longer, so. */
function inForce(list: ResourceList, cpu: number | undefined, memory: number | undefined): ResourceList {
  const wanted = amountsOf(list);
  const differs = (name: string, have: number | undefined): have is number => have !== undefined && have > 0 && wanted[name] !== have;
  return {
    ...list,
    ...(list['cpu'] !== undefined && differs('cpu', cpu) ? { cpu: formatMilli(cpu) } : {}),
    ...(list['memory'] !== undefined && differs('memory', memory) ? { memory: formatBytes(memory) } : {}),
  };
}
