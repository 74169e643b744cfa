// pure
// Who owns the claims of a replica, so that the garbage collector removes them when the retention policy says so.
// Source: statefulset isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod.
import { controllerReference, refersToKind } from '#api/owner-references.ts';
import type { OwnerReference, PersistentVolumeClaim, StatefulSet } from '#api/types.ts';
import { STATEFUL_SET_KIND, isInRange } from './identity.ts';

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' } as const;

/** A pod of the set; one that is yet to be created has no uid. */
export interface Replica {
  readonly metadata: { readonly name: string; readonly uid: string };
}

/**
 * The owners the claim should have; the same list when it has them. A claim that somebody else controls, or that refers to
 * an older set or pod of the name, is left to them.
 */
export function claimOwners(
  { metadata }: Pick<PersistentVolumeClaim, 'metadata'>,
  set: StatefulSet,
  pod: Replica,
  ordinal: number,
): readonly OwnerReference[] {
  const owners = metadata.ownerReferences ?? [];
  const isSet = (owner: OwnerReference): boolean => refersToKind(owner, STATEFUL_SET_KIND) && owner.name === set.metadata.name;
  const isPod = (owner: OwnerReference): boolean => refersToKind(owner, POD_KIND) && owner.name === pod.metadata.name;
  const isStale = (owner: OwnerReference): boolean =>
    (isSet(owner) && owner.uid !== set.metadata.uid) || (isPod(owner) && owner.uid !== pod.metadata.uid);
  if (owners.some(isStale)) return owners;

  const others = owners.filter((owner) => !isSet(owner) && !isPod(owner));
  const wanted = others.some((owner) => owner.controller === true) ? [] : wantedOwners(set, pod, ordinal);
  const ours = owners.filter((owner) => isSet(owner) || isPod(owner));
  const right =
    ours.length === wanted.length && wanted.every(({ uid }) => ours.some((owner) => owner.uid === uid && owner.controller === true));
  return right ? owners : [...others, ...wanted];
}

function wantedOwners(set: StatefulSet, pod: Replica, ordinal: number): readonly OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy;
  if (whenScaled === 'Delete' && !isInRange(set, ordinal)) return [controllerReference(pod, POD_KIND)];
  return whenDeleted === 'Delete' ? [controllerReference(set, STATEFUL_SET_KIND)] : [];
}

/** The claim still belongs to an older pod of the name and is about to go with it. Source: PodClaimIsStale. */
export function isStaleClaim({ metadata }: PersistentVolumeClaim, set: StatefulSet, pod: Replica): boolean {
  return (
    set.spec.persistentVolumeClaimRetentionPolicy.whenScaled === 'Delete' &&
    (metadata.ownerReferences ?? []).some(
      (owner) => refersToKind(owner, POD_KIND) && owner.name === pod.metadata.name && owner.uid !== pod.metadata.uid,
    )
  );
}
