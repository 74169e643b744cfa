// Values that JSON has no form for, and the questions asked of any value: its type, its size, its members.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL_TYPE,
  opaque,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
  type Type,
} from '../types.ts';
import { Double, Uint } from './numbers.ts';
import { Duration, Timestamp } from './times.ts';

/** A value that only functions know what to do with. */
export abstract class OpaqueValue {
  abstract readonly type: Type;
  abstract equals(other: Value): boolean;

  /** Its size for costs, where it has one. */
  get elements(): number | undefined {
    return undefined;
  }
}

/** A type as a value: what `type(1)` gives and `int` names. */
export class TypeValue extends OpaqueValue {
  readonly type = typeOf();
  readonly of: Type;
  readonly name: string;

  constructor(of: Type, name: string) {
    super();
    this.of = of;
    this.name = name;
  }

  equals(other: Value): boolean {
    return other instanceof TypeValue && other.name === this.name;
  }
}

export class Optional {
  /** undefined for none. */
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export const NONE = new Optional(undefined);

/** A list an expression's schema says more about than JSON: its items are converted already. */
export class ListValue {
  readonly items: readonly Value[];
  /** How it is compared and added; `keyOf` names an item of a `map` list. */
  readonly semantics: 'set' | 'map' | 'atomic';
  readonly keys: readonly string[];

  constructor(items: readonly Value[], semantics: 'set' | 'map' | 'atomic', keys: readonly string[] = []) {
    this.items = items;
    this.semantics = semantics;
    this.keys = keys;
  }
}

/** A map or object by what it answers; plain objects need none. */
export interface Members {
  /** undefined where there is no such member. */
  get(key: Value): Value | undefined;
  keys(): Iterable<Value>;
  readonly size: number;
}

/** A map an expression made: keys of any primitive type, numbers equal across types. */
export class MapValue implements Members {
  readonly #entries: Map<unknown, readonly [Value, Value]>;

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    this.#entries = new Map(Array.from(entries, (entry) => [identity(entry[0]), entry]));
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(identity(key))?.[1];
  }

  /** For `in`: what a map answers for a key that it does not have is no member. */
  has(key: Value): boolean {
    return this.#entries.has(identity(key));
  }

  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }

  /** For the one that makes it, before anybody else sees it. */
  set(key: Value, value: Value): void {
    this.#entries.set(identity(key), [key, value]);
  }
}

/** One thing for all keys that are equal. */
function identity(key: Value): unknown {
  if (typeof key === 'number' || typeof key === 'string') return key;
  const amount = key instanceof Double ? key.number : key instanceof Uint ? key.value : key;
  if (typeof amount !== 'bigint') return amount;
  return amount >= -9007199254740991n && amount <= 9007199254740991n ? Number(amount) : amount;
}

type Plain = Readonly<Record<string, Value | undefined>>;

/** The class of what `{}` and JSON make; classes of values are not. */
function isPlain(value: object): value is Plain {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

class PlainMembers implements Members {
  readonly #object: Plain;

  constructor(object: Plain) {
    this.#object = object;
  }

  get size(): number {
    let size = 0;
    for (const key in this.#object) if (this.#object[key] !== undefined) size++;
    return size;
  }

  get(key: Value): Value | undefined {
    return typeof key === 'string' && Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  *keys(): Iterable<Value> {
    for (const key in this.#object) if (this.#object[key] !== undefined) yield key;
  }
}

/** The members of a map or object; undefined for anything else. */
export function membersOf(value: Value): Members | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (isPlain(value)) return new PlainMembers(value);
  return isMembers(value) ? value : undefined;
}

function isMembers(value: object): value is Members {
  return 'get' in value && 'keys' in value && 'size' in value;
}

/** The items of a list; undefined for anything else. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value as readonly Value[];
  return value instanceof ListValue ? value.items : undefined;
}

/** Member `key` of a map or object, item of a list; undefined when there is none. @throws EvaluationError for a bad index */
export function memberOf(value: Value, key: Value): Value | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (typeof key === 'string' && isPlain(value)) return Object.hasOwn(value, key) ? value[key] : undefined;
  const items = itemsOf(value);
  if (items !== undefined) return items[indexOf(key)];
  return membersOf(value)?.get(checkedKey(key));
}

/** Source: types.IndexOrError. */
function indexOf(key: Value): number {
  if (typeof key === 'number' && Number.isSafeInteger(key)) return key;
  if (key instanceof Uint) return Number(key.value);
  const amount = key instanceof Double ? key.number : key;
  if (typeof amount === 'number' && Number.isInteger(amount)) return amount;
  return fail(`unsupported index type '${typeNameOf(key)}' in list`);
}

function checkedKey(key: Value): Value {
  if (key === null || typeof key === 'object') {
    if (!(key instanceof Double || key instanceof Uint)) fail('unsupported map key type');
  }
  return key;
}

/** The type of a value, its parts being dynamic. */
export function typeOfValue(value: Value): Type {
  switch (typeof value) {
    case 'string':
      return STRING;
    case 'boolean':
      return BOOL;
    case 'number':
      return Number.isSafeInteger(value) ? INT : DOUBLE;
    case 'bigint':
      return INT;
    default:
      return typeOfObject(value);
  }
}

const LIST = listOf(DYN);
const MAP = mapOf(DYN, DYN);
const OPTIONAL = opaque('optional_type', DYN);

function typeOfObject(value: Value): Type {
  if (value === null) return NULL_TYPE;
  if (itemsOf(value) !== undefined) return LIST;
  if (value instanceof Double) return DOUBLE;
  if (value instanceof Uint) return UINT;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof Timestamp) return TIMESTAMP;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Optional) return OPTIONAL;
  if (value instanceof OpaqueValue) return value.type;
  return MAP;
}

export function typeNameOf(value: Value): string {
  const type = typeOfValue(value);
  switch (type.kind) {
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'object':
    case 'opaque':
      return type.name;
    default:
      return type.kind;
  }
}

/** Characters, bytes, items or members; undefined for a value without a size. Source: traits.Sizer. */
export function sizeOf(value: Value): number | undefined {
  if (typeof value === 'string') return characters(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof OpaqueValue && value.elements !== undefined) return value.elements;
  return itemsOf(value)?.length ?? membersOf(value)?.size;
}

/** Code points. */
export function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}
