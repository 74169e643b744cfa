// pure
// Pods that are on no node yet and for which room on one is kept.
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';

/** Those that `pod` yields to on the node in `slot`. */
export function awaited({
  pod,
  slot,
  cluster,
}: {
  readonly pod: PodInfo;
  readonly slot: number;
  readonly cluster: ClusterState;
}): readonly PodInfo[] {
  const nominated = cluster.nominator.podsOn(cluster.nodes[slot]?.metadata.name ?? '');
  return nominated.filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
}
