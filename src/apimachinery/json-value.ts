// JSON values as patches and apply see them: never changed, compared by content.
import { byteOrder } from './go-format.ts';
import { WrittenNumber } from './json.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber);
}

/** Same JSON, member order aside; members that are undefined count as absent. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  let members = 0;
  for (const key in left) {
    if (left[key] === undefined) continue;
    if (!Object.hasOwn(right, key) || !deepEqual(left[key], right[key])) return false;
    members++;
  }
  for (const key in right) if (right[key] !== undefined) members--;
  return members === 0;
}

/** Sets a member without meaning a prototype by `__proto__`. */
export function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** An own member; undefined where there is none. */
export function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Collects changes to `original` and copies it only when there is one. */
export class ObjectDraft {
  readonly #original: JsonObject;
  #copy: Record<string, unknown> | undefined;

  constructor(original: JsonObject) {
    this.#original = original;
  }

  get current(): JsonObject {
    return this.#copy ?? this.#original;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.current, key);
  }

  get(key: string): unknown {
    return member(this.current, key);
  }

  set(key: string, value: unknown): void {
    if (this.has(key) && this.current[key] === value) return;
    this.#copy ??= { ...this.#original };
    setMember(this.#copy, key, value);
  }

  delete(key: string): void {
    if (!this.has(key)) return;
    this.#copy ??= { ...this.#original };
    delete this.#copy[key];
  }
}

/** `next`, or `previous` itself when both hold the very same items. */
export function sameItems<T>(previous: readonly T[], next: readonly T[]): readonly T[] {
  if (previous.length !== next.length) return next;
  for (let i = 0; i < next.length; i++) if (next[i] !== previous[i]) return next;
  return previous;
}

/** The same value with members in byte order, as Go writes the map it decodes to. */
export function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isObject(value)) return value;
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted(byteOrder)) setMember(sorted, key, sortedKeys(value[key]));
  return sorted;
}
