// Templates that the owner of a pod had, up to the one the pod is of: ReplicaSets of a Deployment, ControllerRevisions of the
// others.
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerOf } from '#api/owner-references.ts';
import { controllerrevisions, replicasets } from '#api/resources.ts';
import type { ControllerRevision, Pod, ReplicaSet } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Revision } from './preceding-change.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HASH = 'controller-revision-hash';

/** None when the one who asks may not read them. */
export async function revisionsOf(pod: Pod, client: Client): Promise<readonly Revision[]> {
  const owner = controllerOf(pod);
  if (owner === undefined) return [];
  if (owner.kind === 'ReplicaSet') return revisionsOfOwner(pod.metadata.namespace, owner.uid, client);
  const hash = pod.metadata.labels?.[REVISION_HASH];
  const revisions = await readable(client.list(controllerrevisions, { namespace: pod.metadata.namespace }));
  const own = revisions.filter((revision) => controllerOf(revision)?.uid === owner.uid);
  const current = own.find(({ metadata }) => metadata.name === hash || metadata.labels?.[REVISION_HASH] === hash);
  return own.filter(({ revision }) => current === undefined || revision <= current.revision).map(ofControllerRevision);
}

/** Of the Deployment of the ReplicaSet with this uid. */
export async function revisionsOfOwner(namespace: string, uid: string, client: Client): Promise<readonly Revision[]> {
  const sets = await readable(client.list(replicasets, { namespace }));
  const current = sets.find(({ metadata }) => metadata.uid === uid);
  const deployment = current === undefined ? undefined : controllerOf(current);
  if (current === undefined || deployment === undefined) return [];
  return sets
    .filter((set) => controllerOf(set)?.uid === deployment.uid && numberOf(set) <= numberOf(current))
    .map((set) => ofReplicaSet(set, deployment.name));
}

const numberOf = ({ metadata }: ReplicaSet): number => Number(metadata.annotations?.[REVISION] ?? 0);

function ofReplicaSet(set: ReplicaSet, deployment: string): Revision {
  const number = numberOf(set);
  return {
    object: `Deployment ${deployment}, revision ${number}`,
    number,
    time: set.metadata.creationTimestamp ?? '',
    template: set.spec.template,
  };
}

function ofControllerRevision(revision: ControllerRevision): Revision {
  const owner = controllerOf(revision);
  const { spec } = (revision.data ?? {}) as { readonly spec?: { readonly template?: unknown } };
  return {
    object: `${owner?.kind ?? ''} ${owner?.name ?? ''}, revision ${revision.revision}`,
    number: Number(revision.revision),
    time: revision.metadata.creationTimestamp ?? '',
    template: spec?.template,
  };
}

async function readable<T>(list: Promise<{ readonly items: readonly T[] }>): Promise<readonly T[]> {
  try {
    return (await list).items;
  } catch (error) {
    if (isStatusError(error, 'Forbidden')) return [];
    throw error;
  }
}
