// Which objects belong to a controller: those it owns and selects; orphans it selects are adopted, owned ones it no
// longer selects are let go. Source: controller_ref_manager.go.
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { GroupVersionKind, Resource } from '#apimachinery/resource.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerOf, controllerReference, isControlledBy } from '#api/owner-references.ts';
import type { ClusterObjectMeta, KubeObject, NamespacedObjectMeta } from '#api/types.ts';
import type { Client, ObjectRef } from '#client/contract.ts';
import type { Informer } from '#client/informer-contract.ts';

const BY_CONTROLLER = 'controller-uid';
const ORPHANS = 'orphans';

interface Member extends KubeObject {
  readonly metadata: NamespacedObjectMeta;
}

const controllerUid = (object: KubeObject): readonly string[] => {
  const uid = controllerOf(object)?.uid;
  return uid === undefined ? [] : [uid];
};

const orphanNamespace = (object: KubeObject): readonly string[] =>
  controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : [];

/** Adds the indexes that the functions below read; several controllers may ask it of one informer. */
export function indexByController<T extends KubeObject>(informer: Informer<T>): void {
  informer.addIndex(BY_CONTROLLER, controllerUid);
  informer.addIndex(ORPHANS, orphanNamespace);
}

/** Objects with this controller. */
export function controlledBy<T>(informer: Informer<T>, uid: string): readonly T[] {
  return informer.byIndex(BY_CONTROLLER, uid);
}

/** Objects of a namespace with no controller. */
export function orphansOf<T>(informer: Informer<T>, namespace: string): readonly T[] {
  return informer.byIndex(ORPHANS, namespace);
}

export interface Claim<T extends Member> {
  readonly owner: { readonly metadata: ClusterObjectMeta & { readonly namespace?: string; readonly deletionTimestamp?: string } };
  readonly gvk: GroupVersionKind;
  readonly selector: LabelSelector;
  /** What else a member must be; default anything. */
  readonly fits?: (member: T) => boolean;
  readonly members: Informer<T>;
  readonly resource: Resource<T>;
  readonly client: Client;
  /** Put on what is adopted, taken off what is let go. */
  readonly finalizers?: readonly string[];
  /** Reads the owner from the server: adopting for one that was deleted meanwhile would make an object nobody removes. */
  readonly fresh: () => Promise<{ readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string } } | undefined>;
}

/** @throws StatusError of the patches, NotFound and Invalid (a member that changed hands meanwhile) apart */
export async function claimMembers<T extends Member>(claim: Claim<T>): Promise<readonly T[]> {
  const { owner, selector, members, fits } = claim;
  const belongs = (member: T): boolean => selector.matches(member.metadata.labels) && (fits === undefined || fits(member));
  const owned = controlledBy(members, owner.metadata.uid);
  const kept = owned.filter(belongs);
  if (owner.metadata.deletionTimestamp !== undefined) return kept;

  const lost = owned.filter((member) => !belongs(member));
  await Promise.all(lost.map((member) => release(member, claim)));
  const found = orphansOf(members, owner.metadata.namespace ?? '').filter(
    (member) => belongs(member) && member.metadata.deletionTimestamp === undefined,
  );
  if (found.length === 0) return kept;
  const now = await claim.fresh();
  if (now === undefined || now.metadata.uid !== owner.metadata.uid || now.metadata.deletionTimestamp !== undefined) return kept;
  const adopted = await Promise.all(found.map((member) => adopt(member, claim)));
  return [...kept, ...adopted.filter((member) => member !== undefined)];
}

/** For `fresh`: the owner as the server has it now. */
export async function freshOwner<T>(client: Client, resource: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
  try {
    return await client.get(resource, ref);
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function adopt<T extends Member>(member: T, { client, resource, owner, gvk, finalizers }: Claim<T>): Promise<T | undefined> {
  const metadata = {
    ownerReferences: [controllerReference(owner, gvk)],
    uid: member.metadata.uid,
    ...(finalizers === undefined ? {} : { finalizers }),
  };
  return patched(() => client.patch(resource, member.metadata, { type: 'strategic', body: { metadata } }));
}

async function release<T extends Member>(member: T, { client, resource, owner, finalizers }: Claim<T>): Promise<void> {
  if (!isControlledBy(member, owner)) return;
  const metadata = {
    ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
    uid: member.metadata.uid,
    ...(finalizers === undefined ? {} : { '$deleteFromPrimitiveList/finalizers': finalizers }),
  };
  await patched(() => client.patch(resource, member.metadata, { type: 'strategic', body: { metadata } }));
}

/** The uid in the patch makes one for another object of the same name Invalid or a Conflict: then it is not ours. */
async function patched<T>(patch: () => Promise<T>): Promise<T | undefined> {
  try {
    return await patch();
  } catch (error) {
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Invalid')) return undefined;
    throw error;
  }
}
