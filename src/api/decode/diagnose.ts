// The slow path: walks a document in its own order, as Go's decoder does, to say what is wrong with it and where.
// Runs only after the fast path noticed something. Source: sigs.k8s.io/json decodeState.
import { unknownFieldText } from '#apimachinery/json.ts';
import { definitionSchema } from '../schema/type-graph.ts';
import { definitions, shortName, type FieldRow } from '../schema/tables.ts';
import { decodeJsonUnion, isJsonUnion, PROPS } from './json-unions.ts';
import { jsonKind, TypeMismatch } from './go-errors.ts';
import { isScalarError, scalarDecoder, SELF_DECODING } from './scalars.ts';

/** Source: sigs.k8s.io/json saveStrictError. */
const MAX_STRICT_ERRORS = 100;

/** A value, and what Go would have it fill. */
export interface Mismatch {
  readonly value: unknown;
  readonly into: 'map' | 'slice' | 'struct' | 'scalar';
  readonly goType: string;
}

export interface Diagnosis {
  /** The one error that makes the document undecodable, in Go's words. */
  readonly fatal: string | undefined;
  /** The value that does not fit, where it is one of the wrong JSON type. */
  readonly mismatch: Mismatch | undefined;
  /** `unknown field "spec.foo"`, in document order, each once. */
  readonly unknown: readonly string[];
}

/** Where the walk is: two paths, because type errors and strict errors name places differently. */
interface Place {
  /** Go struct that declares the innermost field; empty at the root. */
  readonly struct: string;
  /** JSON names of fields, without indices and map keys, with those of embedded structs: `spec.containers.env.valueFrom`, `spec.volumes.VolumeSource.nfs`. */
  readonly fields: string;
  /** With indices and map keys: `spec.template.spec.containers[0].ports[1]`. */
  readonly full: string;
}

/** Ends the walk: an error of a type that reads its own JSON, which Go returns at once. */
class Abort extends Error {}

/** What is wrong with `value` as a `definition`. */
export function diagnose(value: unknown, definition: string): Diagnosis {
  const walk = new Walk();
  try {
    walk.value(value, { ref: definition }, { struct: '', fields: '', full: '' });
  } catch (error) {
    if (!(error instanceof Abort)) throw error;
    return { fatal: error.message, mismatch: undefined, unknown: [] };
  }
  return { fatal: walk.fatal, mismatch: walk.mismatched, unknown: [...walk.unknown] };
}

/** A schema in a union, which a decoder of its own reads: it drops what it does not know, and its first type error ends all. */
function nested(props: unknown, place: Place): unknown {
  const walk = new Walk();
  walk.struct(props, PROPS, place);
  if (walk.fatal !== undefined) throw new Abort(walk.fatal);
  return props;
}

class Walk {
  /** Go keeps the first type error and goes on. */
  fatal: string | undefined;
  mismatched: Mismatch | undefined;
  readonly unknown = new Set<string>();

  value(value: unknown, row: FieldRow, place: Place): void {
    if (value === null || value === undefined) return; // undefined: an object that never was JSON
    if (row.items !== undefined) return this.list(value, row, row.items, place);
    if (row.map !== undefined) return this.map(value, row, row.map, place);
    const schema = row.ref === undefined ? undefined : definitionSchema(row.ref);
    if (schema === undefined) return this.scalar(value, row, place);
    if (schema.shape === 'object') return this.struct(value, row.ref as string, place);
    if (schema.shape === 'scalar')
      return this.decoded(() => scalarDecoder(schema.scalar, goType(row))(value), SELF_DECODING.has(schema.scalar), place);
    if (schema.shape === 'any' && isJsonUnion(schema))
      this.decoded(() => decodeJsonUnion(schema, value, (props) => nested(props, place)), true, place);
  }

  list(value: unknown, row: FieldRow, items: FieldRow, place: Place): void {
    if (!Array.isArray(value)) return this.mismatch(value, row, 'slice', place);
    value.forEach((item, i) => this.value(item, items, { ...place, full: `${place.full}[${i}]` }));
  }

  map(value: unknown, row: FieldRow, values: FieldRow, place: Place): void {
    if (typeof value !== 'object' || Array.isArray(value)) return this.mismatch(value, row, 'map', place);
    for (const [key, member] of Object.entries(value as object)) this.value(member, values, { ...place, full: join(place.full, key) });
  }

  struct(value: unknown, definition: string, place: Place): void {
    if (typeof value !== 'object' || Array.isArray(value)) return this.mismatch(value, { ref: definition }, 'struct', place);
    const { fields } = definitions[definition] as { fields: Readonly<Record<string, FieldRow>> };
    for (const [key, member] of Object.entries(value as object)) {
      if (member === undefined) continue;
      const row = Object.hasOwn(fields, key) ? fields[key] : undefined;
      const full = join(place.full, key);
      if (row !== undefined)
        this.value(member, row, { struct: shortName(definition), fields: join(place.fields, goField(definition, key, row)), full });
      else if (this.unknown.size < MAX_STRICT_ERRORS) this.unknown.add(unknownFieldText(full));
    }
  }

  scalar(value: unknown, row: FieldRow, place: Place): void {
    if (row.t === 'any') return;
    const kind =
      row.t === 'boolean'
        ? 'boolean'
        : row.t === 'number'
          ? 'number'
          : row.t === 'integer'
            ? row.format === 'int64'
              ? 'int64'
              : 'int32'
            : row.format === 'byte'
              ? 'bytes'
              : 'string';
    this.decoded(() => scalarDecoder(kind, goType(row))(value), false, place, { value, into: 'scalar', goType: goType(row) });
  }

  decoded(decode: () => unknown, abort: boolean, place: Place, mismatch?: Mismatch): void {
    try {
      decode();
    } catch (error) {
      if (!(error instanceof TypeMismatch) && !isScalarError(error)) throw error;
      const text = error instanceof TypeMismatch && place.struct !== '' ? error.at(place.struct, place.fields) : error.message;
      if (abort) throw new Abort(text);
      if (this.fatal !== undefined) return;
      this.fatal = text;
      if (error instanceof TypeMismatch) this.mismatched = mismatch;
    }
  }

  mismatch(value: unknown, row: FieldRow, into: Mismatch['into'], place: Place): void {
    this.decoded(
      () => {
        throw new TypeMismatch(jsonKind(value), goType(row));
      },
      false,
      place,
      { value, into, goType: goType(row) },
    );
  }
}

/** A field of `definition` as Go names it in errors: behind the structs that its struct embeds, `TypeMeta.kind`. */
function goField(definition: string, key: string, { protoIn }: FieldRow): string {
  if (protoIn !== undefined) return [...protoIn.split('.').map(embeddedStruct), key].join('.');
  const ofTypeMeta = (key === 'kind' || key === 'apiVersion') && definitions[definition]?.gvk !== undefined;
  return ofTypeMeta ? `TypeMeta.${key}` : key;
}

/** Messages are called as the structs, but for one that was renamed after its message. */
const embeddedStruct = (message: string): string =>
  message === 'handler' ? 'ProbeHandler' : `${message.charAt(0).toUpperCase()}${message.slice(1)}`;

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** As Go prints the type of a value described by `row`: `map[string]string`, `[]v1.Container`, `int32`. */
export function goType(row: FieldRow): string {
  if (row.go !== undefined) return row.go;
  if (row.items !== undefined) return `[]${goType(row.items)}`;
  if (row.map !== undefined) return `map[${row.goKey ?? 'string'}]${goType(row.map)}`;
  if (row.ref !== undefined) return row.ref.split('.').slice(-2).join('.');
  if (row.t === 'integer') return row.format ?? 'int32';
  if (row.t === 'number') return 'float64';
  if (row.t === 'boolean') return 'bool';
  return row.format === 'byte' ? '[]uint8' : 'string';
}
