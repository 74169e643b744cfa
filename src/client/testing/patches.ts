// Patches of the fake API server: JSON patch and JSON merge patch; a strategic one also merges lists by their key.
import { isDeepStrictEqual } from 'node:util';
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { PATCH_CONTENT_TYPE } from '../api-request.ts';

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7396. */
export function mergePatch(target: Json, patch: Json): Json {
  return mergeWith(target, patch, (_field, _before, after) => after);
}

function mergeWith(target: Json, patch: Json, list: (field: string, before: readonly Json[], after: readonly Json[]) => Json): Json {
  if (!isObject(patch)) return patch;
  const out: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete out[field];
    else if (Array.isArray(value) && Array.isArray(out[field])) out[field] = list(field, out[field], value);
    else out[field] = mergeWith(out[field], value, list);
  }
  return out;
}

/** Merge keys of the lists that status and metadata patches touch. Source: patchMergeKey tags of the API types. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  ownerReferences: 'uid',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  addresses: 'type',
  podIPs: 'ip',
  ports: 'port',
  secrets: 'name',
  imagePullSecrets: 'name',
};

/** As mergePatch, but lists with a known merge key are merged element by element and finalizers as a set. */
export function strategicMergePatch(target: Json, patch: Json): Json {
  return mergeWith(target, patch, (field, before, after) => {
    if (field === 'finalizers') return [...new Set([...before, ...after])];
    const key = MERGE_KEYS[field];
    return key === undefined ? after : mergeList(before, after, key);
  });
}

function mergeList(before: readonly Json[], after: readonly Json[], key: string): Json {
  const keyed = (item: Json): Json => (isObject(item) ? item[key] : undefined);
  const out = [...before];
  for (const item of after) {
    const at = out.findIndex((other) => keyed(other) === keyed(item));
    if (isObject(item) && item['$patch'] === 'delete') {
      if (at !== -1) out.splice(at, 1);
    } else if (at === -1) out.push(strategicMergePatch({}, item));
    else out[at] = strategicMergePatch(out[at], item);
  }
  return out;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

const segments = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

const unapplicable = (path: string): StatusError =>
  new StatusError('Invalid', `the server rejected our request due to an error in our request: jsonpatch path ${path} does not apply`);

function read(target: Json, path: string): Json {
  let value = target;
  for (const part of segments(path)) {
    if (typeof value !== 'object' || value === null || !(part in value)) throw unapplicable(path);
    value = (value as JsonObject)[part];
  }
  return value;
}

/** A copy of `target` changed at `parts`; `change` gets the innermost container, already a copy. */
function changed(
  target: Json,
  parts: readonly string[],
  path: string,
  change: (container: Json[] | Record<string, Json>, last: string) => void,
): Json {
  if (typeof target !== 'object' || target === null) throw unapplicable(path);
  const copy = (Array.isArray(target) ? [...target] : { ...target }) as Json[] & Record<string, Json>;
  const [first, ...rest] = parts;
  if (first === undefined) throw unapplicable(path);
  if (rest.length === 0) change(copy, first);
  else copy[first as never] = changed(copy[first as never], rest, path, change) as never;
  return copy;
}

function add(target: Json, path: string, value: Json): Json {
  if (path === '') return value;
  return changed(target, segments(path), path, (container, last) => {
    if (!Array.isArray(container)) container[last] = value;
    else if (last === '-') container.push(value);
    else if (Number(last) <= container.length) container.splice(Number(last), 0, value);
    else throw unapplicable(path);
  });
}

function remove(target: Json, path: string): Json {
  read(target, path);
  return changed(target, segments(path), path, (container, last) => {
    if (Array.isArray(container)) container.splice(Number(last), 1);
    else delete container[last];
  });
}

function replace(target: Json, path: string, value: Json): Json {
  read(target, path);
  if (path === '') return value;
  return changed(target, segments(path), path, (container, last) => {
    container[last as never] = value as never;
  });
}

/** RFC 6902. @throws StatusError Invalid when an operation does not apply */
export function jsonPatch(target: Json, operations: readonly Operation[]): Json {
  let result = target;
  for (const { op, path, from = '', value } of operations) {
    if (op === 'add') result = add(result, path, value);
    else if (op === 'remove') result = remove(result, path);
    else if (op === 'replace') result = replace(result, path, value);
    else if (op === 'copy') result = add(result, path, read(result, from));
    else if (op === 'move') result = add(remove(result, from), path, read(result, from));
    else if (op !== 'test') throw badRequest(`unknown operation ${JSON.stringify(op)} in a JSON patch`);
    else if (!isDeepStrictEqual(read(result, path), value)) throw unapplicable(path);
  }
  return result;
}

/** @throws StatusError UnsupportedMediaType for a content type that is no patch */
export function applyPatch(target: Json, contentType: string, patch: Json): Json {
  switch (contentType) {
    case PATCH_CONTENT_TYPE.json:
      return jsonPatch(target, patch as readonly Operation[]);
    case PATCH_CONTENT_TYPE.merge:
      return mergePatch(target, patch);
    case PATCH_CONTENT_TYPE.strategic:
    case PATCH_CONTENT_TYPE.apply:
      return strategicMergePatch(target, patch);
    default:
      throw new StatusError(
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: ${Object.values(PATCH_CONTENT_TYPE).join(', ')}`,
      );
  }
}
