// pure
// The claims of a pod, by what is to be done about them. Source: plugins/volumebinding podHasPVCs, GetPodVolumeClaims.
import type { PersistentVolumeClaim, Pod, Volume } from '#api/types.ts';
import { claimName, className, isClaimBound, notMadeFor } from '#api/volumes.ts';
import { type Status, unresolvable } from '../../framework/status.ts';
import { PLUGIN } from '../names.ts';
import type { Storage } from './storage.ts';

export type PodClaims =
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly status: Status }
  /** `delayed`: bound only once it is known where the pod goes. */
  | { readonly kind: 'claims'; readonly bound: readonly PersistentVolumeClaim[]; readonly delayed: readonly PersistentVolumeClaim[] };

const refuse = (reason: string): PodClaims => ({ kind: 'refused', status: unresolvable(PLUGIN.volumeBinding, reason) });

export function podClaims(pod: Pod, storage: Storage): PodClaims {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  let isImmediate = false;
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimName(pod, volume);
    if (name === undefined) continue;
    const claim = storage.claim(pod.metadata.namespace, name);
    const fault = faultOf(pod, volume, name, claim);
    if (fault !== undefined) return refuse(fault);
    if (claim === undefined) continue;
    if (isClaimBound(claim)) bound.push(claim);
    else if ((claim.spec.volumeName ?? '') === '' && waitsForConsumer(claim, storage)) delayed.push(claim);
    else isImmediate = true;
  }
  if (isImmediate) return refuse('pod has unbound immediate PersistentVolumeClaims');
  return bound.length + delayed.length === 0 ? { kind: 'none' } : { kind: 'claims', bound, delayed };
}

function faultOf(pod: Pod, volume: Volume, name: string, claim: PersistentVolumeClaim | undefined): string | undefined {
  const isEphemeral = volume.ephemeral !== undefined;
  if (claim === undefined) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`;
  }
  if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  return isEphemeral ? notMadeFor(claim, pod) : undefined;
}

/** Source: IsDelayBindingMode. */
function waitsForConsumer(claim: PersistentVolumeClaim, storage: Storage): boolean {
  return storage.storageClass(className(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
}
