// Whether a running pod can have the resources its spec now asks for.
import type { Container, Node, Pod, ResourceRequirements } from '#api/types.ts';
import { firstInsufficient } from '../admission/admission-plan.ts';
import { isStaticPod } from '../pod/identity.ts';
import { amountsOf, podRequests } from '../pod/resources.ts';

/** Container name to what it was given. */
export type Allocation = Readonly<Record<string, ResourceRequirements>>;

export type ResizeVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'grant' }
  /** Not now, or never on this node. */
  | { readonly kind: 'pending'; readonly reason: 'Deferred' | 'Infeasible'; readonly message: string };

export function allocationOf({ spec }: Pod): Allocation {
  return Object.fromEntries([...(spec.initContainers ?? []), ...spec.containers].map(({ name, resources }) => [name, resources ?? {}]));
}

/** The pod as if its spec asked for what it was given. Source: UpdatePodFromAllocation. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined || !differs(pod, allocation)) return pod;
  const give = <T extends Container>(container: T): T => ({ ...container, resources: allocation[container.name] ?? container.resources });
  const { initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map(give),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(give) }),
    },
  };
}

function differs({ spec }: Pod, allocation: Allocation): boolean {
  const same = (a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean => {
    const sides = ['requests', 'limits'] as const;
    return sides.every((side) => {
      const [x, y] = [amountsOf(a?.[side]), amountsOf(b?.[side])];
      return ['cpu', 'memory'].every((name) => x[name] === y[name]);
    });
  };
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name, resources }) => !same(resources, allocation[name]));
}

/** Source: allocation manager canResizePod. */
export function judgeResize(pod: Pod, allocation: Allocation, node: Node, others: readonly Pod[]): ResizeVerdict {
  if (!differs(pod, allocation)) return { kind: 'none' };
  if (isStaticPod(pod)) return { kind: 'pending', reason: 'Infeasible', message: 'In-place resize of static-pods is not supported' };
  const capacity = amountsOf(node.status?.allocatable);
  const wanted = podRequests(pod.spec);
  for (const name of ['cpu', 'memory']) {
    if ((wanted[name] ?? 0) > (capacity[name] ?? 0)) {
      const message = `Node didn't have enough capacity: ${name}, requested: ${wanted[name]}, capacity: ${capacity[name] ?? 0}`;
      return { kind: 'pending', reason: 'Infeasible', message };
    }
  }
  const short = firstInsufficient({ pod, node, others });
  if (short === undefined || !['cpu', 'memory'].includes(short.resource)) return { kind: 'grant' };
  const { resource, requested, used, capacity: total } = short;
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${total}`;
  return { kind: 'pending', reason: 'Deferred', message };
}
