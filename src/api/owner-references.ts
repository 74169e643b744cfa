// Who owns an object, and who controls it.
import { apiVersionOf, parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import type { OwnerReference } from './gen/meta-v1.ts';

interface Owned {
  readonly metadata: { readonly ownerReferences?: readonly OwnerReference[] };
}

interface Owner {
  readonly metadata: { readonly name: string; readonly uid: string };
}

/** The one owner that manages the object. Source: metav1.GetControllerOf. */
export function controllerOf({ metadata }: Owned): OwnerReference | undefined {
  return metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: Owned, owner: Owner): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function isOwnedBy({ metadata }: Owned, owner: Owner): boolean {
  return metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid) === true;
}

/** A reference to the controller of a new object; the owner waits for it in foreground deletion. Source: NewControllerRef. */
export function controllerReference(owner: Owner, gvk: GroupVersionKind): OwnerReference {
  return { ...ownerReference(owner, gvk), controller: true, blockOwnerDeletion: true };
}

export function ownerReference(owner: Owner, gvk: GroupVersionKind): OwnerReference {
  return { apiVersion: apiVersionOf(gvk), kind: gvk.kind, name: owner.metadata.name, uid: owner.metadata.uid };
}

/** Whether a reference names that kind, in whichever version. */
export function refersToKind(reference: OwnerReference, { group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return reference.kind === kind && parseApiVersion(reference.apiVersion).group === group;
}
