// Schemas of custom resources must say the type of everything they name. Source: apiextensions-apiserver ValidateStructural.
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { RE2JS, RE2JSException } from 're2js';
import { errorText } from '#apimachinery/field-errors.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { entries, Problems } from '../problems.ts';
import { validateCompleteness } from './schema-completeness.ts';

type Level = 'root' | 'item' | 'field';
type Props = JSONSchemaProps;

const NO_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};
const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
/** Source: openapiV3Types. */
export const SCHEMA_TYPES: readonly string[] = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

export const isSchemaType = (type: string): boolean => SCHEMA_TYPES.includes(type);

const schemaOf = (value: unknown): Props | undefined => (isObject(value) ? (value as unknown as Props) : undefined);

/** Of a schema that has a structural form. Errors are told in the order of their texts. */
export function validateStructural(out: Problems, at: Path, schema: Props): void {
  const found = new Problems();
  visit(found, at, schema, 'root');
  validateCompleteness(found, at, schema);
  out.add(found.list.toSorted((a, b) => byteOrder(errorText(a), errorText(b))));
}

function visit(out: Problems, at: Path, schema: Props, level: Level): void {
  const { type = '', properties, additionalProperties, items } = schema;
  if (type === 'array' && items === undefined) out.required(at.child('items'), 'must be specified');
  const item = schemaOf(items);
  if (item !== undefined) visit(out, at.child('items'), item, 'item');
  for (const [name, property] of entries(properties)) visit(out, at.child('properties').key(name), property, 'field');
  if (additionalProperties !== undefined && additionalProperties !== null) {
    if (level === 'root') out.forbidden(at.child('additionalProperties'), 'must not be used at the root');
    const values = schemaOf(additionalProperties);
    if (values !== undefined) visit(out, at.child('additionalProperties'), values, 'field');
    if (schema['x-kubernetes-embedded-resource'] === true)
      out.forbidden(at.child('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set');
  }
  validateExtensions(out, at, schema);
  validateNested(out, at, schema);
  validateType(out, at, schema, level);
  validateMetadata(out, at, schema, level);
}

function validateType(out: Problems, at: Path, schema: Props, level: Level): void {
  const { type = '' } = schema;
  const path = at.child('type');
  const untyped = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-embedded-resource'] === true && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    if (type === '') out.required(path, detail);
    else out.invalid(path, type, detail);
  } else if (type === '' && !untyped) out.required(path, NO_TYPE[level]);
  if (level === 'root' && type !== '' && type !== 'object') out.invalid(path, type, 'must be object at the root');
}

function validateExtensions(out: Problems, at: Path, schema: Props): void {
  if (schema['x-kubernetes-int-or-string'] !== true) return;
  for (const extension of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
    if (schema[extension] === true) out.invalid(at.child(extension), true, 'must be false if x-kubernetes-int-or-string is true');
  }
}

/** Kind, apiVersion and metadata are what every object has. */
function validateMetadata(out: Problems, at: Path, schema: Props, level: Level): void {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const whole = level === 'root' || embedded;
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  for (const [name, property] of Object.entries({ kind, apiVersion })) {
    if (whole && property !== undefined && property.type !== 'string')
      out.invalid(at.child('properties').key(name).child('type'), property.type ?? '', 'must be string');
  }
  if (metadata !== undefined)
    validateMetadataSchema(out, at.child('properties').key('metadata'), metadata, { whole, root: level === 'root' });
  if (embedded && schema['x-kubernetes-preserve-unknown-fields'] !== true && entries(schema.properties).length === 0) {
    const detail = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    out.required(at.child('properties'), detail);
  }
}

function validateMetadataSchema(
  out: Problems,
  at: Path,
  schema: Props,
  { whole, root }: { readonly whole: boolean; readonly root: boolean },
): void {
  if (whole && schema.type !== 'object') out.invalid(at.child('type'), schema.type ?? '', 'must be object');
  if (!root) return;
  const { type: _type, description: _description, default: _default, properties, ...rest } = schema;
  const onlyNames = Object.keys(properties ?? {}).every((name) => name === 'name' || name === 'generateName');
  if (Object.keys(rest).length > 0 || !onlyNames)
    out.forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified');
}

/** Members that the branches of a condition must leave to the schema they belong to, and how upstream says so. */
const FORBIDDEN: readonly (readonly [member: keyof Props, detail: string])[] = [
  ['type', 'must be empty to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0);

function validateNested(out: Problems, at: Path, schema: Props): void {
  const numberOrText = schema['x-kubernetes-int-or-string'] === true && deepEqual(schema.anyOf, INT_OR_STRING);
  if (!numberOrText) schema.anyOf?.forEach((branch, i) => visitBranch(out, at.child('anyOf').index(i), branch));
  schema.allOf?.forEach((branch, i) => {
    const first = i === 0 && schema['x-kubernetes-int-or-string'] === true && deepEqual(branch.anyOf, INT_OR_STRING);
    const { anyOf: _anyOf, ...rest } = branch;
    visitBranch(out, at.child('allOf').index(i), first ? rest : branch);
  });
  schema.oneOf?.forEach((branch, i) => visitBranch(out, at.child('oneOf').index(i), branch));
  if (schema.not !== undefined) visitBranch(out, at.child('not'), schema.not);
  validatePattern(out, at.child('pattern'), schema.pattern ?? '');
}

function validatePattern(out: Problems, at: Path, pattern: string): void {
  if (pattern === '') return;
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    out.invalid(at, pattern, `must be a valid regular expression, but isn't: ${error.message}`);
  }
}

function visitBranch(out: Problems, at: Path, branch: Props): void {
  validateNested(out, at, branch);
  const item = schemaOf(branch.items);
  if (item !== undefined) visitBranch(out, at.child('items'), item);
  for (const [name, property] of entries(branch.properties)) visitBranch(out, at.child('properties').key(name), property);
  for (const [member, detail] of FORBIDDEN) if (isSet(branch[member])) out.forbidden(at.child(member), detail);
  if (branch.default !== undefined && branch.default !== null) out.forbidden(at.child('default'), 'must be undefined to be structural');
  if (branch.additionalProperties !== undefined && branch.additionalProperties !== false)
    out.forbidden(at.child('additionalProperties'), 'must be undefined to be structural');
  if (branch.properties?.['metadata'] !== undefined)
    out.forbidden(at.child('properties').key('metadata'), 'must not be specified in a nested context');
}
