// pure
// A claim of the access mode ReadWriteOncePod serves one pod at a time. Source: plugins/volumerestrictions.
import type { Pod } from '#api/types.ts';
import { ACTION, clusterEvent, NODE_ADD } from '../framework/cluster-event.ts';
import type { Plugin, QueueingHint } from '../framework/plugin.ts';
import { UNLIKE_ANY } from '../framework/profile.ts';
import { unresolvable, unschedulable } from '../framework/status.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { PLUGIN } from './names.ts';
import type { Storage } from './volume-binding/storage.ts';

const IN_USE = unschedulable(
  PLUGIN.volumeRestrictions,
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
);

function claimNames({ spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName],
  );
}

const sharesClaim = (a: Pod, b: Pod): boolean => {
  if (a.metadata.namespace !== b.metadata.namespace) return false;
  const names = claimNames(a);
  return claimNames(b).some((name) => names.includes(name));
};

const afterPodDeleted: QueueingHint = (pod, previous) => (sharesClaim(pod, previous as Pod) ? 'queue' : 'skip');

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
    sign: (pod) => (claimNames(pod).length > 0 ? UNLIKE_ANY : undefined),
    preFilter({ pod }, cluster) {
      const { namespace } = pod.metadata;
      const exclusive = new Set<string>();
      for (const name of claimNames(pod)) {
        const claim = storage.claim(namespace, name);
        if (claim === undefined)
          return { kind: 'rejected', status: unresolvable(PLUGIN.volumeRestrictions, `persistentvolumeclaim "${name}" not found`) };
        if (claim.spec.accessModes?.includes('ReadWriteOncePod') === true) exclusive.add(name);
      }
      if (exclusive.size === 0) return { kind: 'skip' };
      let uses = 0;
      const podChanged = (_: number, { pod: other }: PodInfo, sign: 1 | -1): void => {
        if (other.metadata.namespace !== namespace) return;
        for (const name of claimNames(other)) if (exclusive.has(name)) uses += sign;
      };
      for (const { slot, info } of cluster.pods.values()) podChanged(slot, info, 1);
      return {
        kind: 'filter',
        filter: { scope: 'cluster', podChanged, isIdle: () => uses === 0, check: () => (uses > 0 ? IN_USE : undefined) },
      };
    },
  };
}
