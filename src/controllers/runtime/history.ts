// Writes the revisions that ./history-plan.ts decides on. Source: pkg/controller/history realHistory.
import { isStatusError } from '#apimachinery/errors.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { controllerrevisions } from '#api/resources.ts';
import type { ControllerRevision } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { assertNever } from '#base/assert-never.ts';
import { currentRevision, newRevision, type RevisionedOwner, sameData } from './history-plan.ts';

export interface Current {
  readonly revision: ControllerRevision;
  /** How often a name was found taken by another template; the owner's status remembers it. */
  readonly collisionCount: number;
}

export interface Revisioned {
  readonly owner: RevisionedOwner;
  readonly gvk: GroupVersionKind;
  /** The label of a revision that holds the end of its name. */
  readonly hashLabel: string;
  /** In the order of byRevision. */
  readonly history: readonly ControllerRevision[];
  readonly collisionCount: number;
}

/** The revision of the owner's present template, written or renumbered where that is needed. */
export async function ensureRevision(client: Client, revisioned: Revisioned): Promise<Current> {
  const { owner, history, collisionCount } = revisioned;
  const plan = currentRevision(history, owner.spec.template);
  switch (plan.kind) {
    case 'same':
      return { revision: plan.revision, collisionCount };
    case 'renumber':
      return { revision: await client.update(controllerrevisions, { ...plan.revision, revision: plan.to }), collisionCount };
    case 'create':
      return createRevision(client, revisioned, plan.number);
    default:
      return assertNever(plan);
  }
}

/** Tries further names while one is taken by another template. Source: CreateControllerRevision. */
async function createRevision(client: Client, { owner, gvk, hashLabel, ...before }: Revisioned, revision: number): Promise<Current> {
  for (let { collisionCount } = before; ; collisionCount++) {
    const draft = newRevision(owner, gvk, { revision, collisionCount, hashLabel });
    try {
      return { revision: await client.create(controllerrevisions, draft), collisionCount };
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
    const taken = await client.get(controllerrevisions, draft.metadata);
    if (sameData(taken.data, draft.data)) return { revision: taken, collisionCount };
  }
}

export async function deleteRevisions(client: Client, revisions: readonly ControllerRevision[]): Promise<void> {
  for (const { metadata } of revisions) {
    try {
      await client.delete(controllerrevisions, metadata, { preconditions: { uid: metadata.uid } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
}
