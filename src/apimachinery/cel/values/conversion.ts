// JSON read through a declared type: numbers that are doubles, strings that are times, lists that are sets.
// Source: apiserver pkg/cel/common/valuesunstructured.go UnstructuredToVal.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import type { ObjectType, Type } from '../types.ts';
import { double } from './numbers.ts';
import { parseGoDuration, parseTimestamp, type Timestamp } from './times.ts';
import { itemsOf, ListValue, membersOf, type Members } from './values.ts';

/** Gives the value that JSON stands for; a value that is converted already comes back as it is. */
export type Conversion = (raw: Value) => Value;

const known = new WeakMap<Type, { readonly conversion: Conversion | undefined }>();

/** undefined where JSON is the value. */
export function conversionOf(type: Type): Conversion | undefined {
  let entry = known.get(type);
  if (entry === undefined) {
    entry = { conversion: makeConversion(type) };
    known.set(type, entry);
  }
  return entry.conversion;
}

function makeConversion(type: Type): Conversion | undefined {
  switch (type.kind) {
    case 'double':
      return (raw) => (typeof raw === 'number' || typeof raw === 'bigint' ? double(Number(raw)) : raw);
    case 'timestamp':
      return (raw) => (typeof raw === 'string' ? timeOf(raw) : raw);
    case 'duration':
      return (raw) => (typeof raw === 'string' ? (parseGoDuration(raw) ?? fail(`Invalid duration ${raw}, must be a Go duration`)) : raw);
    case 'bytes':
      return (raw) => (typeof raw === 'string' ? Buffer.from(raw, 'base64') : raw);
    case 'list': {
      const items = conversionOf(type.items);
      if (items === undefined && type.semantics === undefined) return undefined;
      return (raw) => (Array.isArray(raw) ? new ListValue(convertAll(raw, items), type.semantics ?? 'atomic', type.mapKeys) : raw);
    }
    case 'map': {
      const values = conversionOf(type.values);
      return values === undefined ? undefined : (raw) => (isRaw(raw) ? new TypedMembers(raw, () => values) : raw);
    }
    case 'object':
      return objectConversion(type);
    default:
      return undefined;
  }
}

const convertAll = (items: readonly Value[], conversion: Conversion | undefined): readonly Value[] =>
  conversion === undefined ? items : items.map(conversion);

function isRaw(value: Value): boolean {
  return typeof value === 'object' && value !== null && itemsOf(value) === undefined && !(value instanceof TypedMembers);
}

function objectConversion({ fields }: ObjectType): Conversion | undefined {
  const conversions = new Map<string, Conversion>();
  for (const { json, type } of fields.values()) {
    const conversion = conversionOf(type);
    if (conversion !== undefined) conversions.set(json, conversion);
  }
  return conversions.size === 0 ? undefined : (raw) => (isRaw(raw) ? new TypedMembers(raw, (name) => conversions.get(name)) : raw);
}

/** Full RFC 3339 or a date. */
function timeOf(text: string): Timestamp {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  return parseTimestamp(whole) ?? fail(`Invalid date-time ${text}`);
}

/** An object whose members are converted when they are read. */
class TypedMembers implements Members {
  readonly #members: Members | undefined;
  readonly #conversionOf: (name: string) => Conversion | undefined;

  constructor(raw: Value, conversion: (name: string) => Conversion | undefined) {
    this.#members = membersOf(raw);
    this.#conversionOf = conversion;
  }

  get size(): number {
    return this.#members?.size ?? 0;
  }

  keys(): Iterable<Value> {
    return this.#members?.keys() ?? [];
  }

  get(key: Value): Value | undefined {
    const raw = this.#members?.get(key);
    if (raw === undefined || typeof key !== 'string') return raw;
    return this.#conversionOf(key)?.(raw) ?? raw;
  }
}
