// Writes the revisions that ./history-plan.ts decides on. Source: pkg/controller/history realHistory.
import { isStatusError } from '#apimachinery/errors.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { controllerrevisions } from '#api/resources.ts';
import type { ControllerRevision } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { collidedName, currentRevision, newRevision, type RevisionedOwner, sameData } from './history-plan.ts';

export interface Current {
  readonly revision: ControllerRevision;
  /** How often a name was found taken by another template; the owner's status remembers it. */
  readonly collisionCount: number;
}

/** The revision of the owner's present template, written or renumbered where that is needed. `history` is in order. */
export async function ensureRevision(
  client: Client,
  owner: RevisionedOwner,
  gvk: GroupVersionKind,
  history: readonly ControllerRevision[],
  collisionCount: number,
): Promise<Current> {
  const plan = currentRevision(history, owner.spec.template);
  switch (plan.kind) {
    case 'same':
      return { revision: plan.revision, collisionCount };
    case 'renumber':
      return { revision: await client.update(controllerrevisions, { ...plan.revision, revision: plan.to }), collisionCount };
    case 'create':
      return createRevision(client, owner, gvk, plan.number, collisionCount);
  }
}

/** Tries further names while one is taken by another template. Source: CreateControllerRevision. */
async function createRevision(
  client: Client,
  owner: RevisionedOwner,
  gvk: GroupVersionKind,
  number: number,
  collisions: number,
): Promise<Current> {
  const draft = newRevision(owner, gvk, number, collisions);
  for (let collisionCount = collisions; ; collisionCount++) {
    const name = collidedName(owner.metadata.name, draft.data, collisionCount);
    try {
      const revision = await client.create(controllerrevisions, { ...draft, metadata: { ...draft.metadata, name } });
      return { revision, collisionCount };
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
    const taken = await client.get(controllerrevisions, { name, namespace: owner.metadata.namespace });
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
