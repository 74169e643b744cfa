// A request body as the object an endpoint expects: which kind it says it is, whether that fits, then its fields.
// Source: apiserver handlers (transformDecodeError), runtime codec Decode, json serializer.
import { badRequest, type StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { apiVersionOf, parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { summaryOf } from './body-summary.ts';
import { refuseUnconvertible } from './convertible.ts';
import { DecodeError, decodeValue, type Decoded, type DecodeOptions } from './decode.ts';
import { jsonKind } from './decode/go-errors.ts';
import { isJsonObject } from './json-object.ts';
import type { Schema } from './schema.ts';
import { decodeCustom } from './structural/prune.ts';

/** How upstream names its scheme in errors. */
const SCHEME = 'k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30';

export interface BodyOptions extends DecodeOptions {
  /** What the endpoint serves; a body without kind or apiVersion is taken to be this. */
  readonly expected: GroupVersionKind;
  /** Further versions that the endpoint takes: by `policy/v1beta1`. */
  readonly accepts?: readonly string[];
  /** The body as it came, for the message about one that is no object. */
  readonly text: string;
}

/**
 * Decodes a parsed body, of a built-in kind or a CRD's. `schema` knows the kinds; the result has `expected`'s kind and version.
 * @throws StatusError BadRequest with upstream's message, for every way in which the body does not fit
 */
export function decodeBody<T>(value: unknown, schema: Schema, options: BodyOptions): Decoded<T> {
  const { expected } = options;
  const custom = schema.resourceOfKind(expected);
  if (custom?.origin === 'custom') return decodeCustomBody(value, custom.schema, options);
  const actual = withDefaults(interpret(value, options), expected);
  const refuse = (why: string): never => {
    throw badRequest(`${actual.kind} in version ${goQuote(actual.version)} cannot be handled as a ${expected.kind}: ${why}`);
  };
  const type = builtIn(actual, schema);
  if (type === undefined) return refuse(unregistered(actual));
  try {
    const decoded = decodeConvertible<T>(value, type, actual, options);
    refuseUnconvertible(decoded.object, type.name);
    const same = actual.group === expected.group && actual.version === expected.version;
    if (!same && options.accepts?.includes(apiVersionOf(actual)) !== true) throw versionMismatch(actual, expected);
    return { ...decoded, object: named(decoded.object as object, expected) as T };
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.message);
    throw error;
  }
}

/** Kinds of definitions are in no scheme. */
const builtIn = (kind: GroupVersionKind, schema: Schema): ObjectSchema | undefined =>
  schema.resourceOfKind(kind)?.origin === 'custom' ? undefined : schema.kind(kind);

/** Both stand first, also where the body left them out. */
function named(object: { readonly kind?: unknown; readonly apiVersion?: unknown }, { kind, ...gv }: GroupVersionKind): object {
  const apiVersion = apiVersionOf(gv);
  if (object.kind === kind && object.apiVersion === apiVersion) return object;
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return { kind, apiVersion, ...rest };
}

/** Kind and version are the body's own; whether the kind is the resource's, validation says. */
function decodeCustomBody<T>(value: unknown, type: ObjectSchema, options: BodyOptions): Decoded<T> {
  const { expected, text } = options;
  const actual = interpret(value, options);
  if (actual.kind === '') throw unrecognized(`Object 'Kind' is missing in '${text}'`, options);
  if (actual.group !== expected.group || actual.version !== expected.version) throw versionMismatch(actual, expected);
  try {
    refuseEndless(value, text);
    return decodeCustom<T>(value, type, options);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw badRequest(`${actual.kind} in version ${goQuote(actual.version)} cannot be handled as a ${expected.kind}: ${error.message}`);
  }
}

/** What may be a number beyond every float64: many digits, or an exponent of three. */
const LONG_NUMBER = /[eE]\+?\d{3}|\d{300}/;
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/gs;

/** Members of any name are read, so that numbers of all of them must be some. @throws DecodeError */
function refuseEndless(value: unknown, json: string): void {
  if (!LONG_NUMBER.test(json) || !holdsEndless(value)) return;
  for (const [token] of json.matchAll(TEXT_OR_NUMBER)) {
    if (token.startsWith('"') || Number.isFinite(Number(token))) continue;
    throw new DecodeError(`json: cannot unmarshal number ${token} into Go value of type float64`);
  }
}

function holdsEndless(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsEndless);
}

function versionMismatch(actual: GroupVersionKind, expected: GroupVersionKind): StatusError {
  return badRequest(
    `the API version in the data (${apiVersionOf(actual)}) does not match the expected API version (${apiVersionOf(expected)})`,
  );
}

function unrecognized(why: string, { expected, text }: BodyOptions): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summaryOf(Buffer.from(text))})`);
}

/** A body of another kind is read as that kind first, so its own errors come before the mismatch. */
function decodeConvertible<T>(
  value: unknown,
  type: ObjectSchema,
  actual: GroupVersionKind,
  { expected, fieldValidation, duplicates = [], json }: BodyOptions,
): Decoded<T> {
  if (actual.kind === expected.kind) return decodeValue<T>(value, type, { fieldValidation, duplicates, json });
  decodeValue(value, type, { fieldValidation: 'Ignore' });
  throw unknownConversion(actual, expected);
}

/** Why an object that says it is an `actual` cannot be read as an `expected`; undefined where it can. */
export function foreignKind(actual: GroupVersionKind, expected: GroupVersionKind, schema: Schema): string | undefined {
  const { group, version, kind } = actual;
  if (kind === expected.kind && group === expected.group && version === expected.version) return undefined;
  if (builtIn(actual, schema) === undefined) return unregistered(actual);
  return kind === expected.kind ? undefined : unknownConversion(actual, expected).message;
}

/** Source: runtime.NewNotRegisteredErrForKind. */
const unregistered = (kind: GroupVersionKind): string =>
  `no kind ${goQuote(kind.kind)} is registered for version ${goQuote(apiVersionOf(kind))} in scheme ${goQuote(SCHEME)}`;

/** One kind cannot be had from the other. Source: conversion.Converter.Convert. */
export function unknownConversion(actual: GroupVersionKind, expected: GroupVersionKind): DecodeError {
  const from = `${actual.version}.${actual.kind}`;
  return new DecodeError(`converting (${from}) to (${internalPackage(expected.group)}.${expected.kind}): unknown conversion`);
}

/** Upstream's Go package of a group's internal types. */
function internalPackage(group: string): string {
  if (group === '' || group === 'events.k8s.io') return 'core';
  return group.startsWith('internal.') ? 'apiserverinternal' : (group.split('.')[0] as string);
}

interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

const interpret = (value: unknown, options: BodyOptions): GroupVersionKind => interpretKind(value, (why) => unrecognized(why, options));

/**
 * The kind a body says it is of, as far as it says it; `refuse` makes the error for one that cannot say it.
 * Source: SimpleMetaFactory.Interpret.
 */
export function interpretKind(value: unknown, refuse: (why: string) => StatusError): GroupVersionKind {
  if (value !== null && !isJsonObject(value)) {
    throw refuse(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(value)} into Go value of type ` +
        'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    );
  }
  const read = (name: keyof TypeMeta): string => {
    const member = value?.[name];
    if (member === undefined || member === null) return '';
    if (typeof member === 'string') return member;
    throw refuse(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(member)} into Go struct field .${name} of type string`,
    );
  };
  const apiVersion = read('apiVersion');
  const kind = read('kind');
  if (apiVersion.split('/').length > 2) throw refuse(`unexpected GroupVersion string: ${apiVersion}`);
  return { ...parseApiVersion(apiVersion), kind };
}

/** Source: gvkWithDefaults. */
function withDefaults(actual: GroupVersionKind, fallback: GroupVersionKind): GroupVersionKind {
  const kind = actual.kind === '' ? fallback.kind : actual.kind;
  if (actual.version !== '') return { ...actual, kind };
  return { group: actual.group === '' ? fallback.group : actual.group, version: fallback.version, kind };
}
