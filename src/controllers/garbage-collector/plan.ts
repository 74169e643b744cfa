// pure
// What becomes of one object, from what is known of its owners and dependents. Source: garbagecollector.go
// attemptToDeleteItem, processDeletingDependentsItem, attemptToOrphan.
import type { OwnerReference } from '#api/types.ts';
import { FOREGROUND, type GraphNode, ORPHAN, orphansDependents, waitsForDependents } from './graph.ts';

/** What is true of an owner right now. */
export type OwnerState =
  | 'solid'
  | 'absent'
  | 'waiting'
  /** In a namespace, of an object that is in none: nobody can tell which is meant, and the object stays. */
  | 'unresolvable';

export type Plan =
  | { readonly kind: 'keep' }
  /** Take these owners off; others keep the object. */
  | { readonly kind: 'disown'; readonly owners: readonly OwnerReference[] }
  /** `unblock`: owners that wait for it must not, for it waits for them in a circle. */
  | { readonly kind: 'delete'; readonly policy: 'Orphan' | 'Foreground' | 'Background'; readonly unblock?: true }
  /** Its last dependent is gone, or was let go: take the finalizer off. */
  | { readonly kind: 'finish'; readonly finalizer: string }
  /** Dependents that hold it up are to be looked at. */
  | { readonly kind: 'wait'; readonly dependents: readonly GraphNode[] }
  | { readonly kind: 'orphan'; readonly dependents: readonly GraphNode[] };

export function planObject(node: GraphNode, stateOf: (owner: OwnerReference) => OwnerState): Plan {
  const { object, owners, dependents } = node;
  if (object === undefined) return { kind: 'keep' };
  if (orphansDependents(node))
    return dependents.size === 0 ? { kind: 'finish', finalizer: ORPHAN } : { kind: 'orphan', dependents: [...dependents] };
  if (waitsForDependents(node)) {
    const blocking = [...dependents].filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true),
    );
    return blocking.length === 0 ? { kind: 'finish', finalizer: FOREGROUND } : { kind: 'wait', dependents: blocking };
  }
  if (object.metadata.deletionTimestamp !== undefined || owners.length === 0) return { kind: 'keep' };

  const states = Map.groupBy(owners, stateOf);
  if (states.has('unresolvable')) return { kind: 'keep' };
  const gone = [...(states.get('absent') ?? []), ...(states.get('waiting') ?? [])];
  if (gone.length === 0) return { kind: 'keep' };
  if (states.has('solid')) return { kind: 'disown', owners: gone };
  // An owner that waits wants the whole tree below it gone before itself.
  if (states.has('waiting') && dependents.size > 0) {
    const circle = [...dependents].some(waitsForDependents);
    return { kind: 'delete', policy: 'Foreground', ...(circle ? { unblock: true as const } : {}) };
  }
  const finalizers = object.metadata.finalizers ?? [];
  return { kind: 'delete', policy: finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background' };
}
