// What each pod asks for and may use, for /metrics/resources. Pure. Source: pkg/scheduler/metrics/resources.
import { isHugePages, podLimits, podRequests } from '#api/pod-requests.ts';
import type { ResourceList } from '#api/resource-lists.ts';
import type { Pod } from '#api/types.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { gauge } from '#base/metrics.ts';

const LABELS = ['namespace', 'pod', 'node', 'scheduler', 'priority', 'resource', 'unit'];
const UNITS: Readonly<Record<string, string>> = { cpu: 'cores', memory: 'bytes', storage: 'bytes', 'ephemeral-storage': 'bytes' };

/** Empty for extended resources. */
function unitOf(resource: string): string {
  if (isHugePages(resource)) return 'bytes';
  return UNITS[resource] ?? (resource.startsWith('attachable-volumes-') ? 'integer' : '');
}

/** Pods that have ended on a node take nothing any more. */
const isOver = ({ spec, status }: Pod): boolean =>
  (spec.nodeName ?? '') !== '' && (status.phase === 'Succeeded' || status.phase === 'Failed');

/** Text exposition format. */
export function exposePodResources(pods: Iterable<Pod>): string {
  const counted = [...pods].filter((pod) => !isOver(pod));
  const samples = function* (resourcesOf: (pod: Pod) => ResourceList) {
    for (const pod of counted) {
      const { nodeName = '', schedulerName, priority } = pod.spec;
      const labels = [pod.metadata.namespace ?? '', pod.metadata.name, nodeName, schedulerName, String(priority ?? '')];
      for (const [resource, amount] of Object.entries(resourcesOf(pod))) {
        const value = parseQuantity(amount).asFloat();
        if (value !== 0) yield [[...labels, resource, unitOf(resource)], value] as const;
      }
    }
  };
  return [
    gauge('kube_pod_resource_limit', '[STABLE] The most each pod may use of a resource, with its unit.', LABELS, samples(podLimits)),
    gauge('kube_pod_resource_request', '[STABLE] What each pod asks for of a resource, with its unit.', LABELS, samples(podRequests)),
  ].join('');
}
