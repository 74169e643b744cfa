// From a patch body and the current object to the new object. Pure; objects are in the served version.
import { interpretKind } from '#api/decode-body.ts';
import { refuseUnconvertible } from '#api/convertible.ts';
import { decodeKind, isCustomType } from '#api/decode-kind.ts';
import { DecodeError, decodeValue, type FieldValidation } from '#api/decode.ts';
import { diagnose } from '#api/decode/diagnose.ts';
import { applyDefaults } from '#api/defaults.ts';
import type { KubeObject } from '#api/types.ts';
import { badRequest, internalError, StatusError } from '#apimachinery/errors.ts';
import { byteOrder, goJson, goKind, goQuote, goSortedJson, goType, goValue } from '#apimachinery/go-format.ts';
import { parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import { applyJsonPatch } from '#apimachinery/json-patch.ts';
import {
  decodeJsonPatch,
  JsonPatchError,
  MAX_JSON_PATCH_OPERATIONS,
  STRICT_NAMES,
  strictJsonPatchErrors,
} from '#apimachinery/json-patch-decode.ts';
import { JsonError, parseAsWritten, parseJson, parseJsonStrict } from '#apimachinery/json.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { mergePatch, MergePatchError } from '#apimachinery/merge-patch.ts';
import { StrategicPatchError, strategicMergePatch } from '#apimachinery/strategic-merge-patch.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { entityTooLargeText } from '../http/body.ts';
import { withEmptyOwners } from './metadata.ts';
import type { PatchKind } from './write-options.ts';

/** A patch read once and applied as often as needed. */
export interface PatchBody {
  readonly kind: Exclude<PatchKind, 'apply'>;
  readonly value: unknown;
  /** `value` with its numbers as they are written; undefined where that makes no difference. Go keeps their text until it knows a type. */
  readonly written?: unknown;
  /** What strict decoding has against the body itself. */
  readonly problems: readonly string[];
}

export interface PatchTarget {
  readonly schema: ObjectSchema;
  readonly kind: GroupVersionKind;
  /** Why an object of that kind cannot be read as one of `kind`; undefined where it can. */
  readonly foreign: (kind: GroupVersionKind) => string | undefined;
  readonly fieldValidation: FieldValidation;
  /** Milliseconds since the epoch. */
  readonly now: number;
  warn(text: string): void;
}

/** @throws StatusError BadRequest. Source: applyJSPatch, strategicPatchObject. */
export function readPatch(kind: PatchBody['kind'], text: string, fieldValidation: FieldValidation): PatchBody {
  const strict = fieldValidation !== 'Ignore';
  const { value, duplicates } = parsed(kind, text, strict);
  const repeated = duplicates.map((path) => `duplicate field ${goQuote(path)}`);
  const body = checked(kind, value, kind === 'json' ? repeated.map((problem) => `json patch ${problem}`) : repeated, strict);
  // A strategic patch is a map of Go before anything else: its numbers are doubles.
  return kind === 'strategic' ? body : { ...body, written: parseAsWritten(text) };
}

/** A patch that is parsed already, as loopback callers give it. */
export function givenPatch(kind: PatchBody['kind'], value: unknown, fieldValidation: FieldValidation): PatchBody {
  return checked(kind, value, [], fieldValidation !== 'Ignore');
}

function parsed(
  kind: PatchBody['kind'],
  text: string,
  strict: boolean,
): { readonly value: unknown; readonly duplicates: readonly string[] } {
  try {
    return strict ? parseJsonStrict(text) : { value: parseJson(text), duplicates: [] };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw badRequest(kind === 'strategic' ? error.message : `error decoding patch: ${error.message}`);
  }
}

function checked(kind: PatchBody['kind'], value: unknown, duplicates: readonly string[], strict: boolean): PatchBody {
  if (kind === 'json') {
    try {
      const operations = decodeJsonPatch(value, strict ? STRICT_NAMES : undefined);
      if (operations.length > MAX_JSON_PATCH_OPERATIONS) {
        throw entityTooLargeText(
          `The allowed maximum operations in a JSON patch is ${MAX_JSON_PATCH_OPERATIONS}, got ${operations.length}`,
        );
      }
      return { kind, value: operations, problems: strict ? byOperation([...strictJsonPatchErrors(operations), ...duplicates]) : [] };
    } catch (error) {
      if (error instanceof JsonPatchError) throw badRequest(strict ? `error decoding patch: ${error.message}` : error.message);
      throw error;
    }
  }
  if (value === null) {
    // Go reads it as an empty map, which only the merge itself refuses. Source: jsonpatch.ErrBadJSONPatch.
    if (kind === 'merge') throw badRequest('Invalid JSON Patch');
    return { kind, value: {}, problems: duplicates };
  }
  if (!isObject(value)) {
    const why = `json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`;
    throw badRequest(kind === 'strategic' ? why : `error decoding patch: ${why}`);
  }
  return { kind, value, problems: duplicates };
}

/** Problems in the order of the operations, of which each names the index of its own. */
function byOperation(problems: readonly string[]): readonly string[] {
  const index = (problem: string): number => Number(/\[(\d+)\]/.exec(problem)?.[1] ?? 0);
  return problems.toSorted((a, b) => index(a) - index(b));
}

/**
 * The patched object, decoded and with defaults.
 * @throws StatusError BadRequest for a patch that is none, 422 for one that does not fit
 */
export function applyPatch(body: PatchBody, current: KubeObject, target: PatchTarget): KubeObject {
  const patched = patchedValue(body, current as unknown as JsonObject, target);
  if (body.written !== undefined) refuseWrittenNumbers({ ...body, value: body.written }, current, target);
  const decoded = withEmptyOwners(decodePatched(body, patched, current, target), patched);
  return applyDefaults(decoded, target.schema, target.now);
}

/**
 * `1.0` is another text than `1`: a test for it fails, and no integer takes it.
 * @throws StatusError Invalid
 */
function refuseWrittenNumbers(body: PatchBody, current: KubeObject, target: PatchTarget): void {
  const patched = patchedValue(body, current as unknown as JsonObject, target);
  if (isCustomType(target.schema)) return; // its numbers are doubles
  const { fatal } = diagnose(patched, target.schema.name);
  if (fatal !== undefined) throw invalidPatch(goPatchedJson(patched, current), fatal);
}

function patchedValue({ kind, value }: PatchBody, current: JsonObject, { schema }: PatchTarget): unknown {
  try {
    switch (kind) {
      case 'json':
        return applyJsonPatch(current, value as readonly JsonObject[]);
      case 'merge':
        return mergePatch(current, value);
      case 'strategic':
        return strategicMergePatch(current, value as JsonObject, schema);
    }
  } catch (error) {
    if (error instanceof JsonPatchError) throw unprocessable();
    if (error instanceof MergePatchError) throw badRequest(error.message);
    if (error instanceof StrategicPatchError) throw strategicRefusal(error);
    throw error;
  }
}

/** What exactly did not fit is not told, as upstream. Source: errors.NewGenericServerResponse with 422. */
const unprocessable = (): StatusError => new StatusError('Invalid', 'the server rejected our request due to an error in our request', {});

/** What upstream does not know is answered with 500. Source: interpretStrategicMergePatchError. */
function strategicRefusal({ fault, message }: StrategicPatchError): StatusError {
  switch (fault) {
    case 'format':
      return badRequest(message);
    case 'lists':
      return unprocessable();
    case 'other':
      return new StatusError('', message);
  }
}

function decodePatched({ kind, problems, value: patch }: PatchBody, value: unknown, current: KubeObject, target: PatchTarget): KubeObject {
  const { schema, fieldValidation } = target;
  // What is put elsewhere is of another type there, canonical as it was.
  const before = kind === 'json' && movesParts(patch) ? {} : { before: current };
  if (kind === 'strategic' || isCustomType(schema)) {
    const { hasVersion } = kind === 'strategic' ? { hasVersion: true } : readTypeMeta(value);
    try {
      const { object, warnings } = decodeKind<KubeObject>(value, schema, { fieldValidation, duplicates: problems, ...before });
      for (const warning of warnings) target.warn(warning);
      // Upstream notices only as it prepares the update. Source: objectMetaAndKind.
      if (!hasVersion) throw internalError("Object 'apiVersion' is missing in 'object has no apiVersion field'");
      return object;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw kind === 'strategic' ? invalidPatch(goValue(patch), restoreText(error)) : invalidPatch(goSortedJson(value), error.message);
    }
  }
  const text = goPatchedJson(value, current);
  checkKind(value, text, target);
  try {
    const { object, warnings } = decodeValue<KubeObject>(value, schema, { fieldValidation, duplicates: problems, ...before });
    refuseUnconvertible(object, schema.name);
    for (const warning of warnings) target.warn(warning);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw invalidPatch(text, error.message);
    throw error;
  }
}

/** @throws StatusError Invalid, where a patch took the kind away. Source: UnstructuredJSONScheme */
function readTypeMeta(value: unknown): { readonly hasVersion: boolean } {
  const text = (): string => goSortedJson(value);
  const { group, version, kind } = interpretKind(value, (why) => invalidPatch(text(), why));
  if (kind === '') throw invalidPatch(text(), `Object 'Kind' is missing in '${text()}'`);
  return { hasVersion: group !== '' || version !== '' };
}

/** As Go prints it: what the patch touched are maps, with their keys in order; the rest is as it was. Source: jsonpatch.partialDoc. */
function goPatchedJson(value: unknown, current: unknown): string {
  if (value === current || !isObject(value)) return goJson(value);
  const before = isObject(current) ? current : {};
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted(byteOrder)
    .map((key) => `${goJson(key)}:${goPatchedJson(value[key], before[key])}`);
  return `{${members.join(',')}}`;
}

/** A patch cannot make an object one of another kind or version. @throws StatusError Invalid. Source: codec.Decode */
function checkKind(value: unknown, text: string, { kind: expected, foreign }: PatchTarget): void {
  if (!isObject(value)) return;
  const said = (name: string): string => (typeof value[name] === 'string' ? value[name] : '');
  const home = said('apiVersion') === '' ? expected : parseApiVersion(said('apiVersion'));
  const problem = foreign({ group: home.group, version: home.version, kind: said('kind') === '' ? expected.kind : said('kind') });
  if (problem !== undefined) throw invalidPatch(text, problem);
}

/** How Go says that a value does not fit where maps are taken over without JSON. Source: runtime.DefaultUnstructuredConverter. */
function restoreText({ message, mismatch }: DecodeError): string {
  if (mismatch === undefined) return message;
  const { value, into, goType: wanted } = mismatch;
  const found = goType(value);
  if (into === 'scalar') return found === 'string' ? `unrecognized type: ${wanted}` : `cannot convert ${found} to ${wanted}`;
  const kind = found.startsWith('map[') ? 'map' : found.startsWith('[]') ? 'slice' : found;
  return into === 'struct' ? `cannot restore struct from: ${kind}` : `cannot restore ${into} from ${kind}`;
}

/** Source: field.Invalid(field.NewPath("patch"), …) without a kind. */
function invalidPatch(text: string, why: string): StatusError {
  const message = `Invalid value: ${goQuote(text)}: ${why}`;
  return new StatusError('Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
}

const movesParts = (patch: unknown): boolean => (patch as readonly JsonObject[]).some(({ op }) => op === 'move' || op === 'copy');
