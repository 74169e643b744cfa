// pure
// Which changes of storage may help a pod whose volumes no node had. Source: plugins/volumebinding volume_binding.go
// isSchedulableAfter….
import { quantityValue } from '#apimachinery/quantity.ts';
import type { CSIDriver, CSINode, CSIStorageCapacity, PersistentVolumeClaim, StorageClass, Volume } from '#api/types.ts';
import { claimName, className } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { isEqual } from '../../framework/cluster-event.ts';
import type { QueueingHint } from '../../framework/plugin.ts';
import type { Storage } from './storage.ts';

export const afterClaimChange: QueueingHint = (pod, _, current) => {
  const { namespace, name } = (current as PersistentVolumeClaim).metadata;
  if (namespace !== pod.metadata.namespace) return 'skip';
  return pod.spec.volumes?.some((volume) => claimName(pod, volume) === name) === true ? 'queue' : 'skip';
};

/** Of what may change in a class, only where its volumes are allowed matters. */
export const afterClassChange: QueueingHint = (_, previous, current) => {
  const [before, now] = [previous as StorageClass | undefined, current as StorageClass];
  return before !== undefined && isEqual(before.allowedTopologies, now.allowedTopologies) ? 'skip' : 'queue';
};

/** A node whose drivers are told for the first time, or stand in for other volume plugins than before. */
export const afterCsiNodeChange: QueueingHint = (_, previous, current) => {
  const migrated = ({ metadata }: CSINode): string => metadata.annotations?.[ANNOTATION.migratedPlugins] ?? '';
  return previous !== undefined && migrated(previous as CSINode) === migrated(current as CSINode) ? 'skip' : 'queue';
};

/**
 * A driver whose capacity is not looked at any more, for pods whose volumes it makes. Upstream asks so of inline volumes alone, which
 * have no capacity.
 */
export const afterDriverChange =
  (storage: Pick<Storage, 'claim' | 'storageClass'>): QueueingHint =>
  (pod, previous, current) => {
    const tellsCapacity = ({ spec }: CSIDriver): boolean => spec.storageCapacity === true;
    const now = current as CSIDriver;
    if (!tellsCapacity(previous as CSIDriver) || tellsCapacity(now)) return 'skip';
    const driverOf = (volume: Volume): string | undefined => {
      const name = claimName(pod, volume);
      const claim = name === undefined ? undefined : storage.claim(pod.metadata.namespace, name);
      return claim === undefined ? volume.csi?.driver : storage.storageClass(className(claim))?.provisioner;
    };
    return pod.spec.volumes?.some((volume) => driverOf(volume) === now.metadata.name) === true ? 'queue' : 'skip';
  };

/** Where there is room is never changed, only how much. */
export const afterCapacityChange: QueueingHint = (_, previous, current) => {
  const [before, now] = [previous as CSIStorageCapacity | undefined, current as CSIStorageCapacity];
  if (before === undefined) return 'queue';
  const [old, limit] = [largestVolume(before), largestVolume(now)];
  return limit !== undefined && (old === undefined || quantityValue(limit) > quantityValue(old)) ? 'queue' : 'skip';
};

/** Source: volumeLimit. */
export const largestVolume = ({ maximumVolumeSize, capacity }: CSIStorageCapacity): string | undefined => maximumVolumeSize ?? capacity;
