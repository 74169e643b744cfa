// The same owner named twice is one owner. Source: dedupOwnerReferencesAndAddWarning.
import type { KubeObject, OwnerReference } from '#api/types.ts';
import type { RequestContext } from '../request.ts';
import { withMetadata } from './metadata.ts';

const FOUND = {
  given: 'contains duplicate entries',
  admitted: 'contains duplicate entries after mutating admission happens',
} as const;

/** The same for equal ones: a body has room for tens of thousands, too many to compare each with each. */
const textOf = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference): string =>
  JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);

/** @param found whether the client wrote the object so, or admission left it so */
export function withUniqueOwners<T extends KubeObject>(
  object: T,
  { warnings }: Pick<RequestContext, 'warnings'>,
  found: keyof typeof FOUND = 'given',
): T {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length < 2) return object;
  const seen = new Set<string>();
  const repeats = owners.map((owner) => seen.size === seen.add(textOf(owner)).size);
  if (!repeats.includes(true)) return object;
  const uids = owners.filter((_, i) => repeats[i] === true).map(({ uid }) => uid);
  warnings.add(
    `.metadata.ownerReferences ${FOUND[found]}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids.join(', ')}`,
  );
  return withMetadata(object, { ownerReferences: owners.filter((_, i) => repeats[i] !== true) });
}
