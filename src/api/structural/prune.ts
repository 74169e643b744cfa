// What decoding does to a custom object: unknown fields and nulls that mean nothing go, embedded metadata is read like
// any other. Source: apiextensions unstructuredSchemaCoercer, schema/pruning, schema/objectmeta, defaulting/prunenulls.
import { byteOrder, goQuote } from '#apimachinery/go-format.ts';
import type { ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { DecodeError, decodeValue, type Decoded, type DecodeOptions } from '../decode.ts';
import { jsonKind } from '../decode/go-errors.ts';
import { isJsonObject, setOwn, type JsonObject } from '../json-object.ts';

/** Beside `kind` and `apiVersion`, the members an embedded object has whatever its schema says. */
const META_MEMBERS = ['apiVersion', 'kind', 'metadata'] as const;

/**
 * `value` as an object of a CRD's type: `kind`, `apiVersion` and `metadata` first, everything else in alphabetical
 * order. Types of other members are not looked at: validation against the schema does that, as upstream.
 * @throws DecodeError for malformed metadata, and under `Strict` for unknown and duplicate fields
 */
export function decodeCustom<T>(
  value: unknown,
  schema: ObjectSchema,
  { fieldValidation, duplicates = [], nulls = 'pruned' }: DecodeOptions,
): Decoded<T> {
  if (!isJsonObject(value))
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
  const unknown: Unknown = { own: [], members: [], embedded: [] };
  const whole = value.metadata === undefined ? { ...value, metadata: {} } : value;
  const object = new Pruner(unknown, 'read', nulls).embedded(whole, schema, '') as T;
  if (fieldValidation === 'Ignore') return { object, warnings: [] };
  const paths = [...unknown.own, ...unknown.members.toSorted(byteOrder), ...unknown.embedded.toSorted(byteOrder)];
  const problems = [...duplicates, ...paths.map((path) => `unknown field ${goQuote(path)}`)];
  if (problems.length === 0 || fieldValidation === 'Warn') return { object, warnings: problems };
  throw new DecodeError(`strict decoding error: ${problems.join(', ')}`);
}

/**
 * An object from the store as its type has it. Of what it and objects inside it say of themselves, what cannot be read is
 * dropped, so that it can be looked at, mended and deleted. Source: unstructuredSchemaCoercer dropInvalidMetadata.
 */
export const readStored = <T>(object: JsonObject, schema: ObjectSchema): T =>
  new Pruner(untold(), 'mended').embedded(object, schema, '') as T;

/** A value without what its type does not know; metadata of objects inside it stays as it is. Source: pruning.Prune. */
export const prunedValue = (value: unknown, type: TypeSchema): unknown => new Pruner(untold(), 'kept').value(value, type, '');

/** A default without metadata that no object has. Source: defaulting.PruneDefaults. */
export const prunedDefault = (value: unknown, type: TypeSchema): unknown => new Pruner(untold(), 'known').value(value, type, '');

/** The first thing that a whole object inside a value says of itself and no object can. Source: objectmeta Coerce. */
export function embeddedMismatch(value: unknown, type: TypeSchema): EmbeddedError | undefined {
  try {
    new Pruner(untold(), 'read').value(value, type, '');
    return undefined;
  } catch (error) {
    if (error instanceof EmbeddedError) return error;
    if (error instanceof DecodeError) return new EmbeddedError('metadata', (value as JsonObject).metadata, error.message); // its own
    throw error;
  }
}

/**
 * What becomes of the metadata of whole objects: read as every object's, read as far as it can be, left alone, or left
 * alone but for unknown fields.
 */
type MetadataIs = 'read' | 'mended' | 'kept' | 'known';

/** What an embedded object says of itself is of no type that it could have. Source: objectmeta Coerce. */
export class EmbeddedError extends DecodeError {
  override readonly name = 'DecodeError';
  /** `spec.template.metadata`; relative to the object the template stands in. */
  readonly field: string;
  readonly value: unknown;
  readonly detail: string;

  constructor(field: string, value: unknown, detail: string) {
    super(`${field}: Invalid value: ${JSON.stringify(value)}: ${detail}`);
    this.field = field;
    this.value = value;
    this.detail = detail;
  }
}

/** Paths of unknown fields, in the order they are told of: of an object's own metadata, of its members, of metadata inside it. */
interface Unknown {
  readonly own: string[];
  readonly members: string[];
  readonly embedded: string[];
}

const untold = (): Unknown => ({ own: [], members: [], embedded: [] });

class Pruner {
  readonly #unknown: Unknown;
  readonly #metadataIs: MetadataIs;
  readonly #nulls: 'pruned' | 'kept';

  constructor(unknown: Unknown, metadataIs: MetadataIs, nulls: 'pruned' | 'kept' = 'pruned') {
    this.#unknown = unknown;
    this.#metadataIs = metadataIs;
    this.#nulls = nulls;
  }

  /** A whole object: its own metadata, then its other members. */
  embedded(value: JsonObject, schema: ObjectSchema, path: string): JsonObject {
    const out: JsonObject = {};
    for (const name of ['kind', 'apiVersion'] as const) {
      const member = value[name];
      if (member === undefined) continue;
      if (typeof member !== 'string' && this.#metadataIs === 'mended') continue;
      if (typeof member !== 'string' && this.#metadataIs === 'read') throw new EmbeddedError(join(path, name), member, 'must be a string');
      out[name] = member;
    }
    if (value.metadata !== undefined) out.metadata = this.#metadata(value.metadata, schema, path);
    for (const key of sortedKeys(value)) {
      if (!META_MEMBERS.includes(key as (typeof META_MEMBERS)[number])) this.#member(out, key, value[key], schema, path);
    }
    return out;
  }

  /** Read as every built-in object's metadata is. */
  #metadata(metadata: unknown, schema: ObjectSchema, path: string): unknown {
    if (this.#metadataIs === 'kept') return metadata;
    const type = schema.fields.get('metadata')?.type as ObjectSchema;
    if (this.#metadataIs === 'known') return isJsonObject(metadata) ? knownMembers(metadata, type) : metadata;
    if (this.#metadataIs === 'mended') return readable(metadata, type);
    const place = join(path, 'metadata');
    try {
      const { object, warnings } = decodeValue(metadata ?? {}, type, { fieldValidation: 'Warn' });
      const found = path === '' ? this.#unknown.own : this.#unknown.embedded;
      for (const warning of warnings) found.push(`${place}.${unquoted(warning)}`);
      return object;
    } catch (error) {
      if (!(error instanceof DecodeError) || path === '') throw error;
      throw new EmbeddedError(place, metadata, error.message);
    }
  }

  #member(out: JsonObject, key: string, member: unknown, schema: ObjectSchema, path: string): void {
    if (member === undefined) return;
    const field = schema.fields.get(key);
    if (field === undefined) {
      if (schema.unknownFields === 'drop') this.#unknown.members.push(join(path, key));
      else setOwn(out, key, sorted(member));
      return;
    }
    if (member === null && this.#nulls === 'pruned' && !keepsNull(field.type)) return;
    setOwn(out, key, this.value(member, field.type, join(path, key)));
  }

  value(value: unknown, schema: TypeSchema, path: string): unknown {
    switch (schema.shape) {
      case 'object':
        return isJsonObject(value) ? this.#object(value, schema, path) : this.#stripped(value, path);
      case 'map':
        return isJsonObject(value) ? this.#map(value, schema.values, path) : this.#stripped(value, path);
      case 'list':
        return Array.isArray(value) ? value.map((item, i) => this.value(item, schema.items, `${path}[${i}]`)) : this.#stripped(value, path);
      case 'any':
        return schema.bare === true ? this.#stripped(value, path) : sorted(value);
      default:
        return this.#stripped(value, path);
    }
  }

  /** Of what has no type, or not the one its place has: objects keep no members. */
  #stripped(value: unknown, path: string): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.#stripped(item, `${path}[${i}]`));
    if (!isJsonObject(value)) return value;
    for (const key of Object.keys(value)) this.#unknown.members.push(join(path, key));
    return {};
  }

  #object(value: JsonObject, schema: ObjectSchema, path: string): JsonObject {
    if (schema.embedded) return this.embedded(value, schema, path);
    const out: JsonObject = {};
    for (const key of sortedKeys(value)) this.#member(out, key, value[key], schema, path);
    return out;
  }

  #map(value: JsonObject, values: TypeSchema, path: string): JsonObject {
    const out: JsonObject = {};
    for (const key of sortedKeys(value)) {
      const member = value[key];
      if (member === undefined || (member === null && this.#nulls === 'pruned' && !keepsNull(values))) continue;
      setOwn(out, key, this.value(member, values, join(path, key)));
    }
    return out;
  }
}

/** A null that is no value stays only where a default will take its place. Source: PruneNonNullableNullsWithoutDefaults. */
function keepsNull(schema: TypeSchema): boolean {
  return schema.nullable || (schema.default !== undefined && schema.default !== null);
}

/** Without the fields whose values are none. Source: GetObjectMetaWithOptions. */
function readable(metadata: unknown, type: ObjectSchema): JsonObject {
  const whole = decodedOrNone(metadata ?? {}, type);
  if (whole !== undefined) return whole;
  const fields = isJsonObject(metadata) ? Object.entries(metadata) : [];
  const good = fields.filter(([name, value]) => decodedOrNone({ [name]: value }, type) !== undefined);
  return decodedOrNone(Object.fromEntries(good), type) ?? {};
}

function decodedOrNone(metadata: unknown, type: ObjectSchema): JsonObject | undefined {
  try {
    return decodeValue<JsonObject>(metadata, type, { fieldValidation: 'Ignore' }).object;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Without members the type does not name. */
export const knownMembers = (value: JsonObject, { fields }: ObjectSchema): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => fields.has(name)));

const sortedKeys = (value: JsonObject): string[] => Object.keys(value).sort(byteOrder);
const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** `unknown field "a.b"` names `a.b`. */
function unquoted(warning: string): string {
  return JSON.parse(warning.slice(warning.indexOf('"'))) as string;
}

/** Free-form values in the order Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of sortedKeys(value)) setOwn(out, key, sorted(value[key]));
  return out;
}
