// Defaults a CRD's schema states. Source: apiextensions pkg/apiserver/schema/defaulting Default.
import { byteOrder } from '#apimachinery/go-format.ts';
import type { TypeSchema } from '#apimachinery/type-schema.ts';
import { isJsonObject, setOwn, type JsonObject } from '../json-object.ts';

/**
 * `value` with defaults for members that are absent, or null without being nullable; the same value when none is
 * missing. Defaults are shared, not copied: objects are never changed.
 */
export function applySchemaDefaults(value: unknown, schema: TypeSchema): unknown {
  if (!hasDefaults(schema)) return value;
  switch (schema.shape) {
    case 'object': {
      if (!isJsonObject(value)) return value;
      let out = value;
      for (const { name, type } of schema.fields.values()) {
        const present = Object.hasOwn(value, name) ? value[name] : undefined;
        const given = isMissing(present, type) ? type.default : present;
        if (given === undefined) continue;
        const defaulted = applySchemaDefaults(given, type);
        if (defaulted === present) continue;
        if (out === value) out = { ...value };
        setOwn(out, name, defaulted);
      }
      return out === value ? value : inOrder(out, schema.embedded);
    }
    case 'map':
      return isJsonObject(value) ? mapMembers(value, (member) => filled(member, schema.values)) : value;
    case 'list': {
      if (!Array.isArray(value)) return value;
      const items = value.map((item: unknown) => filled(item, schema.items));
      return items.every((item, i) => item === value[i]) ? value : items;
    }
    default:
      return value;
  }
}

const known = new WeakMap<TypeSchema, boolean>();

/** Whether a default stands anywhere in a type: the rest of an object is not visited. */
function hasDefaults(schema: TypeSchema): boolean {
  let answer = known.get(schema);
  if (answer === undefined) {
    answer = schema.default !== undefined || partsOf(schema).some(hasDefaults);
    known.set(schema, answer);
  }
  return answer;
}

function partsOf(schema: TypeSchema): readonly TypeSchema[] {
  switch (schema.shape) {
    case 'object':
      return Array.from(schema.fields.values(), ({ type }) => type);
    case 'map':
      return [schema.values];
    case 'list':
      return [schema.items];
    default:
      return [];
  }
}

function isMissing(value: unknown, { default: fallback, nullable }: TypeSchema): boolean {
  if (fallback === undefined || fallback === null) return false;
  return value === undefined || (value === null && !nullable);
}

/** A null item that is no value becomes the default, or stays for validation to refuse. */
function filled(value: unknown, schema: TypeSchema): unknown {
  return applySchemaDefaults(value === null && isMissing(null, schema) ? schema.default : value, schema);
}

function mapMembers(object: JsonObject, change: (member: unknown) => unknown): JsonObject {
  let out = object;
  for (const key of Object.keys(object)) {
    const member = change(object[key]);
    if (member === object[key]) continue;
    if (out === object) out = { ...object };
    setOwn(out, key, member);
  }
  return out;
}

/** Alphabetical, but a whole object begins with what every object has. */
function inOrder(object: JsonObject, embedded: boolean): JsonObject {
  const head = embedded ? ['kind', 'apiVersion', 'metadata'].filter((name) => Object.hasOwn(object, name)) : [];
  const rest = Object.keys(object)
    .filter((name) => !head.includes(name))
    .sort(byteOrder);
  const out: JsonObject = {};
  for (const name of [...head, ...rest]) setOwn(out, name, object[name]);
  return out;
}
