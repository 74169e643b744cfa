// Strategic merge patch: objects merge by member, lists by the merge key of their type, with directives.
// Source: apimachinery pkg/util/strategicpatch patch.go. Lists are in strategic-merge-lists.ts.
import { goType as goTypeOf, goValue } from './go-format.ts';
import { deepEqual, isObject, member, ObjectDraft, sameItems, setMember, type JsonObject } from './json-value.ts';
import { patchMeta, StrategicPatchError } from './patch-meta.ts';
import { DIRECTIVE, deleteFromList, mergeList, orderList, type MergeItems } from './strategic-merge-lists.ts';
import type { TypeSchema } from './type-schema.ts';

export { StrategicPatchError } from './patch-meta.ts';

export const RETAIN_KEYS = '$retainKeys';
export const DELETE_FROM_LIST = '$deleteFromPrimitiveList';
export const SET_ELEMENT_ORDER = '$setElementOrder';

/**
 * `original` with `patch` merged in by the rules of `schema`. Neither is changed; subtrees that stay as they were
 * are the same objects.
 * @throws StrategicPatchError with upstream's text
 */
export function strategicMergePatch(original: JsonObject, patch: JsonObject, schema: TypeSchema): JsonObject {
  return mergeObject(original, patch, schema);
}

function mergeObject(original: JsonObject, patch: JsonObject, schema: TypeSchema): JsonObject {
  if (Object.hasOwn(patch, DIRECTIVE)) return replaced(original, patch);
  const draft = new ObjectDraft(original);
  const rest = { ...patch };
  retainKeys(draft, rest);
  setElementOrders(draft, rest, schema);
  // Removals from a list before additions to it.
  const keys = Object.keys(rest).toSorted((a, b) => Number(b.startsWith(DELETE_FROM_LIST)) - Number(a.startsWith(DELETE_FROM_LIST)));
  for (const key of keys) {
    const value = rest[key];
    if (key.startsWith(DELETE_FROM_LIST)) removeFromList(draft, listKey(key, DELETE_FROM_LIST), value);
    else if (value === null) draft.delete(key);
    else mergeMember(draft, key, value, schema);
  }
  return draft.current;
}

/** Source: handleDirectiveInMergeMap. */
function replaced(original: JsonObject, patch: JsonObject): JsonObject {
  const { [DIRECTIVE]: directive, ...rest } = patch;
  if (directive === 'replace') return deepEqual(original, rest) ? original : rest;
  if (directive === 'delete') return {};
  throw new StrategicPatchError(`unknown patch type: ${goValue(directive)} in map: ${goValue(patch)}`);
}

function mergeMember(draft: ObjectDraft, key: string, value: unknown, schema: TypeSchema): void {
  const current = draft.get(key);
  if (isObject(current) && isObject(value)) {
    const meta = patchMeta(schema, key, 'object');
    draft.set(key, meta.strategy === 'replace' ? value : mergeObject(current, value, meta.schema));
  } else if (Array.isArray(current) && Array.isArray(value)) {
    const meta = patchMeta(schema, key, 'list');
    draft.set(key, meta.strategy === 'merge' ? mergeList(current, value, meta, mergeObject) : sameValue(current, value));
  } else if (typeof value !== 'object' && typeof value === typeof current) {
    draft.set(key, value);
  } else {
    const added = withoutDirectives(withoutNulls(value));
    if (added === undefined) draft.delete(key);
    else draft.set(key, added);
  }
}

const sameValue = <T>(current: T, value: T): T => (deepEqual(current, value) ? current : value);

/** Source: applyRetainKeysDirective. */
function retainKeys(draft: ObjectDraft, patch: Record<string, unknown>): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const list = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  const bad = new StrategicPatchError('invalid patch format of retainKeys', 'format');
  if (!Array.isArray(list)) throw bad;
  const retained = new Set<unknown>(list);
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ELEMENT_ORDER)) continue;
    if (!retained.has(key)) throw bad;
  }
  for (const key of Object.keys(draft.current)) if (!retained.has(key)) draft.delete(key);
}

function listKey(key: string, prefix: string): string {
  const slash = key.indexOf('/');
  if (slash === -1 || key.slice(0, slash) !== prefix) {
    const what = prefix === DELETE_FROM_LIST ? 'primitive list' : 'setElementOrder list';
    throw new StrategicPatchError(`invalid patch format of ${what}`, 'format');
  }
  return key.slice(slash + 1);
}

/** Nothing has no type there to be named. */
const goType = (value: unknown): string => (value === null || value === undefined ? '%!s(<nil>)' : goTypeOf(value));

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new StrategicPatchError(`expected a []interface {}, but received a ${goType(value)}`);
  return value;
}

function removeFromList(draft: ObjectDraft, key: string, value: unknown): void {
  if (value === null) return draft.delete(key);
  const current = draft.get(key);
  if (Array.isArray(current) && Array.isArray(value)) draft.set(key, sameItems(current, deleteFromList(current, value)));
}

/** Takes `$setElementOrder/…` and the lists they order out of the patch. Source: mergePatchIntoOriginal. */
function setElementOrders(draft: ObjectDraft, patch: Record<string, unknown>, schema: TypeSchema): void {
  for (const directive of Object.keys(patch).filter((key) => key.startsWith(SET_ELEMENT_ORDER))) {
    const order = asList(patch[directive]);
    delete patch[directive];
    const key = listKey(directive, SET_ELEMENT_ORDER);
    const original = draft.has(key) ? asList(draft.get(key)) : undefined;
    const added = Object.hasOwn(patch, key) ? asList(patch[key]) : undefined;
    const meta = patchMeta(schema, key, 'list');
    const ordered = orderList({ original, patch: added, order, meta, merge: mergeObject satisfies MergeItems, clean: withoutDirectives });
    if (ordered === undefined) continue;
    draft.set(key, original === undefined ? ordered : sameItems(original, ordered));
    delete patch[key];
  }
}

/** Without null members; lists keep theirs. Source: discardNullValuesFromPatch. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const inner = member(value, key);
    if (inner !== null) setMember(out, key, withoutNulls(inner));
  }
  return out;
}

/** Undefined for an object that is only a directive. Source: removeDirectives. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const inner = withoutDirectives(member(value, key));
    if (inner !== undefined) setMember(out, key, inner);
  }
  return out;
}
