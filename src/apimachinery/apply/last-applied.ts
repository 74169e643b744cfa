// Objects that kubectl applied on the client's side before it applied them on the server's.
// Source: apimachinery managedfields internal lastappliedmanager.go, lastappliedupdater.go.
import { parseExactly } from '../json.ts';
import { byteLength, goJson, sortedMap } from '../go-format.ts';
import { isObject, type JsonObject } from '../json-value.ts';
import { compare } from './compare.ts';
import { difference, hasPath, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { TypedError } from './list-items.ts';
import type { Conflict, Versioned } from './ownership.ts';

/** The manager name of `kubectl apply --server-side`. */
export const KUBECTL = 'kubectl';
const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Source: TotalAnnotationSizeLimitB. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** As clients write it: null stands for nothing. */
interface Annotated {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | null };
}

const annotationsOf = (object: JsonObject): Readonly<Record<string, string>> | undefined =>
  (object as Annotated).metadata?.annotations ?? undefined;

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = parseExactly(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What the client applied last and is still so; undefined where there is no usable record. */
function unchangedSinceApplied({ object, schema, apiVersion }: Versioned): FieldSet | undefined {
  const text = annotationsOf(object as JsonObject)?.[ANNOTATION] ?? '';
  const applied = text === '' ? undefined : parsed(text);
  if (applied === undefined || applied['apiVersion'] !== apiVersion) return undefined;
  try {
    const { modified, added, removed } = compare(schema, applied, object);
    return difference(difference(difference(fieldsOf(schema, applied), modified), added), removed);
  } catch (error) {
    if (error instanceof TypedError) return undefined;
    throw error;
  }
}

/** The conflicts left when kubectl takes over what it applied itself before. Source: allowedConflictsFromLastApplied. */
export function conflictsWithOthers(live: Versioned, conflicts: readonly Conflict[]): readonly Conflict[] {
  const own = unchangedSinceApplied(live);
  return own === undefined ? conflicts : conflicts.filter(({ path }) => !hasPath(own, path));
}

/** A copy with all keys sorted, as Go writes decoded JSON. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return sortedMap(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sorted(member)])));
}

function recordOf(applied: JsonObject): string {
  const { annotations, ...metadata } = (applied as Annotated).metadata ?? {};
  const { [ANNOTATION]: _record, ...rest } = annotations ?? {};
  const kept = annotations === undefined || annotations === null ? metadata : { ...metadata, annotations: rest };
  return `${goJson(sorted({ ...applied, metadata: kept }))}\n`;
}

/** `object` with the record of client-side apply brought up to date where it has one. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  if (annotations === undefined || (annotations[ANNOTATION] ?? '') === '') return object;
  const next: Record<string, string> = { ...annotations, [ANNOTATION]: recordOf(applied) };
  let bytes = 0;
  for (const [key, value] of Object.entries(next)) bytes += byteLength(key) + byteLength(value);
  if (bytes > MAX_ANNOTATION_BYTES) delete next[ANNOTATION];
  return { ...object, metadata: { ...(object as Annotated).metadata, annotations: next } };
}
