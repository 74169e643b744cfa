// Ownership seen through the scale subresource: of all fields there is only the number of replicas.
// Source: apimachinery managedfields ScaleHandler.
import { difference, hasPath, isEmptySet, setOfPaths } from './field-set.ts';
import { readOwners, writeOwners, type ManagedFieldsEntry, type Owner } from './owners.ts';

const SCALE_VERSION = 'autoscaling/v1';
const REPLICAS_IN_SCALE = ['f:spec', 'f:replicas'];

/** Where a version of the parent keeps its replicas, in path elements; `null` where it keeps them nowhere. */
export type ReplicasPaths = Readonly<Record<string, readonly string[] | null>>;

const pathIn = (paths: ReplicasPaths, apiVersion: string): readonly string[] | null | undefined =>
  Object.hasOwn(paths, apiVersion) ? paths[apiVersion] : undefined;

/**
 * The parent's owners of the replicas, as owners of a Scale.
 * @throws FieldSetError
 */
export function scaleManagedFields(parent: unknown, paths: ReplicasPaths): readonly ManagedFieldsEntry[] | undefined {
  const out = new Map<string, Owner>();
  for (const [id, owner] of readOwners(parent)) {
    const path = pathIn(paths, owner.apiVersion);
    if (path === undefined || path === null || !hasPath(owner.fields, path)) continue;
    out.set(id, { ...owner, apiVersion: SCALE_VERSION, fields: setOfPaths(REPLICAS_IN_SCALE) });
  }
  return writeOwners(out);
}

/**
 * The parent's owners after a Scale was written: `scale` holds the Scale's.
 * `apiVersion`: of the parent, in which new owners own the replicas.
 * @throws FieldSetError
 */
export function parentManagedFields(
  parent: unknown,
  scale: unknown,
  { paths, apiVersion }: { readonly paths: ReplicasPaths; readonly apiVersion: string },
): readonly ManagedFieldsEntry[] | undefined {
  const owners = readOwners(parent);
  const left = new Map(readOwners(scale));
  const out = new Map<string, Owner>();
  for (const [id, owner] of owners) {
    const path = pathIn(paths, owner.apiVersion);
    if (path === undefined) continue;
    if (path === null || !hasPath(owner.fields, path) || left.delete(id)) {
      out.set(id, owner);
      continue;
    }
    const fields = difference(owner.fields, setOfPaths(path));
    if (!isEmptySet(fields)) out.set(id, { ...owner, fields });
  }
  for (const [id, owner] of left) {
    if (!hasPath(owner.fields, REPLICAS_IN_SCALE)) continue;
    const path = pathIn(paths, apiVersion);
    const { time: _time, ...rest } = owner;
    const { time } = owners.get(id) ?? {};
    const fields = path === undefined || path === null ? {} : setOfPaths(path);
    out.set(id, { ...rest, apiVersion, ...(time === undefined ? {} : { time }), fields });
  }
  return writeOwners(out);
}
