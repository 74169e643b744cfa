// The cluster as it would be with a change: applied, looked at, and taken back.
import type { DeviceClass, ResourceClaim } from '#api/gen/resource-v1.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { TrialDevices } from './trial-devices.ts';
import type { TrialStorage } from './trial-storage.ts';
import type { Change } from './changes.ts';

/** Objects as they would be; new ones, or in place of those of their names. */
export interface StorageChange {
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly volumes?: readonly PersistentVolume[];
}

export interface DeviceChange {
  readonly claims?: readonly ResourceClaim[];
  readonly classes?: readonly DeviceClass[];
}

export interface World {
  /** Changed while something is tried, and put back. */
  readonly cluster: ClusterState;
  /** What the profile's plugins read; absent: changes of storage are not tried. */
  readonly storage?: TrialStorage;
  readonly devices?: TrialDevices;
}

/** Gives what takes it back; changes must be taken back in the opposite order. */
export function apply({ node, removed = [], storage, devices }: Change, world: World): () => void {
  const { cluster } = world;
  const before = node === undefined ? undefined : cluster.nodes[cluster.slotOf(node.metadata.name) ?? -1];
  if (node !== undefined) cluster.setNode(node);
  const gone: Pod[] = [];
  const awaited: { readonly pod: Pod; readonly on: string }[] = [];
  for (const pod of removed) {
    const { uid } = pod.metadata;
    const on = cluster.nominator.nodeOf(uid);
    if (on !== undefined) awaited.push({ pod, on });
    cluster.nominator.remove(uid);
    if (cluster.removePod(uid)) gone.push(pod);
  }
  const undoStorage = storage === undefined ? undefined : world.storage?.apply(storage);
  const undoDevices = devices === undefined ? undefined : world.devices?.apply(devices);
  return () => {
    undoDevices?.();
    undoStorage?.();
    for (const pod of gone) cluster.setPod(pod);
    for (const { pod, on } of awaited) cluster.nominator.nominate(pod, on);
    if (before !== undefined) cluster.setNode(before);
  };
}
