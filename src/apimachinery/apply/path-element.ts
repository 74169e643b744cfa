// One step of a field's path, as FieldsV1 writes it: `f:name`, `k:{"name":"web"}`, `v:"x"`, `i:0`.
// Texts are canonical, so equal steps are equal strings. Source: structured-merge-diff fieldpath PathElement.
import { parseExactly } from '../json.ts';
import { goNumber, goJson, goQuote } from '../go-format.ts';
import { isObject, type JsonObject } from '../json-value.ts';

/** Stored ownership that cannot be read. */
export class FieldSetError extends Error {
  override readonly name = 'FieldSetError';
}

export const fieldElement = (name: string): string => `f:${name}`;

/** An item of a set. */
export const valueElement = (value: unknown): string => `v:${goJson(value)}`;

/** An item of an associative list; `keys` are in the order of their names. */
export function keyElement(keys: readonly (readonly [name: string, value: unknown])[]): string {
  return `k:{${keys.map(([name, value]) => `${goJson(name)}:${goJson(value)}`).join(',')}}`;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : Number(a > b));

/** Sorts `keys` in place. */
export const sortKeys = (keys: (readonly [string, unknown])[]): typeof keys => keys.sort(byName);

/** `k:{"name":"web"}` without anything to escape: what most elements are, and canonical as it stands. */
const PLAIN_KEY = /^k:\{"[A-Za-z]+":(?:"[^"\\<>&\u2028\u2029]*"|[1-9][0-9]*)\}$/;

function parseJson(text: string): unknown {
  try {
    return parseExactly(text);
  } catch (error) {
    throw new FieldSetError(`parsing key as path element: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The canonical text of an element that a client or an older version wrote; undefined for a kind of element that is
 * not known, which is ignored.
 * @throws FieldSetError
 */
export function canonicalElement(text: string): string | undefined {
  if (text.startsWith('f:') || PLAIN_KEY.test(text)) return text;
  if (text.length < 2) throw new FieldSetError('key must be 2 characters long:');
  if (text[1] !== ':') throw new FieldSetError(`missing colon: ${text}`);
  const body = text.slice(2);
  switch (text[0]) {
    case 'v':
      return valueElement(parseJson(body));
    case 'k': {
      const keys = parseJson(body);
      if (!isObject(keys)) throw new FieldSetError(`parsing key as path element: not an object: ${body}`);
      return keyElement(sortKeys(Object.entries(keys)));
    }
    case 'i':
      if (!/^[+-]?[0-9]+$/.test(body)) throw new FieldSetError(`strconv.Atoi: parsing ${goQuote(body)}: invalid syntax`);
      return `i:${Number(body)}`;
    default:
      return undefined;
  }
}

/** The field a step names; undefined where it names an item of a list. */
export const fieldName = (element: string): string | undefined => (element.startsWith('f:') ? element.slice(2) : undefined);

export const isKey = (element: string): boolean => element.startsWith('k:');

const KINDS = 'fkvi';

/** Source: value.Compare. Kinds in this order: number, string, boolean, list, object, null. */
function rank(value: unknown): number {
  if (value === null) return 5;
  if (Array.isArray(value)) return 3;
  return ['number', 'string', 'boolean', '', 'object'].indexOf(typeof value);
}

const order = (a: number | string | boolean, b: number | string | boolean): number => (a < b ? -1 : Number(a > b));

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const by = compareValues(a[i], b[i]);
    if (by !== 0) return by;
  }
  return a.length - b.length;
}

function compareValues(a: unknown, b: unknown): number {
  const kind = rank(a);
  if (kind !== rank(b)) return kind - rank(b);
  if (kind < 3) return order(a as string, b as string);
  if (kind === 3) return compareLists(a as readonly unknown[], b as readonly unknown[]);
  return kind === 4 ? compareKeys(a as JsonObject, b as JsonObject) : 0;
}

function compareKeys(a: JsonObject, b: JsonObject): number {
  const left = sortKeys(Object.entries(a));
  const right = sortKeys(Object.entries(b));
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [name, value] = left[i] as readonly [string, unknown];
    const [otherName, other] = right[i] as readonly [string, unknown];
    const by = order(name, otherName) || compareValues(value, other);
    if (by !== 0) return by;
  }
  return left.length - right.length;
}

/** The order elements are written in. Source: PathElement.Compare. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  const kind = a[0] as string;
  if (kind !== b[0]) return KINDS.indexOf(kind) - KINDS.indexOf(b[0] as string);
  if (kind === 'f') return order(a, b);
  return compareValues(bodyOf(a), bodyOf(b));
}

/** What keys and values say: conditions of all objects have the same few keys. At most so many, none that is longer. */
const bodies = new Map<string, unknown>();
const MAX_BODIES = 1024;
const MAX_LENGTH = 1024;

function bodyOf(element: string): unknown {
  let body = bodies.get(element);
  if (body === undefined) {
    body = parseExactly(element.slice(2));
    if (element.length > MAX_LENGTH) return body;
    if (bodies.size >= MAX_BODIES) bodies.clear();
    bodies.set(element, body);
  }
  return body;
}

/** Source: value.ToString. */
function show(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number') return goNumber(value);
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  if (isObject(value))
    return Object.entries(value)
      .map(([key, member]) => `${key}=${show(member)}`)
      .join('');
  return String(value);
}

function elementString(element: string): string {
  const body = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${body}`;
    case 'k':
      return `[${Object.entries(JSON.parse(body) as JsonObject)
        .map(([name, value]) => `${name}=${show(value)}`)
        .join(',')}]`;
    case 'v':
      return `[=${show(JSON.parse(body))}]`;
    default:
      return `[${body}]`;
  }
}

/** `.spec.containers[name="web"].image`. Source: fieldpath.Path.String. */
export const pathString = (path: readonly string[]): string => path.map(elementString).join('');
