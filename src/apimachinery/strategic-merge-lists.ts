// Lists under strategic merge: by merge key or by value, with the order the patch asks for.
// Source: apimachinery pkg/util/strategicpatch patch.go mergeSlice, normalizeElementOrder.
import { goValue } from './go-format.ts';
import { isObject, member, sameItems, type JsonObject } from './json-value.ts';
import { schemaName, StrategicPatchError, type PatchMeta } from './patch-meta.ts';
import type { TypeSchema } from './type-schema.ts';

export const DIRECTIVE = '$patch';

export type MergeItems = (original: JsonObject, patch: JsonObject, schema: TypeSchema) => JsonObject;
type List = readonly unknown[];

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'list' : value === null ? 'nil' : typeof value);

/** `object` or a scalar type. @throws StrategicPatchError where items differ in type or are lists. Source: sliceElementType. */
export function itemType(...lists: readonly List[]): string {
  let found: string | undefined;
  for (const list of lists) {
    for (const item of list) {
      const type = typeOf(item);
      if (type === 'list') throw new StrategicPatchError('lists of lists are not supported', 'lists');
      if (found !== undefined && found !== type) {
        throw new StrategicPatchError(`list element types are not identical: [${lists.map(goValue).join(' ')}]`);
      }
      found = type;
    }
  }
  if (found === undefined) throw new StrategicPatchError('no elements in any of the given slices');
  return found;
}

const noMergeKey = (item: unknown, key: string): StrategicPatchError =>
  new StrategicPatchError(`map: ${goValue(item)} does not contain declared merge key: ${key}`);

/** What tells items of a list apart: the merge key's value, or the scalar itself. */
export function identity(item: unknown, mergeKey: string): unknown {
  if (mergeKey === '') return item;
  if (!isObject(item)) throw new StrategicPatchError(`expected a map[string]interface {}, but received a ${typeof item}`);
  const value = member(item, mergeKey);
  if (value === undefined) throw noMergeKey(item, mergeKey);
  return value;
}

/** First position of each identity; items without one are left out. */
function positions(list: List, mergeKey: string): ReadonlyMap<unknown, number> {
  const found = new Map<unknown, number>();
  list.forEach((item, i) => {
    const key = mergeKey === '' ? item : isObject(item) ? member(item, mergeKey) : undefined;
    if (!found.has(key)) found.set(key, i);
  });
  return found;
}

/** Merges a list of objects by key, of scalars by value; `original` itself when nothing changes. */
export function mergeList(original: List, patch: List, meta: PatchMeta, merge: MergeItems): List {
  if (original.length === 0 && patch.length === 0) return original;
  const scalars = itemType(original, patch) !== 'object';
  if (scalars) return sameItems(original, arranged([...new Set([...original, ...patch])], patch, original, ''));
  const { mergeKey } = meta;
  if (mergeKey === '') throw new StrategicPatchError(`cannot merge lists without merge key for ${schemaName(meta.schema)}`);
  const { kept, additions } = takeDirectives(original, patch, mergeKey);
  return sameItems(original, arranged(mergeItems(kept, additions, meta, merge), additions, kept, mergeKey));
}

/** Carries out `$patch` items; the rest is to be merged. Source: mergeSliceWithSpecialElements. */
function takeDirectives(original: List, patch: List, mergeKey: string): { readonly kept: List; readonly additions: List } {
  const additions: unknown[] = [];
  const deleted = new Set<unknown>();
  let replace = false;
  for (const item of patch as readonly JsonObject[]) {
    if (!Object.hasOwn(item, DIRECTIVE)) {
      additions.push(item);
      continue;
    }
    const directive = item[DIRECTIVE];
    if (directive === 'delete') deleted.add(identity(item, mergeKey));
    else if (directive === 'replace') replace = true;
    else if (directive === 'merge') throw new StrategicPatchError('merging lists cannot yet be specified in the patch');
    else throw new StrategicPatchError(`unknown patch type: ${goValue(directive)} in map: ${goValue(item)}`);
  }
  if (replace) return { kept: additions, additions: [] };
  return { kept: deleted.size === 0 ? original : original.filter((item) => !deleted.has(member(item as JsonObject, mergeKey))), additions };
}

function mergeItems(original: List, patch: List, { mergeKey, schema }: PatchMeta, merge: MergeItems): List {
  const merged = [...original];
  const at = new Map(positions(original, mergeKey));
  for (const item of patch as readonly JsonObject[]) {
    const key = identity(item, mergeKey);
    const found = at.get(key);
    if (found === undefined) {
      at.set(key, merged.length);
      merged.push(item);
    } else merged[found] = merge(merged[found] as JsonObject, item, schema);
  }
  return merged;
}

/** Items named by `order` in that order, woven with the others in `serverOrder`. Source: normalizeElementOrder. */
function arranged(items: List, order: List, serverOrder: List, mergeKey: string): List {
  const wanted = positions(order, mergeKey);
  const served = positions(serverOrder, mergeKey);
  const inPatch: unknown[] = [];
  const serverOnly: unknown[] = [];
  for (const item of items) (wanted.has(identity(item, mergeKey)) ? inPatch : serverOnly).push(item);
  const by = (at: ReadonlyMap<unknown, number>) => (a: unknown, b: unknown) =>
    (at.get(identity(a, mergeKey)) ?? 0) - (at.get(identity(b, mergeKey)) ?? 0);
  return woven(serverOnly.toSorted(by(served)), inPatch.toSorted(by(wanted)), (item) => served.get(identity(item, mergeKey)));
}

/** Source: mergeSortedSlice. */
function woven(left: List, right: List, place: (item: unknown) => number | undefined): List {
  const out: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const l = place(left[i]);
    const r = place(right[j]);
    out.push(l !== undefined && r !== undefined && l < r ? left[i++] : right[j++]);
  }
  return [...out, ...left.slice(i), ...right.slice(j)];
}

export function deleteFromList(original: List, deleted: List): List {
  const gone = new Set(deleted);
  return original.filter((item) => !gone.has(item));
}

interface Ordering {
  readonly original: List | undefined;
  readonly patch: List | undefined;
  readonly order: List;
  readonly meta: PatchMeta;
  readonly merge: MergeItems;
  /** Drops items that are directives. */
  readonly clean: (value: unknown) => unknown;
}

/** The list under `$setElementOrder`; undefined where there is none to order. Source: mergePatchIntoOriginal. */
export function orderList({ original, patch, order, meta, merge, clean }: Ordering): List | undefined {
  requireSameOrder(patch ?? [], order, meta.mergeKey);
  let merged: List;
  if (patch === undefined) {
    if (original === undefined) return undefined;
    merged = original;
  } else if (original === undefined) merged = clean(patch) as List;
  else merged = meta.strategy === 'merge' ? mergeList(original, patch, meta, merge) : patch;
  itemType(original ?? [], patch ?? []);
  return arranged(merged, order, original ?? [], meta.mergeKey);
}

/** Source: validatePatchWithSetOrderList. */
function requireSameOrder(patch: List, order: List, mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return;
  const directed = (item: unknown): boolean => mergeKey !== '' && isObject(item) && Object.hasOwn(item, DIRECTIVE);
  const items = patch.filter((item) => !directed(item));
  let next = 0;
  for (const wanted of order) {
    if (next < items.length && identity(items[next], mergeKey) === identity(wanted, mergeKey)) next++;
  }
  if (next < items.length) {
    throw new StrategicPatchError(
      `The order in patch list:\n${goValue(patch)}\n doesn't match $setElementOrder list:\n${goValue(order)}\n`,
    );
  }
}
