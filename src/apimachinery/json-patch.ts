// JSON Patch: RFC 6902 as upstream's library applies it, edges and error texts included.
// Source: evanphx/json-patch v4 patch.go; apiserver handlers patch.go for the limits.
import { goKind, goQuote } from './go-format.ts';
import { type JsonPatch, JsonPatchError } from './json-patch-decode.ts';
import { deepEqual, isObject, setMember, type JsonObject } from './json-value.ts';

/** Bytes of JSON that copy operations of one patch may add. Source: JSONPatchMaxCopyBytes. */
export const MAX_JSON_PATCH_COPY_BYTES = 3 * 1024 * 1024;

const fail = (message: string): JsonPatchError => new JsonPatchError('apply', message);
const MISSING = 'missing value';
const BAD_INDEX = 'invalid index referenced';

type Container = Record<string, unknown> | unknown[];

interface Place {
  readonly container: Container;
  readonly key: string;
}

/** Source: findObject, decodePatchKey. */
function keysOf(path: string): readonly string[] | undefined {
  const parts = path.split('/');
  return parts.length < 2 ? undefined : parts.slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A document under edit: each container is copied once, when it is first changed. */
class Draft {
  root: unknown;
  readonly #owned = new Set<object>();

  constructor(root: unknown) {
    this.root = root;
  }

  /** The container that `path` ends in, to look at only, and the last key; undefined where there is none. */
  look(path: string): Place | undefined {
    const keys = keysOf(path);
    if (keys === undefined) return undefined;
    const reached = keys.slice(0, -1).reduce<unknown>((node, key) => (isContainer(node) ? read(node, key) : undefined), this.root);
    return isContainer(reached) ? { container: reached, key: keys.at(-1) as string } : undefined;
  }

  /** As look, to be edited. */
  parent(path: string): Place | undefined {
    const keys = keysOf(path);
    if (keys === undefined || this.look(path) === undefined) return undefined;
    let container = this.#own(this.root as Container);
    this.root = container;
    for (const key of keys.slice(0, -1)) {
      const child = this.#own(read(container, key) as Container);
      write(container, key, child);
      container = child;
    }
    return { container, key: keys.at(-1) as string };
  }

  #own(container: Container): Container {
    if (this.#owned.has(container)) return container;
    const copy = Array.isArray(container) ? [...container] : { ...container };
    this.#owned.add(copy);
    return copy;
  }
}

const isContainer = (value: unknown): value is Container => Array.isArray(value) || isObject(value);

const parseIndex = (key: string): number | undefined => (/^[+-]?[0-9]{1,15}$/.test(key) ? Number(key) : undefined);
const badInteger = (key: string): string => `strconv.Atoi: parsing ${goQuote(key)}: invalid syntax`;

/** A member or item; null where an object has none; undefined where a list has no such index. */
function read(container: Container, key: string): unknown {
  if (!Array.isArray(container)) return Object.hasOwn(container, key) ? container[key] : null;
  const index = parseIndex(key);
  if (index === undefined) return undefined;
  const value: unknown = container.at(index < 0 ? index : Math.min(index, container.length));
  return index >= container.length || index < -container.length ? undefined : value;
}

function readError(container: Container, key: string): string {
  const index = Array.isArray(container) ? parseIndex(key) : 0;
  return index === undefined ? badInteger(key) : `Unable to access invalid index: ${index}: ${BAD_INDEX}`;
}

function write(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) return setMember(container, key, value);
  const index = parseIndex(key) as number;
  container[index < 0 ? index + container.length : index] = value;
}

/** Why it could not be added, or undefined. */
function insert(container: Container, key: string, value: unknown): string | undefined {
  if (!Array.isArray(container)) {
    setMember(container, key, value);
    return undefined;
  }
  if (key === '-') {
    container.push(value);
    return undefined;
  }
  const index = parseIndex(key);
  if (index === undefined) return `value was not a proper array index: '${key}': ${badInteger(key)}`;
  const size = container.length + 1;
  if (index >= size || index < -size) return `Unable to access invalid index: ${index}: ${BAD_INDEX}`;
  container.splice(index < 0 ? index + size : index, 0, value);
  return undefined;
}

function erase(container: Container, key: string): string | undefined {
  if (!Array.isArray(container)) {
    if (!Object.hasOwn(container, key)) return `Unable to remove nonexistent key: ${key}: ${MISSING}`;
    delete container[key];
    return undefined;
  }
  const index = parseIndex(key);
  if (index === undefined) return badInteger(key);
  if (index >= container.length || index < -container.length) return `Unable to access invalid index: ${index}: ${BAD_INDEX}`;
  container.splice(index < 0 ? index + container.length : index, 1);
  return undefined;
}

const GO_STRING = 'Go value of type string';

function text(operation: JsonObject, field: 'path' | 'from'): string | { readonly error: string } {
  const value = operation[field];
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return { error: `operation${field === 'from' ? ',' : ''} missing ${field} field: ${MISSING}` };
  return { error: `json: cannot unmarshal ${goKind(value)} into ${GO_STRING}` };
}

/** The path a missing one makes each operation complain of differently. */
function pathOf(operation: JsonObject, kind: string, field: 'path' | 'from' = 'path'): string {
  const found = text(operation, field);
  if (typeof found === 'string') return found;
  const hidesCause = field === 'path' && (kind === 'add' || kind === 'remove' || kind === 'copy');
  throw fail(`${kind} operation failed to decode ${field}: ${hidesCause ? MISSING : found.error}`);
}

const valueOf = (operation: JsonObject): unknown => (Object.hasOwn(operation, 'value') ? operation['value'] : null);

function throwIf(error: string | undefined, prefix: string): void {
  if (error !== undefined) throw fail(`${prefix}: ${error}`);
}

function applyOne(draft: Draft, operation: JsonObject): number {
  const kind = typeof operation['op'] === 'string' ? operation['op'] : 'unknown';
  switch (kind) {
    case 'add': {
      const path = pathOf(operation, kind);
      const at = draft.parent(path);
      if (at === undefined) throw fail(`add operation does not apply: doc is missing path: "${path}": ${MISSING}`);
      throwIf(insert(at.container, at.key, valueOf(operation)), `error in add for path: '${path}'`);
      return 0;
    }
    case 'remove': {
      const path = pathOf(operation, kind);
      const at = draft.parent(path);
      if (at === undefined) throw fail(`remove operation does not apply: doc is missing path: "${path}": ${MISSING}`);
      throwIf(erase(at.container, at.key), `error in remove for path: '${path}'`);
      return 0;
    }
    case 'replace':
      replace(draft, pathOf(operation, kind), valueOf(operation));
      return 0;
    case 'move':
      move(draft, pathOf(operation, kind, 'from'), operation);
      return 0;
    case 'test':
      check(draft, pathOf(operation, kind), valueOf(operation));
      return 0;
    case 'copy':
      return copy(draft, pathOf(operation, kind, 'from'), operation);
    default:
      throw fail(`Unexpected kind: ${kind}`);
  }
}

function replace(draft: Draft, path: string, value: unknown): void {
  if (path === '') {
    if (!isContainer(value)) throw fail('replace operation value must be object or array: %!w(<nil>)');
    draft.root = value;
    return;
  }
  const at = draft.parent(path);
  if (at === undefined) throw fail(`replace operation does not apply: doc is missing path: ${path}: ${MISSING}`);
  // An object's missing key is set all the same, as upstream does.
  if (read(at.container, at.key) === undefined) throw fail(`replace operation does not apply: doc is missing key: ${path}: ${MISSING}`);
  write(at.container, at.key, value);
}

function move(draft: Draft, from: string, operation: JsonObject): void {
  const source = draft.parent(from);
  if (source === undefined) throw fail(`move operation does not apply: doc is missing from path: ${from}: ${MISSING}`);
  const value = read(source.container, source.key);
  if (value === undefined) throw fail(`error in move for path: '${source.key}': ${readError(source.container, source.key)}`);
  throwIf(erase(source.container, source.key), `error in move for path: '${source.key}'`);
  const path = pathOf(operation, 'move');
  const target = draft.parent(path);
  if (target === undefined) throw fail(`move operation does not apply: doc is missing destination path: ${path}: ${MISSING}`);
  throwIf(insert(target.container, target.key, value), `error in move for path: '${path}'`);
}

function check(draft: Draft, path: string, expected: unknown): void {
  const failed = fail(`testing value ${path} failed: test failed`);
  if (path === '') {
    if (!deepEqual(draft.root, expected)) throw failed;
    return;
  }
  const at = draft.look(path);
  if (at === undefined) throw fail(`test operation does not apply: is missing path: ${path}: ${MISSING}`);
  const actual = read(at.container, at.key);
  if (actual === undefined) throw fail(`error in test for path: '${path}': ${readError(at.container, at.key)}`);
  if (!deepEqual(actual, expected)) throw failed;
}

/** Neither of two places may be edited with the other, and one may be within the other. */
function cloned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cloned);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cloned(member)])) : value;
}

/** Bytes of JSON that were added. */
function copy(draft: Draft, from: string, operation: JsonObject): number {
  const source = draft.look(from);
  if (source === undefined) throw fail(`copy operation does not apply: doc is missing from path: ${from}: ${MISSING}`);
  const value = read(source.container, source.key);
  if (value === undefined) throw fail(`error in copy for from: '${from}': ${readError(source.container, source.key)}`);
  const path = pathOf(operation, 'copy');
  const target = draft.parent(path);
  if (target === undefined) throw fail(`copy operation does not apply: doc is missing destination path: ${path}: ${MISSING}`);
  throwIf(insert(target.container, target.key, cloned(value)), 'error while adding value during copy');
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * `document` after every operation in turn. Neither argument is changed; untouched subtrees are shared.
 * @throws JsonPatchError
 */
export function applyJsonPatch(document: unknown, patch: JsonPatch): unknown {
  const draft = new Draft(document);
  let copied = 0;
  for (const operation of patch) {
    copied += applyOne(draft, operation);
    if (copied > MAX_JSON_PATCH_COPY_BYTES) {
      throw fail(
        `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${MAX_JSON_PATCH_COPY_BYTES}`,
      );
    }
  }
  return draft.root;
}
