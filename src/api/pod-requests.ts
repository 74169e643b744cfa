// What a pod asks for as a whole: containers, sidecars, init containers, pod-level resources and overhead.
// Source: component-helpers/resource PodRequests, PodLimits, AggregateContainerRequests, AggregateContainerLimits.
import type { Container, Pod } from './gen/core-v1.ts';
import { ownValue } from './json-object.ts';
import { addResources, maxResources, type ResourceList } from './resource-lists.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { New } from './types.ts';

export interface PodRequestOptions {
  /**
   * `status`: containers that were resized count with the greatest of what they ask for, were allotted and really
   * have. `spec` (default): only what they ask for.
   */
  readonly basis?: 'spec' | 'status';
  /** Default: included. */
  readonly overhead?: 'included' | 'excluded';
  /** What a container counts with for a resource it does not mention: the scheduler's non-zero requests. */
  readonly missing?: ResourceList;
  /** `containers`: pod-level resources are left out of account. */
  readonly level?: 'pod' | 'containers';
}

/** A pod in any state of completion: before or after defaulting. */
type AnyPod = Pod | New<Pod>;
type AnyContainer = Container | New<Container>;

/** The resources the scheduler reserves for a pod. */
export function podRequests(pod: AnyPod, options: PodRequestOptions = {}): ResourceList {
  let total = containerRequests(pod, options);
  const podLevel = pod.spec?.resources?.requests;
  if (options.level !== 'containers' && podLevel !== undefined) {
    const state = options.basis === 'status' ? pod.status : undefined;
    const effective =
      state?.resources === undefined
        ? podLevel
        : effectiveRequests(
            pod,
            podLevel as ResourceList,
            state.resources.requests as ResourceList | undefined,
            state.allocatedResources as ResourceList | undefined,
          );
    total = replacePodLevel(total, podLevel as ResourceList, effective as ResourceList);
  }
  return options.overhead === 'excluded' ? total : addResources(total, pod.spec?.overhead as ResourceList | undefined);
}

/** The most a pod may use; overhead is added only to resources that are limited. */
export function podLimits(pod: AnyPod, options: PodRequestOptions = {}): ResourceList {
  let total = containerLimits(pod, options);
  const podLevel = pod.spec?.resources?.limits as ResourceList | undefined;
  if (options.level !== 'containers' && podLevel !== undefined) {
    const actuated = options.basis === 'status' ? (pod.status?.resources?.limits as ResourceList | undefined) : undefined;
    total = replacePodLevel(total, podLevel, actuated === undefined ? podLevel : effectiveLimits(pod, podLevel, actuated));
  }
  if (options.overhead === 'excluded') return total;
  const overhead = Object.entries((pod.spec?.overhead ?? {}) as ResourceList).filter(([name]) => {
    const limit = ownValue(total, name);
    return limit !== undefined && parseQuantity(limit).sign() !== 0;
  });
  return addResources(total, Object.fromEntries(overhead));
}

/** Requests of all containers together, without pod level and overhead. */
export function containerRequests(pod: AnyPod, options: PodRequestOptions = {}): ResourceList {
  const ask = (container: AnyContainer): ResourceList => {
    const spec = (container.resources?.requests ?? {}) as ResourceList;
    const status = options.basis === 'status' ? resizedStatus(pod, container) : undefined;
    const effective =
      status?.resources === undefined
        ? spec
        : effectiveRequests(
            pod,
            spec,
            status.resources.requests as ResourceList | undefined,
            status.allocatedResources as ResourceList | undefined,
          );
    return options.missing === undefined ? effective : { ...options.missing, ...effective };
  };
  return aggregate(pod, ask);
}

/** Limits of all containers together, without pod level and overhead. */
export function containerLimits(pod: AnyPod, options: PodRequestOptions = {}): ResourceList {
  return aggregate(pod, (container) => {
    const spec = (container.resources?.limits ?? {}) as ResourceList;
    const status = options.basis === 'status' ? resizedStatus(pod, container) : undefined;
    return status?.resources === undefined ? spec : effectiveLimits(pod, spec, status.resources.limits as ResourceList | undefined);
  });
}

/**
 * Containers run together, so they add up. An init container runs with the sidecars started before it, so each is a
 * moment of its own, and the greatest moment counts.
 */
function aggregate(pod: AnyPod, ask: (container: AnyContainer) => ResourceList): ResourceList {
  let total: ResourceList = {};
  let sidecars: ResourceList = {};
  let starting: ResourceList = {};
  for (const container of pod.spec?.containers ?? []) total = addResources(total, ask(container));
  for (const container of pod.spec?.initContainers ?? []) {
    const asked = ask(container);
    if (container.restartPolicy === 'Always') {
      total = addResources(total, asked);
      sidecars = addResources(sidecars, asked);
      starting = maxResources(starting, sidecars);
    } else {
      starting = maxResources(starting, addResources(asked, sidecars));
    }
  }
  return maxResources(total, starting);
}

/** Only containers that keep running are resized: normal ones and sidecars. */
function resizedStatus(pod: AnyPod, container: AnyContainer) {
  const isInit = pod.spec?.initContainers?.includes(container as never) === true;
  if (isInit && container.restartPolicy !== 'Always') return undefined;
  const statuses = isInit ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
  return statuses?.find((status) => status.name === container.name);
}

function effectiveRequests(
  pod: AnyPod,
  spec: ResourceList,
  actuated: ResourceList | undefined,
  allocated: ResourceList | undefined,
): ResourceList {
  const running = maxResources(actuated ?? {}, allocated);
  return isResizeInfeasible(pod) ? running : maxResources(spec, running);
}

function effectiveLimits(pod: AnyPod, spec: ResourceList, actuated: ResourceList | undefined): ResourceList {
  return isResizeInfeasible(pod) ? (actuated ?? {}) : maxResources(spec, actuated);
}

/** The node will never have room for what the pod was resized to. Source: IsPodResizeInfeasible. */
export function isResizeInfeasible(pod: AnyPod): boolean {
  return pod.status?.conditions?.find((condition) => condition.type === 'PodResizePending')?.reason === 'Infeasible';
}

function replacePodLevel(total: ResourceList, podLevel: ResourceList, effective: ResourceList): ResourceList {
  const names = Object.keys(podLevel).filter(isPodLevelResource);
  if (names.length === 0) return total;
  return { ...total, ...Object.fromEntries(names.map((name) => [name, effective[name] as string])) };
}

/** Resources a pod may ask for as a whole. Source: IsSupportedPodLevelResource. */
export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePages(name);
}

/** Source: IsHugePageResourceName. */
export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}
