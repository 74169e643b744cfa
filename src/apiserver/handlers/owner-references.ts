// The same owner named twice is one owner. Source: dedupOwnerReferencesAndAddWarning.
import { deepEqual } from '#apimachinery/json-value.ts';
import type { KubeObject } from '#api/types.ts';
import { withMetadata } from '../registry/metadata.ts';
import type { RequestContext } from '../request.ts';

export function withUniqueOwners<T extends KubeObject>(object: T, { warnings }: Pick<RequestContext, 'warnings'>): T {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length < 2) return object;
  const unique = owners.filter((owner, i) => !owners.slice(0, i).some((earlier) => deepEqual(earlier, owner)));
  if (unique.length === owners.length) return object;
  const repeated = owners.filter((owner, i) => owners.slice(0, i).some((earlier) => deepEqual(earlier, owner))).map(({ uid }) => uid);
  warnings.add(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
  return withMetadata(object, { ownerReferences: unique });
}
