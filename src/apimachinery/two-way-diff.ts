// The strategic merge patch that turns one object into another. Source: strategicpatch CreateTwoWayMergePatch.
import { byteOrder, goValue } from './go-format.ts';
import { deepEqual, isObject, member, setMember, type JsonObject } from './json-value.ts';
import { patchMeta, StrategicPatchError, type PatchMeta } from './patch-meta.ts';
import { DIRECTIVE, identity, itemType } from './strategic-merge-lists.ts';
import { DELETE_FROM_LIST, RETAIN_KEYS, SET_ELEMENT_ORDER } from './strategic-merge-patch.ts';
import type { TypeSchema } from './type-schema.ts';

/** Merging the answer into `original` by `schema` gives `modified`. Empty when they are equal. @throws StrategicPatchError */
export function createTwoWayMergePatch(original: JsonObject, modified: JsonObject, schema: TypeSchema): JsonObject {
  return diffObjects(original, modified, schema, false);
}

function diffObjects(original: JsonObject, modified: JsonObject, schema: TypeSchema, retainKeys: boolean): JsonObject {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(modified)) {
    const before = member(original, key);
    const after = modified[key];
    if (before === undefined) setMember(patch, key, after);
    else if (isObject(before) && isObject(after)) diffMember(patch, key, before, after, schema);
    else if (Array.isArray(before) && Array.isArray(after)) diffListMember(patch, key, before, after, schema);
    else if (!deepEqual(before, after)) setMember(patch, key, after);
  }
  for (const key of Object.keys(original)) if (!Object.hasOwn(modified, key)) setMember(patch, key, null);
  if (retainKeys) {
    const kept = Object.keys(modified).filter((key) => modified[key] !== null);
    const gone = Object.keys(original).some((key) => original[key] !== null && !Object.hasOwn(modified, key));
    if (kept.length > 0 && (gone || Object.keys(patch).length > 0)) patch[RETAIN_KEYS] = kept.toSorted(byteOrder);
  }
  return patch;
}

function diffMember(patch: Record<string, unknown>, key: string, before: JsonObject, after: JsonObject, schema: TypeSchema): void {
  if (deepEqual(before, after)) return;
  const meta = patchMeta(schema, key, 'object');
  if (meta.strategy === 'replace') return setMember(patch, key, after);
  const inner = diffObjects(before, after, meta.schema, meta.retainKeys);
  if (Object.keys(inner).length > 0) setMember(patch, key, inner);
}

function diffListMember(
  patch: Record<string, unknown>,
  key: string,
  before: readonly unknown[],
  after: readonly unknown[],
  schema: TypeSchema,
): void {
  if (deepEqual(before, after)) return;
  const meta = patchMeta(schema, key, 'list');
  if (meta.strategy !== 'merge' || before.length === 0) return setMember(patch, key, after);
  const { additions, deletions, order } =
    itemType(before, after) === 'object' ? diffItems(before, after, meta) : diffScalars(before, after);
  if (additions.length > 0) setMember(patch, key, additions);
  if (deletions.length > 0) setMember(patch, `${DELETE_FROM_LIST}/${key}`, deletions);
  if (order.length > 0) setMember(patch, `${SET_ELEMENT_ORDER}/${key}`, order);
}

interface ListDiff {
  readonly additions: readonly unknown[];
  /** Scalars only; objects are deleted by a directive among the additions. */
  readonly deletions: readonly unknown[];
  readonly order: readonly unknown[];
}

function diffScalars(before: readonly unknown[], after: readonly unknown[]): ListDiff {
  const had = new Set(before);
  const has = new Set(after);
  const byText = (a: unknown, b: unknown): number => byteOrder(goValue(a), goValue(b));
  return { additions: [...has].filter((v) => !had.has(v)), deletions: [...had].filter((v) => !has.has(v)).toSorted(byText), order: after };
}

function diffItems(before: readonly unknown[], after: readonly unknown[], meta: PatchMeta): ListDiff {
  const { mergeKey } = meta;
  if (mergeKey === '') throw new StrategicPatchError('cannot merge lists without merge key');
  const old = new Map(before.map((item) => [identity(item, mergeKey), item as JsonObject]));
  const additions: JsonObject[] = [];
  for (const item of after as readonly JsonObject[]) {
    const key = identity(item, mergeKey);
    const previous = old.get(key);
    old.delete(key);
    if (previous === undefined) additions.push(item);
    else {
      const inner = diffObjects(previous, item, meta.schema, meta.retainKeys);
      if (Object.keys(inner).length > 0) additions.push({ ...inner, [mergeKey]: key });
    }
  }
  for (const key of old.keys()) additions.push({ [DIRECTIVE]: 'delete', [mergeKey]: key });
  return { additions, deletions: [], order: after.map((item) => ({ [mergeKey]: identity(item, mergeKey) })) };
}
