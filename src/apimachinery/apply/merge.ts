// A live object with a configuration laid over it. Source: structured-merge-diff TypedValue.Merge.
import { deepEqual, isObject, member, ObjectDraft, sameItems } from '../json-value.ts';
import { memberSchema, type ListSchema, type TypeSchema } from '../type-schema.ts';
import { isAtomic, itemElements, shapeOf } from './list-items.ts';

const size = (value: unknown): number => (Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0);

/**
 * Scalars and atomic values are the configuration's where it has any; the rest is merged member by member and item by
 * item. Parts that stay the same keep their identity.
 * @throws TypedError where a list item has no key
 */
export function merge(schema: TypeSchema, live: unknown, config: unknown): unknown {
  if (config === undefined || live === config) return live;
  if (live === undefined) return config;
  const shape = shapeOf(schema, config);
  if (shape === 'scalar' || isAtomic(schema, shape) || (size(live) === 0 && size(config) === 0)) {
    return deepEqual(live, config) ? live : config;
  }
  return shape === 'map' ? mergeMap(schema, live, config) : mergeList(schema as ListSchema, live, config);
}

function mergeMap(schema: TypeSchema, live: unknown, config: unknown): unknown {
  const draft = new ObjectDraft(isObject(live) ? live : {});
  if (!isObject(config)) return draft.current;
  for (const name of Object.keys(config)) {
    const type = memberSchema(schema, name);
    if (type === undefined) continue;
    const before = draft.get(name);
    const after = merge(type, before, member(config, name));
    if (after !== before) draft.set(name, after);
  }
  return draft.current;
}

/** Items by their element; of several with one element none is known. */
function indexed(elements: readonly string[], items: readonly unknown[]): ReadonlyMap<string, unknown> {
  const index = new Map<string, unknown>();
  elements.forEach((element, i) => index.set(element, index.has(element) ? null : items[i]));
  return index;
}

/** Which item comes next: of the live list, of the configuration, or of both as one. */
type Step = { readonly item: unknown; readonly config?: unknown };

function mergeList(list: ListSchema, live: unknown, config: unknown): unknown {
  const before = Array.isArray(live) ? (live as readonly unknown[]) : [];
  const after = Array.isArray(config) ? (config as readonly unknown[]) : [];
  const out: unknown[] = [];
  for (const { item, config: wanted } of zipped(list, before, after)) {
    const merged = merge(list.items, item, wanted);
    if (merged !== undefined) out.push(merged);
  }
  return Array.isArray(live) ? sameItems(live, out) : out;
}

/**
 * The items of both lists in the configuration's order; items of the live list alone stay where they were among the
 * shared ones. Source: mergingWalker.visitListItems.
 */
function* zipped(list: ListSchema, live: readonly unknown[], config: readonly unknown[]): Generator<Step> {
  const right = itemElements(list, config);
  const left = itemElements(list, live);
  const liveItems = indexed(left, live);
  const configItems = indexed(right, config);
  const shared = right.filter((element) => liveItems.has(element));
  const merged = new Set<string>();
  let next = 0; // index in `shared` of the shared item that the result waits for
  let l = 0;
  let r = 0;
  const both = (element: string): Step => {
    merged.add(element);
    return { item: liveItems.get(element), config: configItems.get(element) };
  };
  while (l < left.length || r < right.length) {
    const element = left[l];
    if (element !== undefined) {
      if (element === right[r]) {
        yield both(element);
        l++;
        r++;
        next++;
        continue;
      }
      if (r < right.length && configItems.has(element) && next < shared.length && shared[next] !== element) {
        l++;
        continue;
      }
      if (!configItems.has(element)) {
        yield { item: live[l] };
        l++;
        continue;
      }
      if (merged.has(element)) l++;
    }
    const wanted = right[r];
    if (wanted === undefined) continue;
    yield both(wanted);
    r++;
    if (shared[next] === wanted) next++;
  }
}
