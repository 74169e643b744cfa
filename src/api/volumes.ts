// pure
// Persistent volumes and claims, as everybody who binds, schedules or mounts them reads them. Source: component-helpers
// storage/volume, storage/ephemeral.
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { ClusterObjectMeta } from './gen/stored-meta.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from './gen/core-v1.ts';
import { attachedByDriver } from './migrated-volumes.ts';
import { controllerOf } from './owner-references.ts';
import { ANNOTATION } from './well-known.ts';

/** A class that nothing makes volumes for. Source: volume.NotSupportedProvisioner. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** The claim a volume of a pod stands for, if it stands for one. */
export function claimName({ metadata }: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral === undefined ? undefined : `${metadata.name}-${volume.name}`;
}

export const usesClaims = (pod: Pod): boolean => pod.spec.volumes?.some((volume) => claimName(pod, volume) !== undefined) === true;

/** Whether a driver may have to attach it to the pod's node. */
export const isAttachable = (pod: Pod, volume: Volume): boolean =>
  claimName(pod, volume) !== undefined || attachedByDriver(volume) !== undefined;

export const attachesVolumes = (pod: Pod): boolean => pod.spec.volumes?.some((volume) => isAttachable(pod, volume)) === true;

/** Why a claim is not the one made for a pod's ephemeral volume; undefined when it is. Source: VolumeIsForPod. */
export function notMadeFor(claim: PersistentVolumeClaim, { metadata }: Pod): string | undefined {
  const { namespace, name } = claim.metadata;
  if (namespace === metadata.namespace && controllerOf(claim)?.uid === metadata.uid) return undefined;
  return `PVC ${namespace}/${name} was not created for pod ${metadata.namespace}/${metadata.name} (pod is not owner)`;
}

/** Source: GetPersistentVolumeClaimClass, GetPersistentVolumeClass. */
export function className({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.[ANNOTATION.betaStorageClass] ?? spec.storageClassName ?? '';
}

/** Whether the binder has done all it does. Source: isPVCFullyBound. */
export function isClaimBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec.volumeName ?? '') !== '' && metadata.annotations?.[ANNOTATION.bindCompleted] !== undefined;
}

/** Whether a volume is kept for this claim, or is its already. Source: IsVolumeBoundToClaim. */
export function isReservedFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = spec;
  if (claimRef === undefined || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return (claimRef.uid ?? '') === '' || claimRef.uid === metadata.uid;
}

export function isLargeEnough({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const requested = claim.spec.resources?.requests?.['storage'] ?? '0';
  return parseQuantity(spec.capacity?.['storage'] ?? '0').cmp(parseQuantity(requested)) >= 0;
}

export function hasModeOf({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem');
}

export function hasAccessOf({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) === true);
}

export function hasAttributesOf({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec.volumeAttributesClassName ?? '') === (claim.spec.volumeAttributesClassName ?? '');
}

/** Smaller volumes first. */
export function bySize(a: PersistentVolume, b: PersistentVolume): number {
  const size = ({ spec }: PersistentVolume) => parseQuantity(spec.capacity?.['storage'] ?? '0');
  return size(a).cmp(size(b));
}

interface Annotated {
  readonly metadata: ClusterObjectMeta;
}

/** The same object when it has the annotation already. */
export function withAnnotation<T extends Annotated>(object: T, key: string, value: string): T {
  if (object.metadata.annotations?.[key] === value) return object;
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [key]: value } } };
}

/** The volume kept for the claim; the same one when it is already. Source: GetBindVolumeToClaim. */
export function reserve(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): PersistentVolume {
  if (volume.spec.claimRef?.uid === metadata.uid) return volume;
  const { name, namespace, uid, resourceVersion } = metadata;
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
  // One that its owner reserved stays reserved when the claim goes.
  const marked = volume.spec.claimRef === undefined ? withAnnotation(volume, ANNOTATION.boundByController, 'yes') : volume;
  return { ...marked, spec: { ...marked.spec, claimRef } };
}
