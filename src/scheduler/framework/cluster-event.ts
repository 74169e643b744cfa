// pure
// What changed in the cluster, as narrowly as it can be said: plugins name the changes that could help a pod they refused.
// Source: kube-scheduler/framework ClusterEvent, pkg/scheduler/framework/events.go.
import { ownValue } from '#api/json-object.ts';
import type { Node, Pod } from '#api/types.ts';
import { podRequests } from '#api/pod-requests.ts';
import { quantityMilliValue } from '#apimachinery/quantity.ts';

/** Bits, so that a plugin can name several. Source: ActionType. */
export const ACTION = {
  Add: 1,
  Delete: 2,
  UpdateNodeAllocatable: 4,
  UpdateNodeLabel: 8,
  UpdateNodeTaint: 16,
  UpdateNodeCondition: 32,
  UpdateNodeAnnotation: 64,
  UpdateNodeDeclaredFeature: 128,
  UpdatePodLabel: 256,
  UpdatePodScaleDown: 512,
  UpdatePodToleration: 1024,
  UpdatePodSchedulingGatesEliminated: 2048,
  UpdatePodGeneratedResourceClaim: 4096,
  /** Any of the above from UpdateNodeAllocatable on. */
  Update: 8188,
  All: 8191,
} as const;

export type EventResource =
  | 'Pod'
  | 'AssignedPod'
  | 'UnschedulablePod'
  | 'Node'
  | 'Namespace'
  | 'PersistentVolume'
  | 'PersistentVolumeClaim'
  | 'storage.k8s.io/CSINode'
  | 'storage.k8s.io/CSIDriver'
  | 'storage.k8s.io/CSIStorageCapacity'
  | 'storage.k8s.io/StorageClass'
  | 'storage.k8s.io/VolumeAttachment'
  | 'resource.k8s.io/ResourceClaim'
  | 'resource.k8s.io/ResourceSlice'
  | 'resource.k8s.io/DeviceClass'
  | '*';

export interface ClusterEvent {
  readonly resource: EventResource;
  /** Bits of ACTION. */
  readonly action: number;
  /** For metrics and logs: `AssignedPodDelete`, `NodeUpdateNodeTaint`. */
  readonly label: string;
}

const NAMES = new Map<number, string>(Object.entries(ACTION).map(([name, bits]) => [bits, name]));

export function clusterEvent(resource: EventResource, action: number): ClusterEvent {
  return { resource, action, label: `${resource}${NAMES.get(action) ?? ''}` };
}

export const ASSIGNED_POD_ADD = clusterEvent('AssignedPod', ACTION.Add);
export const ASSIGNED_POD_DELETE = clusterEvent('AssignedPod', ACTION.Delete);
export const UNSCHEDULED_POD_ADD = clusterEvent('UnschedulablePod', ACTION.Add);
export const NODE_ADD = clusterEvent('Node', ACTION.Add);
export const NODE_DELETE = clusterEvent('Node', ACTION.Delete);
/** A pod waited longer than `podMaxInUnschedulablePodsDuration`. */
export const UNSCHEDULABLE_TIMEOUT: ClusterEvent = { resource: '*', action: ACTION.All, label: 'UnschedulableTimeout' };
export const FORCE_ACTIVATE: ClusterEvent = { resource: '*', action: ACTION.All, label: 'ForceActivate' };

export function isWildcard({ resource, action }: ClusterEvent): boolean {
  return resource === '*' && action === ACTION.All;
}

/** Whether `incoming` is what `registered` names, or something narrower. Source: MatchClusterEvents. */
export function matchesEvent(registered: ClusterEvent, incoming: ClusterEvent): boolean {
  if (isWildcard(registered)) return true;
  return (
    matchesResource(registered.resource, incoming.resource) &&
    (registered.action & incoming.action) !== 0 &&
    incoming.action <= registered.action
  );
}

function matchesResource(registered: EventResource, incoming: EventResource): boolean {
  if (registered === '*' || registered === incoming) return true;
  return registered === 'Pod' && (incoming === 'AssignedPod' || incoming === 'UnschedulablePod');
}

/** What a changed pod may be told apart by; the general update when nothing narrower holds. Source: PodSchedulingPropertiesChange. */
export function podChanges(pod: Pod, previous: Pod): readonly ClusterEvent[] {
  const resource = (pod.spec.nodeName ?? '') === '' ? 'UnschedulablePod' : 'AssignedPod';
  const actions: number[] = [];
  if (!isEqual(pod.metadata.labels, previous.metadata.labels)) actions.push(ACTION.UpdatePodLabel);
  if (isScaledDown(pod, previous)) actions.push(ACTION.UpdatePodScaleDown);
  const gates = (p: Pod): number => p.spec.schedulingGates?.length ?? 0;
  if (gates(pod) === 0 && gates(previous) !== 0) actions.push(ACTION.UpdatePodSchedulingGatesEliminated);
  // Tolerations can only be added, so their number says it.
  if ((pod.spec.tolerations?.length ?? 0) !== (previous.spec.tolerations?.length ?? 0)) actions.push(ACTION.UpdatePodToleration);
  if (
    !isEqual(pod.status.resourceClaimStatuses, previous.status.resourceClaimStatuses) ||
    !isEqual(pod.status.extendedResourceClaimStatus, previous.status.extendedResourceClaimStatus)
  ) {
    actions.push(ACTION.UpdatePodGeneratedResourceClaim);
  }
  return (actions.length === 0 ? [ACTION.Update] : actions).map((action) => clusterEvent(resource, action));
}

function isScaledDown(pod: Pod, previous: Pod): boolean {
  if (pod.spec === previous.spec && pod.status === previous.status) return false;
  if (isEqual(pod.spec.containers, previous.spec.containers) && isEqual(pod.status.containerStatuses, previous.status.containerStatuses)) {
    if (isEqual(pod.spec.resources, previous.spec.resources) && isEqual(pod.status.resources, previous.status.resources)) return false;
  }
  const now = podRequests(pod, { basis: 'status' });
  return Object.entries(podRequests(previous, { basis: 'status' })).some(
    ([name, before]) => now[name] === undefined || quantityMilliValue(before) > quantityMilliValue(now[name]),
  );
}

/** None for a change that no plugin looks at, such as a heartbeat. Source: NodeSchedulingPropertiesChange. */
export function nodeChanges(node: Node, previous: Node): readonly ClusterEvent[] {
  const actions: number[] = [];
  if (previous.spec.unschedulable === true && node.spec.unschedulable !== true) actions.push(ACTION.UpdateNodeTaint);
  if (!isEqual(node.status?.allocatable, previous.status?.allocatable)) actions.push(ACTION.UpdateNodeAllocatable);
  if (!isEqual(node.metadata.labels, previous.metadata.labels)) actions.push(ACTION.UpdateNodeLabel);
  if (!isEqual(node.spec.taints, previous.spec.taints)) actions.push(ACTION.UpdateNodeTaint);
  if (conditionStatuses(node) !== conditionStatuses(previous)) actions.push(ACTION.UpdateNodeCondition);
  if (!isEqual(node.metadata.annotations, previous.metadata.annotations)) actions.push(ACTION.UpdateNodeAnnotation);
  if (!isEqual(node.status?.declaredFeatures, previous.status?.declaredFeatures)) actions.push(ACTION.UpdateNodeDeclaredFeature);
  return actions.map((action) => clusterEvent('Node', action));
}

function conditionStatuses(node: Node): string {
  const statuses = (node.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`);
  return statuses.toSorted().join();
}

/** Equality of JSON values; absent and empty are the same, as in the wire form. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((value, i) => isEqual(value, b[i]));
  if (Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in x) if (!isEqual(x[key], ownValue(y, key))) return false;
  for (const key in y) if (ownValue(x, key) === undefined && !isEmpty(y[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== 'object') return false;
  for (const _ in value) return false;
  return true;
}
