// JSON merge patch: RFC 7386 with the edges of upstream's library. Unchanged subtrees keep their identity.
// Source: evanphx/json-patch v4 merge.go.
import { deepEqual, isObject, member, ObjectDraft, setMember, type JsonObject } from './json-value.ts';

/** A patch that cannot be one. */
export class MergePatchError extends Error {
  override readonly name = 'MergePatchError';
}

/**
 * `document` with `patch` merged in: null removes, objects merge, all else replaces. An array as patch replaces the
 * document, as upstream lets it.
 * @throws MergePatchError `Invalid JSON Patch` for null and scalars
 */
export function mergePatch(document: JsonObject, patch: unknown): unknown {
  if (Array.isArray(patch)) return pruned(patch);
  if (!isObject(patch)) throw new MergePatchError('Invalid JSON Patch');
  return merge(document, patch);
}

function merge(document: JsonObject, patch: JsonObject): JsonObject {
  const draft = new ObjectDraft(document);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    const current = draft.get(key);
    if (value === null) draft.delete(key);
    else if (current === undefined || current === null || !isObject(current)) draft.set(key, kept(current, pruned(value)));
    else draft.set(key, isObject(value) ? merge(current, value) : value);
  }
  return draft.current;
}

const kept = (current: unknown, value: unknown): unknown => (deepEqual(current, value) ? current : value);

/** Without null members, at any depth; nulls in lists stay. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => (item === null ? null : pruned(item)));
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setMember(out, key, pruned(value[key]));
  return out;
}

/** The smallest patch that turns `original` into `modified`; lists are replaced whole. Source: CreateMergePatch. */
export function createMergePatch(original: JsonObject, modified: JsonObject): JsonObject {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(modified)) {
    const before = member(original, key);
    const after = modified[key];
    if (deepEqual(before, after)) continue;
    setMember(patch, key, isObject(before) && isObject(after) ? createMergePatch(before, after) : after);
  }
  for (const key of Object.keys(original)) if (!Object.hasOwn(modified, key)) setMember(patch, key, null);
  return patch;
}
