// Does a configuration fit its schema? Source: structured-merge-diff TypedValue.Validate.
import { goNumber, goQuote, goValue } from '../go-format.ts';
import { isObject } from '../json-value.ts';
import { memberSchema, type ListSchema, type ScalarKind, type ScalarSchema, type TypeSchema } from '../type-schema.ts';
import { isAtomic, itemElement, shapeOf, TypedError } from './list-items.ts';
import { fieldElement, pathString } from './path-element.ts';

interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Fails unless every member is declared, every value has its type and no two items of a list share a key.
 * @throws TypedError
 */
export function checkTyped(schema: TypeSchema, value: unknown): void {
  const out: Problem[] = [];
  visit(out, schema, value, []);
  const texts = out.map(({ path, message }) => (path.length === 0 ? message : `${pathString(path)}: ${message}`));
  if (texts.length === 1) throw new TypedError(texts[0] as string);
  if (texts.length > 1) throw new TypedError(['errors:', ...texts.map((text) => `  ${text}`)].join('\n'));
}

function visit(out: Problem[], schema: TypeSchema, value: unknown, path: readonly string[]): void {
  const shape = shapeOf(schema, value);
  if (value === null || value === undefined) return;
  if (shape === 'map') {
    if (isObject(value)) visitMap(out, schema, value, path);
    else out.push({ path, message: `expected map, got ${boxed(value)}` });
  } else if (shape === 'list') {
    if (Array.isArray(value)) visitList(out, schema, value, path);
    else out.push({ path, message: `expected list, got ${boxed(value)}` });
  } else if (schema.shape === 'scalar') visitScalar(out, schema, value, path);
}

function visitMap(out: Problem[], schema: TypeSchema, value: Readonly<Record<string, unknown>>, path: readonly string[]): void {
  for (const name of Object.keys(value)) {
    const type = memberSchema(schema, name);
    const at = [...path, fieldElement(name)];
    if (type === undefined) {
      out.push({ path: at, message: 'field not declared in schema' });
      return;
    }
    visit(out, type, value[name], at);
  }
}

function visitList(out: Problem[], schema: TypeSchema, items: readonly unknown[], path: readonly string[]): void {
  if (schema.shape !== 'list' || isAtomic(schema, 'list')) {
    if (schema.shape === 'list') items.forEach((item, i) => visit(out, schema.items, item, [...path, `i:${i}`]));
    return;
  }
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const element = elementOr(out, schema, item, i, path);
    if (element === undefined) return;
    if (seen.has(element)) out.push({ path, message: `duplicate entries for key ${pathString([element])}` });
    seen.add(element);
    visit(out, schema.items, item, [...path, element]);
  }
}

function elementOr(out: Problem[], list: ListSchema, item: unknown, i: number, path: readonly string[]): string | undefined {
  try {
    return itemElement(list, item);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    out.push({ path, message: `element ${i}: ${error.message}` });
    return undefined;
  }
}

/** What the schema of a kind of scalar takes. Source: schemaconv convertPrimitive. */
const EXPECTED: Readonly<Record<ScalarKind, 'string' | 'boolean' | 'numeric' | 'any scalar'>> = {
  string: 'string',
  bytes: 'string',
  duration: 'string',
  boolean: 'boolean',
  int32: 'numeric',
  int64: 'numeric',
  number: 'numeric',
  time: 'any scalar',
  microTime: 'any scalar',
  quantity: 'any scalar',
  intOrString: 'any scalar',
};

function visitScalar(out: Problem[], { scalar }: ScalarSchema, value: unknown, path: readonly string[]): void {
  const expected = EXPECTED[scalar];
  const refuse = (message: string): void => {
    out.push({ path, message });
  };
  if (expected === 'numeric' && typeof value !== 'number' && typeof value !== 'bigint')
    refuse(`expected numeric (int or float), got ${goType(value)}`);
  if (expected === 'string' && typeof value !== 'string') refuse(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
  if (expected === 'boolean' && typeof value !== 'boolean') refuse(`expected boolean, got ${boxed(value)}`);
  if (expected === 'any scalar' && typeof value === 'object') refuse(`expected any scalar, got ${boxed(value)}`);
}

/** A value as %v prints the box upstream keeps it in. */
const boxed = (value: unknown): string => `&{${goValue(value)}}`;

/** %T of a decoded JSON value. */
function goType(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
      return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
  }
}

/** %#v of a decoded JSON value. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number') return goNumber(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isObject(value)) return String(value);
  const members = Object.keys(value).toSorted();
  return `map[string]interface {}{${members.map((name) => `${goQuote(name)}:${goSyntax(value[name])}`).join(', ')}}`;
}
