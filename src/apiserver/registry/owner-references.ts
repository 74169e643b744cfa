// The same owner named twice is one owner. Source: dedupOwnerReferencesAndAddWarning.
import { deepEqual } from '#apimachinery/json-value.ts';
import type { KubeObject } from '#api/types.ts';
import type { RequestContext } from '../request.ts';
import { withMetadata } from './metadata.ts';

const FOUND = {
  given: 'contains duplicate entries',
  admitted: 'contains duplicate entries after mutating admission happens',
} as const;

/** @param found whether the client wrote the object so, or admission left it so */
export function withUniqueOwners<T extends KubeObject>(
  object: T,
  { warnings }: Pick<RequestContext, 'warnings'>,
  found: keyof typeof FOUND = 'given',
): T {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length < 2) return object;
  const repeats = owners.map((owner, i) => owners.slice(0, i).some((earlier) => deepEqual(earlier, owner)));
  if (!repeats.includes(true)) return object;
  const uids = owners.filter((_, i) => repeats[i] === true).map(({ uid }) => uid);
  warnings.add(
    `.metadata.ownerReferences ${FOUND[found]}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids.join(', ')}`,
  );
  return withMetadata(object, { ownerReferences: owners.filter((_, i) => repeats[i] !== true) });
}
