import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tests as conformance } from '@bufbuild/cel-spec/testdata/conformance.js';
import { tests as parsing } from '@bufbuild/cel-spec/testdata/parsing.js';
import { EXCLUDED, EXCLUDED_SUITES, MESSAGES } from './conformance-exclusions.ts';
import type { Value } from './contract.ts';
import { createEnvironment } from './environment.ts';
import { CompileError, EvaluationError } from './errors.ts';
import { parse } from './parse/parser.ts';
import { Problems } from './source.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL_TYPE,
  opaque,
  showType,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
  type Type,
} from './types.ts';
import { equal } from './values/equality.ts';
import { double, int, isNumeric, Uint } from './values/numbers.ts';
import { parseGoDuration, parseTimestamp } from './values/times.ts';
import { MapValue, Optional, typeNameOf, TypeValue } from './values/values.ts';

/** One vector of the CEL specification, in JSON as its protobuf messages are. */
interface Vector {
  readonly name?: string;
  readonly expr: string;
  readonly value?: Json;
  readonly evalError?: unknown;
  readonly bindings?: Readonly<Record<string, { readonly value: Json }>>;
  readonly typeEnv?: readonly { readonly name: string; readonly ident?: { readonly type: Json }; readonly function?: unknown }[];
  readonly container?: string;
  readonly disableCheck?: boolean;
  readonly disableMacros?: boolean;
  readonly checkOnly?: boolean;
  readonly typedResult?: { readonly result?: Json; readonly deducedType: Json };
}

type Json = Readonly<Record<string, unknown>>;

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: Vector; readonly error?: string }[];
}

interface Named {
  readonly name: string;
  readonly vector: Vector;
  readonly error: string | undefined;
}

// Kubernetes checks every expression, expands all macros and has no containers: vectors that do without are left out.
function* vectorsOf(suite: Suite, path = ''): Iterable<Named> {
  for (const { original, error } of suite.tests ?? []) yield { name: `${path}${original.name ?? original.expr}`, vector: original, error };
  for (const inner of suite.suites ?? []) yield* vectorsOf(inner, `${path}${inner.name}/`);
}

const isExcluded = (name: string): boolean => EXCLUDED.has(name) || EXCLUDED_SUITES.some(([prefix]) => name.startsWith(prefix));

for (const { name, vector, error } of vectorsOf(conformance as unknown as Suite)) {
  const unchecked = vector.disableCheck === true || vector.disableMacros === true || (vector.container ?? '') !== '';
  if (!unchecked && !isExcluded(name) && !MESSAGES.test(JSON.stringify(vector))) test(`conformance ${name}`, () => run(vector, error));
}

/** cel-go's own parser tests: what is no expression, and how that is worded. */
for (const { name, error } of vectorsOf(parsing as unknown as Suite, 'parsing/')) {
  const expr = name.slice('parsing/'.length);
  // Fuzzed inputs, of upstream's own limits of recovery.
  if (error === undefined || /limit exceeded/.test(error) || !/Syntax error|reserved identifier|argument/.test(error) || isExcluded(name))
    continue;
  test(`parse ${JSON.stringify(expr)}`, () => {
    const problems = new Problems(expr);
    parse(expr, problems);
    assert.equal(
      normal(
        problems
          .issues()
          .map(({ text }) => text)
          .join('\n'),
      ),
      normal(error),
    );
  });
}

const normal = (text: string): string =>
  text
    .replaceAll('ERROR: :', 'ERROR: <input>:')
    .replace(/^\s*\|/gm, ' |')
    .replace(/^\s+(?=ERROR)/gm, '')
    .trimEnd();

function run(vector: Vector, error: string | undefined): void {
  const env = createEnvironment({ variables: variablesOf(vector), mixedLiterals: true });
  const bindings = Object.fromEntries(Object.entries(vector.bindings ?? {}).map(([name, { value }]) => [name, decode(value)]));
  if (error !== undefined && vector.value === undefined && vector.evalError === undefined) {
    assert.throws(() => env.compile(vector.expr), CompileError);
    return;
  }
  if (vector.evalError !== undefined) {
    assert.throws(
      () => env.compile(vector.expr).evaluate(bindings),
      (thrown) => thrown instanceof EvaluationError || thrown instanceof CompileError,
    );
    return;
  }
  const program = env.compile(vector.expr);
  if (vector.typedResult !== undefined) assert.equal(showType(program.resultType), showType(decodeType(vector.typedResult.deducedType)));
  if (vector.checkOnly === true) return;
  const { value } = program.evaluate(bindings);
  const wanted = vector.value ?? vector.typedResult?.result;
  const expected = wanted === undefined ? true : decode(wanted);
  const nan = Number.isNaN(expected) && Number.isNaN(value);
  assert.ok(nan || equal(value, expected), `got ${typeNameOf(value)} ${String(value)}`);
  if (isNumeric(expected) || isNumeric(value)) assert.equal(typeNameOf(value), typeNameOf(expected));
}

function variablesOf({ typeEnv = [], bindings = {} }: Vector): Readonly<Record<string, Type>> {
  const declared = typeEnv.flatMap(({ name, ident }) => (ident === undefined ? [] : [[name, decodeType(ident.type)] as const]));
  return { ...Object.fromEntries(Object.keys(bindings).map((name) => [name, DYN])), ...Object.fromEntries(declared) };
}

const PRIMITIVES: Readonly<Record<string, Type>> = { BOOL, INT64: INT, UINT64: UINT, DOUBLE, STRING, BYTES };

function decodeType(type: Json): Type {
  const nested = (value: unknown): Type => (value === undefined ? DYN : decodeType(value as Json));
  if (type.primitive !== undefined) return PRIMITIVES[String(type.primitive)] ?? DYN;
  if (type.listType !== undefined) return listOf(nested((type.listType as Json).elemType));
  if (type.mapType !== undefined) return mapOf(nested((type.mapType as Json).keyType), nested((type.mapType as Json).valueType));
  if (type.wellKnown === 'TIMESTAMP') return TIMESTAMP;
  if (type.wellKnown === 'DURATION') return DURATION;
  if ('null' in type) return NULL_TYPE;
  if (type.abstractType !== undefined) {
    const { name, parameterTypes = [] } = type.abstractType as { name: string; parameterTypes?: readonly Json[] };
    return opaque(name, ...parameterTypes.map(decodeType));
  }
  return DYN;
}

function decode(value: Json): Value {
  const [kind, content] = Object.entries(value)[0] as [string, unknown];
  switch (kind) {
    case 'int64Value':
      return int(BigInt(content as string));
    case 'uint64Value':
      return new Uint(BigInt(content as string));
    case 'doubleValue':
      return double(Number(content));
    case 'bytesValue':
      return Buffer.from(content as string, 'base64');
    case 'nullValue':
      return null;
    case 'listValue':
      return ((content as { values?: readonly Json[] }).values ?? []).map(decode);
    case 'mapValue': {
      const { entries = [] } = content as { entries?: readonly { key: Json; value: Json }[] };
      return new MapValue(entries.map((entry) => [decode(entry.key), decode(entry.value)]));
    }
    case 'typeValue':
      return new TypeValue(typeOf(), content as string);
    case 'objectValue':
      return decodeMessage(content as Json);
    default:
      return content as Value;
  }
}

function decodeMessage(message: Json): Value {
  const text = String(message.value);
  switch (message['@type']) {
    case 'type.googleapis.com/google.protobuf.Timestamp':
      return parseTimestamp(text) ?? assert.fail(text);
    case 'type.googleapis.com/google.protobuf.Duration':
      return parseGoDuration(text) ?? assert.fail(text);
    case 'type.googleapis.com/cel.expr.conformance.Optional':
      return new Optional(decode(message.value as Json));
    default:
      return assert.fail(`message ${String(message['@type'])}`);
  }
}
