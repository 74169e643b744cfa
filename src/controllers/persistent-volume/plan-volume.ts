// pure
// What is to become of a volume. Source: pv_controller.go syncVolume, reclaimVolume.
import { goQuote } from '#apimachinery/go-format.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { hasModeOf } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Notice } from './plan-claim.ts';

export type Phase = PersistentVolume['status']['phase'];

export type VolumePlan =
  | { readonly kind: 'phase'; readonly phase: Phase; readonly message?: string; readonly notice?: Notice }
  /** Its claim is another's, or bound elsewhere: it is free again. */
  | { readonly kind: 'unbind' }
  /** The claim's own pass will bind it. */
  | { readonly kind: 'wait' }
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

/** A failure stays to be seen. What an external provisioner made, it also deletes: once the volume is released. */
function planReclaim({ metadata, spec, status }: PersistentVolume): VolumePlan {
  const settled = status.phase === 'Released' || status.phase === 'Failed';
  const failed = (reason: string, message: string): VolumePlan => ({
    kind: 'phase',
    phase: 'Failed',
    message,
    notice: { type: 'Warning', reason, message },
  });
  if (!settled) return { kind: 'phase', phase: 'Released' };
  switch (spec.persistentVolumeReclaimPolicy) {
    case 'Retain':
      return { kind: 'wait' };
    case 'Recycle':
      return failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!');
    case 'Delete': {
      const provisioner = metadata.annotations?.[ANNOTATION.provisionedBy] ?? '';
      if (provisioner !== '' && !provisioner.startsWith('kubernetes.io/')) return { kind: 'wait' };
      const why = `error getting deleter volume plugin for volume ${goQuote(metadata.name)}: no deletable volume plugin matched`;
      return failed('VolumeFailedDelete', why);
    }
    default:
      return failed('VolumeUnknownReclaimPolicy', 'Volume has an unrecognized reclaim policy.');
  }
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
