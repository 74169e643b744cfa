// pure
// What a pod is called, where it came from, and which pods are special to a kubelet.
import { isCriticalPod } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';

/** When a kubelet first saw the pod. Source: kubetypes.ConfigFirstSeenAnnotationKey. */
export const CONFIG_SEEN_ANNOTATION = 'kubernetes.io/config.seen';

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

/** A pod that came from a manifest on this node rather than from the API. Source: kubetypes.IsStaticPod. */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[ANNOTATION.podSource];
  return source !== undefined && source !== 'api';
}

/** Source: kubetypes.IsNodeCriticalPod. */
export function isNodeCriticalPod(pod: Pod): boolean {
  return isCriticalPod(pod) && pod.spec.priorityClassName === 'system-node-critical';
}

export function isHostNetworkPod(pod: Pod): boolean {
  return pod.spec.hostNetwork === true;
}
