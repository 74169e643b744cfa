// pure
// A claim as it is once it has its volume, or has it not. Source: bindClaimToVolume, updateClaimStatus.
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { withAnnotation } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';

/** The same claim when it is bound to the volume already. */
export function boundTo(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { name } = volume.metadata;
  const isNamed = claim.spec.volumeName === name;
  const named = isNamed
    ? claim
    : { ...withAnnotation(claim, ANNOTATION.boundByController, 'yes'), spec: { ...claim.spec, volumeName: name } };
  return withAnnotation(named, ANNOTATION.bindCompleted, 'yes');
}

/** The claim's capacity is the volume's when it is bound; later growth is for the one who expands it to say. */
export function boundStatus({ status }: PersistentVolumeClaim, { spec }: PersistentVolume): PersistentVolumeClaim['status'] {
  const { accessModes, capacity, volumeAttributesClassName } = spec;
  const becomes = status.phase !== 'Bound';
  return {
    ...status,
    phase: 'Bound',
    ...(accessModes === undefined ? {} : { accessModes }),
    ...(becomes && capacity !== undefined ? { capacity } : {}),
    ...(becomes && volumeAttributesClassName !== undefined ? { currentVolumeAttributesClassName: volumeAttributesClassName } : {}),
  };
}

export function unboundStatus({ status }: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): PersistentVolumeClaim['status'] {
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...rest } = status;
  return { ...rest, phase };
}
