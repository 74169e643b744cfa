// Wakes the owners of objects that changed: the controller of each, and, for an orphan, those that select it.
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { controllerOf } from '#api/owner-references.ts';
import type { KubeObject, NamespacedObjectMeta } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';

interface Namespaced extends KubeObject {
  readonly metadata: NamespacedObjectMeta;
}

export interface Membership<O extends Namespaced, M extends Namespaced> {
  readonly owners: Informer<O>;
  readonly members: Informer<M>;
  readonly kind: GroupVersionKind;
  /** Whether an owner would adopt a member. */
  selects(owner: O, member: M): boolean;
  /** `previous` is absent for a member that is new or gone. */
  wake(owner: O, member: M, previous?: M): void;
  created?(owner: O, member: M): void;
  /** The member is gone, or was asked to go. */
  ended?(owner: O, member: M): void;
}

const IN_NAMESPACE = 'owners-in-namespace';
const namespaceOf = ({ metadata }: Namespaced): readonly string[] => [metadata.namespace];

/** The owner of a kind that controls `member`; undefined when it is another, or an older one of the same name. */
export function controllerAmong<O extends Namespaced>(owners: Informer<O>, kind: GroupVersionKind, member: Namespaced): O | undefined {
  const reference = controllerOf(member);
  if (reference?.kind !== kind.kind) return undefined;
  const owner = owners.get(reference.name, member.metadata.namespace);
  return owner?.metadata.uid === reference.uid ? owner : undefined;
}

export function watchMembers<O extends Namespaced, M extends Namespaced>(membership: Membership<O, M>): void {
  const { owners, members, kind } = membership;
  owners.addIndex(IN_NAMESPACE, namespaceOf);
  const ownerOf = (member: M): O | undefined => controllerAmong(owners, kind, member);
  const wakeAdopters = (member: M): void => {
    for (const owner of owners.byIndex(IN_NAMESPACE, member.metadata.namespace)) {
      if (membership.selects(owner, member)) membership.wake(owner, member);
    }
  };
  const ended = (owner: O, member: M): void => membership.ended?.(owner, member);
  members.addHandlers({
    added(member) {
      const owner = ownerOf(member);
      if (owner !== undefined) {
        membership.created?.(owner, member);
        if (member.metadata.deletionTimestamp !== undefined) ended(owner, member);
        membership.wake(owner, member);
      } else if (controllerOf(member) === undefined) {
        wakeAdopters(member);
      }
    },
    updated(member, previous) {
      const owner = ownerOf(member);
      const before = ownerOf(previous);
      if (before !== undefined && before !== owner) membership.wake(before, member, previous);
      if (owner !== undefined) {
        if (member.metadata.deletionTimestamp !== undefined) ended(owner, member);
        membership.wake(owner, member, previous);
      } else if (
        controllerOf(member) === undefined &&
        (controllerOf(previous) !== undefined || member.metadata.labels !== previous.metadata.labels)
      ) {
        wakeAdopters(member);
      }
    },
    deleted(member) {
      const owner = ownerOf(member);
      if (owner === undefined) return;
      ended(owner, member);
      membership.wake(owner, member);
    },
  });
}
