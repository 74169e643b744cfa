// pure
// What is to become of a volume. Source: pv_controller.go syncVolume, reclaimVolume.
import { goQuote } from '#apimachinery/go-format.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { hasModeOf } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Notice } from './plan-claim.ts';
import { deleterOf, recyclerPod } from './reclaimers.ts';

export type Phase = PersistentVolume['status']['phase'];

export type VolumePlan =
  | { readonly kind: 'phase'; readonly phase: Phase; readonly message?: string; readonly notice?: Notice }
  /** Its claim is another's, or bound elsewhere: it is free again. */
  | { readonly kind: 'unbind' }
  /** The claim's own pass will bind it. */
  | { readonly kind: 'wait' }
  /** Its contents are at `path` on this machine; then the volume itself goes. */
  | { readonly kind: 'delete'; readonly path: string }
  /** Emptied by `pod`, then free again. */
  | { readonly kind: 'recycle'; readonly pod: New<Pod> }
  /** They would fit but for the mode; both are told. */
  | { readonly kind: 'mismatch'; readonly claim: PersistentVolumeClaim; readonly ofVolume: Notice; readonly ofClaim: Notice };

/** `claim` is what the volume's claimRef names, undefined when that claim (by uid) is no more. */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumePlan {
  const { claimRef } = volume.spec;
  if (claimRef === undefined || (claimRef.uid ?? '') === '') return { kind: 'phase', phase: 'Available' };
  if (claim === undefined) return planReclaim(volume);
  const name = volume.metadata.name;
  const { volumeName = '' } = claim.spec;
  if (volumeName === name) return { kind: 'phase', phase: 'Bound' };
  if (volumeName === '') {
    if (hasModeOf(volume, claim)) return { kind: 'wait' };
    const mismatch = (message: string): Notice => ({ type: 'Warning', reason: 'VolumeMismatch', message });
    const [ofClaim, ofVolume] = [goQuote(name), goQuote(claim.metadata.name)];
    return {
      kind: 'mismatch',
      claim,
      ofVolume: mismatch(`Cannot bind PersistentVolume to requested PersistentVolumeClaim ${ofVolume} due to incompatible volumeMode.`),
      ofClaim: mismatch(`Cannot bind PersistentVolume ${ofClaim} to requested PersistentVolumeClaim due to incompatible volumeMode.`),
    };
  }
  // Made for this claim, which got another: nobody wants it.
  const { annotations } = volume.metadata;
  const unwanted = annotations?.[ANNOTATION.provisionedBy] !== undefined && volume.spec.persistentVolumeReclaimPolicy === 'Delete';
  return unwanted ? planReclaim(volume) : { kind: 'unbind' };
}

/** What an external provisioner made, it also deletes: once the volume is released. Source: reclaimVolume. */
function planReclaim(volume: PersistentVolume): VolumePlan {
  const { metadata, spec, status } = volume;
  if (status.phase !== 'Released' && status.phase !== 'Failed') return { kind: 'phase', phase: 'Released' };
  switch (spec.persistentVolumeReclaimPolicy) {
    case 'Retain':
      return { kind: 'wait' };
    case 'Recycle': {
      const pod = recyclerPod(volume);
      return pod === undefined ? failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!') : { kind: 'recycle', pod };
    }
    case 'Delete': {
      // Somebody deletes it already, or it waits for its finalizers.
      if (metadata.deletionTimestamp !== undefined) return { kind: 'wait' };
      const deleter = deleterOf(volume);
      if (deleter.kind === 'external') return { kind: 'wait' };
      return deleter.kind === 'none' ? failed('VolumeFailedDelete', deleter.why) : { kind: 'delete', path: deleter.path };
    }
    default:
      return failed('VolumeUnknownReclaimPolicy', 'Volume has an unrecognized reclaim policy.');
  }
}

/** A failure stays to be seen, and is tried again. */
export function failed(reason: string, message: string): VolumePlan & { readonly kind: 'phase' } {
  return { kind: 'phase', phase: 'Failed', message, notice: { type: 'Warning', reason, message } };
}

/** Free for others; one that its owner reserved keeps the name of its claim. Source: unbindVolume. */
export function unbound({ metadata, spec, ...rest }: PersistentVolume): PersistentVolume {
  const { [ANNOTATION.boundByController]: byController, ...annotations } = metadata.annotations ?? {};
  if (byController === undefined) {
    const { uid: _, ...claimRef } = spec.claimRef ?? {};
    return { ...rest, metadata, spec: { ...spec, claimRef } };
  }
  const { claimRef: _, ...free } = spec;
  return { ...rest, metadata: { ...metadata, annotations }, spec: free };
}
