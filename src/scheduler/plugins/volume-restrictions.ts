// pure
// A claim of the access mode ReadWriteOncePod serves one pod at a time, and a node has a disk once. Source:
// plugins/volumerestrictions.
import type { PersistentVolumeClaim, Pod } from '#api/types.ts';
import { ACTION, clusterEvent, NODE_ADD } from '../framework/cluster-event.ts';
import type { NodeFilter, Plugin, QueueingHint } from '../framework/plugin.ts';
import { UNLIKE_ANY } from '../framework/profile.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { disksConflict, hasDisks } from './disk-conflicts.ts';
import { PLUGIN } from './names.ts';
import type { Storage } from './volume-binding/storage.ts';

const IN_USE = unschedulable(
  PLUGIN.volumeRestrictions,
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
);

const NO_DISK = unschedulable(PLUGIN.volumeRestrictions, 'node(s) had no available disk');

function claimNames({ spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName],
  );
}

const isExclusive = ({ spec }: PersistentVolumeClaim): boolean => spec.accessModes?.includes('ReadWriteOncePod') === true;

const sharesClaim = (a: Pod, b: Pod): boolean => {
  if (a.metadata.namespace !== b.metadata.namespace) return false;
  const names = claimNames(a);
  return claimNames(b).some((name) => names.includes(name));
};

const afterPodDeleted: QueueingHint = (pod, previous) => {
  const gone = previous as Pod;
  if (gone.metadata.namespace !== pod.metadata.namespace) return 'skip';
  return sharesClaim(pod, gone) || disksConflict(pod, gone) ? 'queue' : 'skip';
};

const afterClaimAdded: QueueingHint = (pod, _, current) => {
  const { namespace, name } = (current as { readonly metadata: { readonly namespace: string; readonly name: string } }).metadata;
  return namespace === pod.metadata.namespace && claimNames(pod).includes(name) ? 'queue' : 'skip';
};

export function volumeRestrictions(storage: Storage): Plugin {
  return {
    name: PLUGIN.volumeRestrictions,
    events: [
      { event: clusterEvent('Pod', ACTION.Delete), hint: afterPodDeleted },
      { event: NODE_ADD },
      { event: clusterEvent('PersistentVolumeClaim', ACTION.Add), hint: afterClaimAdded },
    ],
    sign(pod) {
      const isShared = (name: string): boolean => {
        const claim = storage.claim(pod.metadata.namespace, name);
        return claim !== undefined && !isExclusive(claim);
      };
      return hasDisks(pod) || !claimNames(pod).every(isShared) ? UNLIKE_ANY : undefined;
    },
    preFilter({ pod }, cluster) {
      const { namespace } = pod.metadata;
      const exclusive = new Set<string>();
      for (const name of claimNames(pod)) {
        const claim = storage.claim(namespace, name);
        if (claim === undefined)
          return { kind: 'rejected', status: unresolvable(PLUGIN.volumeRestrictions, `persistentvolumeclaim "${name}" not found`) };
        if (isExclusive(claim)) exclusive.add(name);
      }
      const parts = [
        ...(hasDisks(pod) ? [diskFilter(pod, cluster)] : []),
        ...(exclusive.size > 0 ? [claimFilter(pod, exclusive, cluster)] : []),
      ];
      return parts.length === 0 ? { kind: 'skip' } : { kind: 'filter', filter: together(parts) };
    },
  };
}

/** Pods of the namespace that use one of `exclusive`, wherever they are. */
function claimFilter({ metadata: { namespace } }: Pod, exclusive: ReadonlySet<string>, cluster: ClusterState): NodeFilter {
  let uses = 0;
  const podChanged = (_: number, { pod: other }: PodInfo, sign: 1 | -1): void => {
    if (other.metadata.namespace !== namespace) return;
    for (const name of claimNames(other)) if (exclusive.has(name)) uses += sign;
  };
  for (const { slot, info } of cluster.pods.values()) podChanged(slot, info, 1);
  return { scope: 'cluster', podChanged, isIdle: () => uses === 0, check: () => (uses > 0 ? IN_USE : undefined) };
}

function diskFilter(incoming: Pod, cluster: ClusterState): NodeFilter {
  /** By slot, how many pods have one of the disks. Counted when a slot is first asked about. */
  const conflicts = new Map<number, number>();
  const weight = ({ pod }: PodInfo): number => (disksConflict(incoming, pod) ? 1 : 0);
  function countIn(slot: number): number {
    const known = conflicts.get(slot);
    if (known !== undefined) return known;
    let count = 0;
    for (const info of cluster.podsIn(slot)) count += weight(info);
    conflicts.set(slot, count);
    return count;
  }
  return {
    scope: 'node',
    // Only trials tell of changes, and what they try does not show in the pods of the slot.
    podChanged: (slot, info, sign) => void conflicts.set(slot, countIn(slot) + sign * weight(info)),
    check: (slot) => (countIn(slot) > 0 ? NO_DISK : undefined),
  };
}

/** The first that refuses is told. */
function together(parts: readonly NodeFilter[]): NodeFilter {
  const [only, ...more] = parts;
  if (only !== undefined && more.length === 0) return only;
  return {
    scope: 'cluster',
    podChanged: (slot, pod, sign) => parts.forEach((part) => part.podChanged?.(slot, pod, sign)),
    check: (slot) => parts.map((part) => part.check(slot)).find((status) => status !== undefined),
  };
}
