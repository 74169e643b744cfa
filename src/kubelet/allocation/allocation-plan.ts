// Whether a running pod can have the resources its spec now asks for.
import { ownValue } from '#api/json-object.ts';
import { podQos } from '#api/pod-qos.ts';
import type { Container, Node, Pod, ResourceRequirements } from '#api/types.ts';
import { firstInsufficient } from '../admission/admission-plan.ts';
import { isStaticPod } from '../pod/identity.ts';
import { amountsOf, podRequests } from '../pod/resources.ts';

export interface Allocation {
  /** Container name to what it was given. */
  readonly allocated: Readonly<Record<string, ResourceRequirements>>;
  /** What the pod as a whole was given, where its spec says that. */
  readonly allocatedPod?: ResourceRequirements;
}

/** Managers that give CPUs and memory to guaranteed pods for good. */
export interface StaticPolicies {
  readonly cpu: boolean;
  readonly memory: boolean;
}

const NO_POLICIES: StaticPolicies = { cpu: false, memory: false };

export type ResizeVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'grant' }
  /** Not now, or never on this node. */
  | { readonly kind: 'pending'; readonly reason: 'Deferred' | 'Infeasible'; readonly message: string };

export function allocationOf({ spec }: Pod): Allocation {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return {
    allocated: Object.fromEntries(containers.map(({ name, resources }) => [name, resources ?? {}])),
    ...(spec.resources === undefined ? {} : { allocatedPod: spec.resources }),
  };
}

/** The pod as if its spec asked for what it was given. Source: UpdatePodFromAllocation. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined || !differs(pod, allocation)) return pod;
  const { allocated, allocatedPod } = allocation;
  const give = <T extends Container>(container: T): T => ({
    ...container,
    resources: ownValue(allocated, container.name) ?? container.resources,
  });
  const { resources: _, ...spec } = pod.spec;
  const { initContainers } = spec;
  return {
    ...pod,
    spec: {
      ...spec,
      ...(allocatedPod === undefined ? {} : { resources: allocatedPod }),
      containers: spec.containers.map(give),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(give) }),
    },
  };
}

function differs({ spec }: Pod, { allocated, allocatedPod }: Allocation, kinds: readonly string[] = ['cpu', 'memory']): boolean {
  const same = (a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean => {
    const sides = ['requests', 'limits'] as const;
    return sides.every((side) => {
      const [x, y] = [amountsOf(a?.[side]), amountsOf(b?.[side])];
      return kinds.every((name) => x[name] === y[name]);
    });
  };
  if (!same(spec.resources, allocatedPod)) return true;
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name, resources }) => !same(resources, ownValue(allocated, name)));
}

/** Source: allocation manager canResizePod. */
export function judgeResize(
  pod: Pod,
  allocation: Allocation,
  node: Node,
  others: readonly Pod[],
  policies: StaticPolicies = NO_POLICIES,
): ResizeVerdict {
  if (!differs(pod, allocation)) return { kind: 'none' };
  for (const [kind, name] of [
    ['cpu', 'CPU'],
    ['memory', 'Memory'],
  ] as const) {
    if (!policies[kind] || podQos(pod) !== 'Guaranteed' || !differs(pod, allocation, [kind])) continue;
    const message = `Resize is infeasible for Guaranteed Pods alongside ${name} Manager static policy`;
    return { kind: 'pending', reason: 'Infeasible', message };
  }
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
