// Members of built-in objects in the order of their type, and keys of maps in that of the alphabet: the order on the wire. What
// strategies and allocators add to an object that was decoded comes last in it. Pure.
import { byteOrder, sortedMap } from '#apimachinery/go-format.ts';
import type { ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { isJsonObject, setOwn, type JsonObject } from './json-object.ts';

interface Place {
  readonly index: number;
  /** Undefined where there is nothing to put in order. */
  readonly type: TypeSchema | undefined;
}

const places = new WeakMap<ObjectSchema, ReadonlyMap<string, Place>>();

/** `object` itself, or a copy where something is out of order. What it shares with `before`, which is in order, is not looked at. */
export const inOrder = <T extends object>(object: T, schema: ObjectSchema, before?: T): T =>
  struct(object as JsonObject, schema, before as JsonObject | undefined) as T;

function placesOf(schema: ObjectSchema): ReadonlyMap<string, Place> {
  let known = places.get(schema);
  if (known === undefined) {
    const found = [...schema.fields.values()].map(
      ({ name, type }, index) => [name, { index, type: hasOrder(type) ? type : undefined }] as const,
    );
    places.set(schema, (known = new Map(found)));
  }
  return known;
}

/** Structs and maps have an order; so has what may hold some. */
function hasOrder(type: TypeSchema): boolean {
  switch (type.shape) {
    case 'object':
    case 'map':
      return true;
    case 'list':
      return hasOrder(type.items);
    default:
      return false;
  }
}

function struct(value: JsonObject, schema: ObjectSchema, before?: JsonObject): JsonObject {
  const known = placesOf(schema);
  let last = -1;
  let inPlace = true;
  let copy: JsonObject | undefined;
  for (const name in value) {
    const place = known.get(name);
    const member = value[name];
    if (place === undefined || member === undefined) continue;
    if (place.index < last) inPlace = false;
    last = place.index;
    if (place.type === undefined || member === before?.[name]) continue;
    const next = within(member, place.type, before?.[name]);
    if (next !== member) setOwn((copy ??= { ...value }), name, next);
  }
  const current = copy ?? value;
  if (inPlace) return current;
  const out: JsonObject = {};
  for (const name of known.keys()) if (Object.hasOwn(current, name) && current[name] !== undefined) out[name] = current[name];
  for (const name of Object.keys(current)) if (!known.has(name)) setOwn(out, name, current[name]);
  return out;
}

function list(value: readonly unknown[], items: TypeSchema): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < value.length; i++) {
    const next = within(value[i], items);
    if (next !== value[i]) (copy ??= [...value])[i] = next;
  }
  return copy ?? value;
}

/** Keys that the engine has first, whatever is done. */
const INDEX = /^(?:0|[1-9]\d{0,9})$/;

function map(value: JsonObject, values: TypeSchema): JsonObject {
  const deep = hasOrder(values);
  let last: string | undefined;
  let inPlace = true;
  let copy: JsonObject | undefined;
  for (const key in value) {
    if (last !== undefined && byteOrder(last, key) > 0 && !INDEX.test(last)) inPlace = false;
    last = key;
    const member = value[key];
    const next = deep ? within(member, values) : member;
    if (next !== member) setOwn((copy ??= { ...value }), key, next);
  }
  const current = copy ?? value;
  return inPlace ? current : sortedMap(current);
}

function within(value: unknown, type: TypeSchema, before?: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  switch (type.shape) {
    case 'object':
      return Array.isArray(value) ? value : struct(value as JsonObject, type, isJsonObject(before) ? before : undefined);
    case 'list':
      return Array.isArray(value) ? list(value, type.items) : value;
    case 'map':
      return Array.isArray(value) ? value : map(value as JsonObject, type.values);
    default:
      return value;
  }
}
