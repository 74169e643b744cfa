// From parsed JSON to the one canonical form objects have in memory and on the wire. Built-in types only: a custom
// resource is pruned and defaulted by its CRD's schema instead (./structural.ts).
import { byteOrder } from '#apimachinery/go-format.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { inTextOrder, parseAsWritten } from '#apimachinery/json.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { decoderOf } from './decode/compile.ts';
import { diagnose, type Mismatch } from './decode/diagnose.ts';
import { TypeMismatch } from './decode/go-errors.ts';
import { isScalarError } from './decode/scalars.ts';
import { WrongType, type Notes } from './decode/structs.ts';
import { shortName } from './schema/tables.ts';

/** What becomes of fields a type does not have and of fields given twice. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  /**
   * Duplicate fields the parser met, as upstream words them: `duplicate field "spec.replicas"`. The parser sees them,
   * not the decoder; they join the unknown fields here.
   */
  readonly duplicates?: readonly string[];
  /** The JSON text `value` was read from, where it was one: what is wrong is told in its order, and numbers are read as written. */
  readonly json?: string | undefined;
  /** What `value` was made of by a patch, decoded before: parts that are the very same objects stay what they are. */
  readonly before?: object;
  /** Whether nulls of a custom object that mean nothing go; an applied configuration keeps them, and validation refuses them. */
  readonly nulls?: 'pruned' | 'kept';
}

export interface Decoded<T> {
  readonly object: T;
  /** For the Warning header; filled only under `Warn`. */
  readonly warnings: readonly string[];
}

/** The document is no object of the type; the message is what upstream's decoder says, without the `cannot be handled` part. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Where a value has the wrong JSON type. */
  readonly mismatch: Mismatch | undefined;

  constructor(message: string, mismatch?: Mismatch) {
    super(message);
    this.mismatch = mismatch;
  }
}

/**
 * `value` as an object of type `schema`: fields in declaration order, unknown ones dropped, scalars canonical, empty
 * optional ones left out, always-present ones filled in. The result is new but for parts of `before`; `value` may be shared.
 * @throws DecodeError for a value of the wrong type anywhere, and under `Strict` for unknown and duplicate fields
 */
export function decodeValue<T>(
  value: unknown,
  schema: ObjectSchema,
  { fieldValidation, duplicates = [], json, before }: DecodeOptions,
): Decoded<T> {
  if (json !== undefined) refuseWrittenNumbers(json, schema);
  const notes: Notes = { unknownFields: false, ...(before === undefined ? {} : { canonical: partsOf(before) }) };
  const object = attempt(value ?? {}, schema, notes) as T; // Go takes null for an empty struct
  if (fieldValidation === 'Ignore' || (!notes.unknownFields && duplicates.length === 0)) return { object, warnings: [] };

  const unknown = notes.unknownFields ? diagnose(value, schema.name).unknown : [];
  const problems =
    json === undefined
      ? [...duplicates, ...(before === undefined ? unknown : unknown.toSorted(byteOrder))]
      : asRead(json, duplicates, unknown);
  if (fieldValidation === 'Warn' || problems.length === 0) return { object, warnings: problems };
  throw new DecodeError(`strict decoding error: ${problems.join(', ')}`);
}

/** In the order of the text. What stands below an unknown field, or is one twice, is skipped. Source: sigs.k8s.io/json. */
function asRead(json: string, duplicates: readonly string[], unknown: readonly string[]): readonly string[] {
  if (duplicates.length === 0 || unknown.length === 0) return [...duplicates, ...unknown];
  const skipped = unknown.map((problem) => problem.slice('unknown field '.length, -1));
  const isRead = (problem: string): boolean => {
    const path = problem.slice('duplicate field '.length, -1);
    return !skipped.some((start) => path === start || path.startsWith(`${start}.`) || path.startsWith(`${start}[`));
  };
  return inTextOrder(json, [...duplicates.filter(isRead), ...unknown]);
}

/**
 * Go fits the digits of a number into an integer, not its value: `1.0` and `1e3` do not fit. Source: decodeState.literalStore.
 * @throws DecodeError
 */
function refuseWrittenNumbers(json: string, schema: ObjectSchema): void {
  const written = parseAsWritten(json);
  if (written === undefined) return;
  const { fatal, mismatch } = diagnose(written, schema.name);
  if (fatal !== undefined) throw new DecodeError(fatal, mismatch);
}

/** The objects and lists in an object and in its members: deeper, most patches find little that stays. */
function partsOf(object: object): ReadonlySet<unknown> {
  const parts = new Set<unknown>();
  for (const member of Object.values(object) as unknown[]) {
    if (typeof member !== 'object' || member === null) continue;
    parts.add(member);
    for (const inner of Object.values(member) as unknown[]) if (typeof inner === 'object' && inner !== null) parts.add(inner);
  }
  return parts;
}

function attempt(value: unknown, schema: ObjectSchema, notes: Notes): unknown {
  try {
    return decoderOf(schema)(value, notes);
  } catch (error) {
    if (!(error instanceof TypeMismatch || error instanceof WrongType || isScalarError(error))) throw error;
    const { fatal, mismatch } = diagnose(value, schema.name);
    throw new DecodeError(fatal ?? error.message, mismatch);
  }
}

/**
 * decodeValue for a request body that must be a `schema.name`.
 * @throws StatusError BadRequest `Deployment in version "v1" cannot be handled as a Deployment: …`
 */
export function decodeObject<T>(value: unknown, schema: ObjectSchema, options: DecodeOptions & { readonly version: string }): Decoded<T> {
  try {
    return decodeValue(value, schema, options);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const kind = shortName(schema.name);
    throw badRequest(`${kind} in version ${JSON.stringify(options.version)} cannot be handled as a ${kind}: ${error.message}`);
  }
}
