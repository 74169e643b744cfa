// TypeSchema to decoder closures: the fast path, which only notices that something is wrong. ./diagnose.ts says what.
import { byteOrder } from '#apimachinery/go-format.ts';
import type { FieldSchema, ListSchema, MapSchema, ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { setOwn, type JsonObject } from '../json-object.ts';
import { definitionSchema } from '../schema/type-graph.ts';
import { decodeJsonUnion, isJsonUnion, PROPS } from './json-unions.ts';
import { scalarDecoder, ZERO } from './scalars.ts';
import { refuse, structDecoder, type Decoder, type FieldPlan } from './structs.ts';

const decoders = new WeakMap<TypeSchema, Decoder>();

/** The decoder of a node; compiled at the first call. */
export function decoderOf(schema: TypeSchema): Decoder {
  const known = decoders.get(schema);
  if (known !== undefined) return known;
  // Types may contain themselves: whoever asks while this one is being compiled gets a stand-in.
  decoders.set(schema, (value, notes) => compiled(value, notes));
  const compiled = compile(schema);
  decoders.set(schema, compiled);
  return compiled;
}

/** Go's zero value of a type, as the API writes it. */
export function zeroValue(schema: TypeSchema): unknown {
  switch (schema.shape) {
    case 'scalar':
      return ZERO[schema.scalar];
    case 'object':
      return decoderOf(schema)({}, { unknownFields: false });
    default:
      return null;
  }
}

/** The same for what a list or map holds: no bytes are there as empty ones, as they come back from storage. */
const zeroMember = (schema: TypeSchema): unknown => (schema.shape === 'scalar' && schema.scalar === 'bytes' ? '' : zeroValue(schema));

function compile(schema: TypeSchema): Decoder {
  switch (schema.shape) {
    case 'scalar':
      return scalarDecoder(schema.scalar, '');
    case 'object':
      return compileObject(schema);
    case 'list':
      return compileList(schema);
    case 'map':
      return compileMap(schema);
    case 'any':
      return isJsonUnion(schema) ? (value) => decodeJsonUnion(schema, value, decodeProps) : (value) => value;
  }
}

/** Upstream reads a schema nested in a union with a decoder of its own, which drops what it does not know without a word. */
function decodeProps(value: unknown): unknown {
  return decoderOf(definitionSchema(PROPS))(value, { unknownFields: false });
}

function compileObject(schema: ObjectSchema): Decoder {
  let decode: Decoder | undefined;
  return (value, notes) => {
    if (notes.canonical?.has(value) === true) return value;
    decode ??= structDecoder(Array.from(schema.fields.values(), planField));
    return decode(value, notes);
  };
}

function planField(field: FieldSchema): FieldPlan {
  return {
    name: field.name,
    decode: decoderOf(field.type),
    foldsZero: foldsZero(field),
    absent: field.always ? absentValue(field) : undefined,
  };
}

/** A struct and a free-form value are never zero by being empty. */
function foldsZero({ type, pointer, always, tellsEmpty }: FieldSchema): boolean {
  if (pointer || tellsEmpty) return false;
  return type.shape === 'list' || type.shape === 'map' || (type.shape === 'scalar' && !always);
}

/**
 * Upstream writes null for a list or map that has nothing in it. Where no accepted object has one so, because it is
 * required and validation refuses it empty, it is empty here and never null: validation need not ask, and nobody sees it.
 */
function absentValue({ type, pointer, required, mayBeNull, tellsEmpty }: FieldSchema): () => unknown {
  if (pointer) return () => null;
  const given = required && !mayBeNull && !tellsEmpty;
  if (given && type.shape === 'list') return () => [];
  if (given && type.shape === 'map') return () => ({});
  return () => zeroValue(type);
}

function compileList({ items }: ListSchema): Decoder {
  const decode = decoderOf(items);
  return (value, notes) => {
    if (notes.canonical?.has(value) === true) return value;
    if (!Array.isArray(value)) return refuse();
    const out: unknown[] = [];
    for (const item of value) out.push(item === null || item === undefined ? zeroMember(items) : decode(item, notes));
    return out;
  };
}

function compileMap({ values }: MapSchema): Decoder {
  const decode = decoderOf(values);
  return (value, notes) => {
    if (notes.canonical?.has(value) === true) return value;
    if (typeof value !== 'object' || Array.isArray(value)) return refuse();
    const out: JsonObject = {};
    for (const key of sortedKeys(value as JsonObject)) {
      const member = (value as JsonObject)[key];
      if (member === undefined) continue;
      setOwn(out, key, member === null ? zeroMember(values) : decode(member, notes));
    }
    return out;
  };
}

/** As the API writes a map. Most arrive sorted already. */
function sortedKeys(value: JsonObject): string[] {
  const keys = Object.keys(value);
  for (let i = 1; i < keys.length; i++) {
    if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort(byteOrder);
  }
  return keys;
}
