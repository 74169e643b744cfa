// TypeSchema to decoder closures: the fast path, which only notices that something is wrong. ./diagnose.ts says what.
import { byteOrder } from '#apimachinery/go-format.ts';
import type { FieldSchema, ListSchema, MapSchema, ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { setOwn, type JsonObject } from '../json-object.ts';
import { definitionSchema } from '../schema/type-graph.ts';
import { decodeJsonUnion, isJsonUnion, PROPS } from './json-unions.ts';
import { scalarDecoder, ZERO } from './scalars.ts';

/** What one decoding noticed on its way. */
export interface Notes {
  /** Some object had a member its type does not know; it was dropped. */
  unknownFields: boolean;
}

/**
 * Canonical form of a value that is neither undefined nor null.
 * @throws TypeMismatch, WrongType, or what isScalarError knows, without a place
 */
export type Decoder = (value: unknown, notes: Notes) => unknown;

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
export function decodeProps(value: unknown): unknown {
  return decoderOf(definitionSchema(PROPS))(value, { unknownFields: false });
}

/** What the fast path does with a value of the wrong type; nobody reads the text. */
function refuse(): never {
  throw new WrongType();
}

/** Thrown by the fast path where a container was expected; the diagnosis finds the words. */
export class WrongType extends Error {
  override readonly name = 'WrongType';
}

interface FieldPlan {
  readonly name: string;
  readonly decode: Decoder;
  /** A zero is as good as nothing: off the wire, or for an always-present list null, as it comes back from storage. */
  readonly foldsZero: boolean;
  /** What stands there when nothing was given; undefined for nothing. A struct is made anew each time. */
  readonly absent: (() => unknown) | undefined;
}

function compileObject(schema: ObjectSchema): Decoder {
  let plans: readonly FieldPlan[] | undefined;
  return (value, notes) => {
    plans ??= Array.from(schema.fields.values(), planField);
    if (typeof value !== 'object' || Array.isArray(value)) return refuse();
    const source = value as JsonObject;
    const out: JsonObject = {};
    let met = 0;
    for (const plan of plans) {
      const member = source[plan.name];
      if (member === undefined) {
        if (plan.absent !== undefined) out[plan.name] = plan.absent();
        continue;
      }
      met++;
      if (member === null) {
        if (plan.absent !== undefined) out[plan.name] = plan.absent();
        continue;
      }
      const decoded = plan.decode(member, notes);
      if (!plan.foldsZero || !isZero(decoded)) out[plan.name] = decoded;
      else if (plan.absent !== undefined) out[plan.name] = plan.absent();
    }
    for (const _name in source) met--;
    if (met !== 0) notes.unknownFields = true;
    return out;
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
function foldsZero({ type, pointer, always }: FieldSchema): boolean {
  if (pointer) return false;
  return type.shape === 'list' || type.shape === 'map' || (type.shape === 'scalar' && !always);
}

/** A required list or map is never null in Proa, so that readers need not ask; upstream writes null. */
function absentValue({ type, pointer, required }: FieldSchema): () => unknown {
  if (pointer) return () => null;
  if (required && type.shape === 'list') return () => [];
  if (required && type.shape === 'map') return () => ({});
  return () => zeroValue(type);
}

/** What Go's `omitempty` leaves out, and the zero time, which `omitzero` does. */
function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _key in value) return false;
  return true;
}

function compileList({ items }: ListSchema): Decoder {
  const decode = decoderOf(items);
  return (value, notes) => {
    if (!Array.isArray(value)) return refuse();
    const out: unknown[] = [];
    for (const item of value) out.push(item === null ? zeroValue(items) : decode(item, notes));
    return out;
  };
}

function compileMap({ values }: MapSchema): Decoder {
  const decode = decoderOf(values);
  return (value, notes) => {
    if (typeof value !== 'object' || Array.isArray(value)) return refuse();
    const out: JsonObject = {};
    for (const key of sortedKeys(value as JsonObject)) {
      const member = (value as JsonObject)[key];
      setOwn(out, key, member === null ? zeroValue(values) : decode(member, notes));
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
