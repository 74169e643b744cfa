// pure
// What a pod is called, where it came from, and which pods are special to a kubelet.
import type { Pod } from '#api/types.ts';

/** Where a kubelet got a pod from. Source: kubetypes.ConfigSourceAnnotationKey. */
export const CONFIG_SOURCE_ANNOTATION = 'kubernetes.io/config.source';
/** On the API copy of a static pod: the static pod's hash. Source: kubetypes.ConfigMirrorAnnotationKey. */
export const CONFIG_MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
/** When a kubelet first saw the pod. Source: kubetypes.ConfigFirstSeenAnnotationKey. */
export const CONFIG_SEEN_ANNOTATION = 'kubernetes.io/config.seen';
/** Hash of a static pod's manifest. Source: kubetypes.ConfigHashAnnotationKey. */
export const CONFIG_HASH_ANNOTATION = 'kubernetes.io/config.hash';

export type PodSource = 'api' | 'file';

/** Lowest priority of system critical pods. Source: scheduling.SystemCriticalPriority. */
export const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

type PodName = { readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string } };

/** `name_namespace(uid)`, as messages name a pod. Source: format.Pod. */
export function podLabel(pod: PodName): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

/** `name_namespace`. Source: kubecontainer.GetPodFullName. */
export function podFullName(pod: PodName): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}`;
}

/** `namespace/name`. */
export function podKey(pod: PodName): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[CONFIG_MIRROR_ANNOTATION] !== undefined;
}

/** A pod that came from a manifest on this node rather than from the API. Source: kubetypes.IsStaticPod. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[CONFIG_SOURCE_ANNOTATION];
  return source !== undefined && source !== 'api';
}

/** Source: kubetypes.IsCriticalPod. */
export function isCriticalPod(pod: Pod): boolean {
  return isStaticPod(pod) || isMirrorPod(pod) || (pod.spec.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}

/** Source: kubetypes.IsNodeCriticalPod. */
export function isNodeCriticalPod(pod: Pod): boolean {
  return isCriticalPod(pod) && pod.spec.priorityClassName === 'system-node-critical';
}

export function isHostNetworkPod(pod: Pod): boolean {
  return pod.spec.hostNetwork === true;
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Failed' || phase === 'Succeeded';
}
