// pure
// The strategic merge patch that turns one status into another: only what differs, lists with a key by element.
import { isDeepStrictEqual } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;

/** Lists merged by key. Source: patchMergeKey tags of v1.PodStatus and v1.NodeStatus. */
const POD_KEYS: Readonly<Record<string, string>> = { conditions: 'type', podIPs: 'ip', hostIPs: 'ip', resourceClaimStatuses: 'name' };
const NODE_KEYS: Readonly<Record<string, string>> = { conditions: 'type' };
/** Lists with a merge key that does not identify an element, replaced as a whole. Source: nodeutil.preparePatchBytesforNodeStatus. */
const NODE_REPLACED: ReadonlySet<string> = new Set(['addresses']);

export function podStatusPatch(from: object, to: object): Fields | undefined {
  return statusPatch(dropNulls(from) as Fields, dropNulls(to) as Fields, POD_KEYS, new Set());
}

export function nodeStatusPatch(from: object, to: object): Fields | undefined {
  return statusPatch(dropNulls(from) as Fields, dropNulls(to) as Fields, NODE_KEYS, NODE_REPLACED);
}

/** A null and an absent field are the same to the API, and a patch must not take the one for a deletion of the other. */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (!isMap(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) if (field !== null && field !== undefined) out[name] = dropNulls(field);
  return out;
}

/** Undefined when nothing differs. */
function statusPatch(from: Fields, to: Fields, keys: Readonly<Record<string, string>>, replaced: ReadonlySet<string>): Fields | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = from[field];
    const after = to[field];
    if (isDeepStrictEqual(before, after)) continue;
    if (after === undefined) patch[field] = null;
    else if (replaced.has(field) && Array.isArray(after)) patch[field] = [...(after as unknown[]), { $patch: 'replace' }];
    else if (keys[field] !== undefined && Array.isArray(before) && Array.isArray(after)) {
      const changes = listPatch(before as Fields[], after as Fields[], keys[field]);
      if (changes.length > 0) patch[field] = changes; // another order is none
    } else patch[field] = isMap(before) && isMap(after) ? mapPatch(before, after) : after;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function listPatch(before: readonly Fields[], after: readonly Fields[], key: string): readonly unknown[] {
  const old = new Map(before.map((item) => [item[key], item]));
  const kept = new Set(after.map((item) => item[key]));
  const changed = after
    .filter((item) => !isDeepStrictEqual(item, old.get(item[key])))
    // A field that went away must be named, or the merge would keep it.
    .map((item) => ({
      ...Object.fromEntries(
        Object.keys(old.get(item[key]) ?? {})
          .filter((name) => !(name in item))
          .map((name) => [name, null]),
      ),
      ...item,
    }));
  const gone = before.filter((item) => !kept.has(item[key])).map((item) => ({ $patch: 'delete', [key]: item[key] }));
  return [...changed, ...gone];
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapPatch(before: Fields, after: Fields): Fields {
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, next] = [before[name], after[name]];
    if (isDeepStrictEqual(old, next)) continue;
    patch[name] = next === undefined ? null : isMap(old) && isMap(next) ? mapPatch(old, next) : next;
  }
  return patch;
}
