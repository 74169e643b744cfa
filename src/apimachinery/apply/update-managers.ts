// Ownership of writes that are no apply: one entry for each manager, the oldest folded together.
// Source: apimachinery managedfields internal managedfieldsupdater.go, stripmeta.go, capmanagers.go.
import { difference, setOfPaths, union } from './field-set.ts';
import { knownUpdate, rememberUpdate } from './known-updates.ts';
import { compared, ownersAfterUpdate, type OwnershipRules, type Versioned } from './ownership.ts';
import { ownerId, secondsOf, withFields, type Owner, type Owners } from './owners.ts';

/** What identifies an object and what the server sets is nobody's. Source: stripMetaManager. */
const UNOWNED = setOfPaths(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map(
    (name) => ['f:metadata', `f:${name}`],
  ),
);

/** Source: DefaultMaxUpdateManagers. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';

/** What a write of now owns, apart from what its manager owned before. */
const CURRENT = 'current-operation';

/** Takes the fields nobody owns from an owner. */
export function stripUnowned(owners: Map<string, Owner>, id: string): void {
  const owner = owners.get(id);
  if (owner !== undefined) withFields(owners, id, owner, difference(owner.fields, UNOWNED));
}

/**
 * The owners after `writer` replaced `before` by `after`; `writer.time` is the time of the write.
 * @throws TypedError
 */
export function recordUpdate(before: Versioned, after: Versioned, owners: Owners, writer: Owner, rules: OwnershipRules): Owners {
  const { apiVersion, schema } = before;
  const alike = owners.size < MAX_UPDATE_MANAGERS && isOfVersion(owners, apiVersion) && apiVersion === after.apiVersion;
  const changes = alike ? compared(before, after, rules, apiVersion) : undefined;
  if (changes === undefined) return recorded({ before, after }, owners, writer, rules).owners;
  const update = { schema, filter: rules.filter, owners, writer, changes };
  const known = knownUpdate(update);
  if (known !== undefined) return known;
  const found = recorded({ before, after, changes }, owners, writer, rules);
  rememberUpdate(update, found.owners, found.written);
  return found.owners;
}

function isOfVersion(owners: Owners, apiVersion: string): boolean {
  for (const owner of owners.values()) if (owner.apiVersion !== apiVersion) return false;
  return true;
}

function recorded(
  change: Parameters<typeof ownersAfterUpdate>[0],
  owners: Owners,
  writer: Owner,
  rules: OwnershipRules,
): { readonly owners: Owners; readonly written: boolean } {
  const out = new Map(ownersAfterUpdate(change, owners, writer, CURRENT, rules));
  stripUnowned(out, CURRENT);
  const current = out.get(CURRENT);
  if (current === undefined) return { owners: capped(out), written: false };
  out.delete(CURRENT);
  const id = ownerId(writer);
  const previous = out.get(id);
  out.set(id, previous === undefined ? current : { ...current, fields: union(current.fields, previous.fields) });
  return { owners: capped(out), written: true };
}

/** The oldest updaters of a version become one once there are too many. Source: capUpdateManagers. */
function capped(owners: Map<string, Owner>): Owners {
  const updaters = [...owners].filter(([, { operation }]) => operation === 'Update');
  let count = updaters.length;
  if (count <= MAX_UPDATE_MANAGERS) return owners;
  updaters.sort(([idA, a], [idB, b]) => secondsOf(a) - secondsOf(b) || (idA < idB ? -1 : 1));
  const first = new Map<string, string>();
  for (const [id, owner] of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) break;
    const { apiVersion } = owner;
    const oldest = first.get(apiVersion);
    if (oldest === undefined) {
      first.set(apiVersion, id);
      continue;
    }
    const bucket: Omit<Owner, 'fields'> = {
      manager: ANCIENT,
      operation: 'Update',
      apiVersion,
      subresource: '',
      ...(owner.time === undefined ? {} : { time: owner.time }),
    };
    const bucketId = ownerId(bucket);
    const held = owners.get(bucketId) ?? (owners.get(oldest) as Owner);
    if (!owners.has(bucketId)) owners.delete(oldest);
    owners.set(bucketId, { ...bucket, fields: union(owner.fields, held.fields) });
    owners.delete(id);
    count--;
  }
  return owners;
}
