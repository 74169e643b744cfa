// What OpenAPI allows and schemas of custom resources must not say, and where defaults may stand.
// Source: apiextensions-apiserver validateCustomResourceDefinitionValidation, specStandardValidatorV3.
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { findField, FieldPathError } from '../../structural/field-path.ts';
import { entries, type Problems } from '../problems.ts';
import { schemaForm } from './internal-forms.ts';
import type { Lenience } from './lenience.ts';
import { validateListsAndMaps } from './list-schemas.ts';
import { conversionProblem } from './schema-conversion.ts';
import { isSchemaType, SCHEMA_TYPES } from './structural-schemas.ts';

type Props = JSONSchemaProps;

/** The first ones count where they are given at all, the others where they say something. */
const UNSUPPORTED = ['additionalItems', 'dependencies', '$ref', 'id', 'patternProperties', 'definitions'] as const;
const UNSUPPORTED_WHEN_GIVEN: ReadonlySet<string> = new Set(UNSUPPORTED.slice(0, 3));
const META_FIELDS: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion']);
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
/** Members of a root whose status is judged on its own, by their upstream names. */
const AT_ROOT = [
  'Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength',
  'Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example',
  'XPreserveUnknownFields', 'XValidations',
]; // prettier-ignore
const GO_NAMES: Readonly<Record<string, string>> = {
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};

const SAYS_EVEN_IF_FALSE: ReadonlySet<string> = new Set(['default', 'example', 'additionalProperties', 'additionalItems']);

interface Place {
  readonly root: boolean;
  readonly insideMeta: boolean;
  /** Why no default may stand here. */
  readonly noDefaults: string | undefined;
  readonly lenience: Lenience;
}

/** @param at of the schema: `…openAPIV3Schema` */
export function validateOpenApiRules(out: Problems, at: Path, schema: Props, lenience: Lenience): void {
  visit(out, at, schema, { root: true, insideMeta: false, noDefaults: undefined, lenience });
}

/** What only a root must not say. `status`: the status endpoint is enabled. */
export function validateRoot(out: Problems, at: Path, schema: Props, status: boolean): void {
  if (status) validateRootWithStatus(out, at, schema);
  if (schema.nullable === true) out.forbidden(`${at.toString()}.nullable`, 'nullable cannot be true at the root');
}

/** Source: allowedFieldsAtRootSchema. */
function validateRootWithStatus(out: Problems, at: Path, schema: Props): void {
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || (value === false && !SAYS_EVEN_IF_FALSE.has(name)) || value === '') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (name === 'type') {
      if (value === 'object') continue;
      return out.invalid(
        at.child('type'),
        value,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      );
    }
    const goName = GO_NAMES[name] ?? name.slice(0, 1).toUpperCase() + name.slice(1);
    if (!AT_ROOT.includes(goName))
      return out.invalid(
        at,
        schemaForm(schema),
        `only [${AT_ROOT.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`,
      );
  }
}

function visit(out: Problems, at: Path, schema: Props, place: Place): void {
  validateOne(out, at, schema, place);
  const inner: Place = { ...place, root: false };
  if (isObject(schema.additionalProperties)) {
    const noDefaults = place.insideMeta ? 'inside additionalProperties applying to object metadata' : place.noDefaults;
    visit(out, at.child('additionalProperties'), schema.additionalProperties as Props, { ...inner, noDefaults });
  }
  for (const [name, property] of entries(schema.properties)) {
    const meta = (place.root || schema['x-kubernetes-embedded-resource'] === true) && META_FIELDS.has(name);
    const noDefaults = meta && place.root ? `in top-level ${name}` : place.noDefaults;
    visit(out, at.child('properties').key(name), property, { ...inner, insideMeta: place.insideMeta || meta, noDefaults });
  }
  if (schema.not !== undefined) visit(out, at.child('not'), schema.not, inner);
  for (const branch of ['allOf', 'oneOf', 'anyOf'] as const)
    schema[branch]?.forEach((one, i) => visit(out, at.child(branch).index(i), one, inner));
  for (const [name, definition] of entries(schema.definitions)) visit(out, at.child('definitions').key(name), definition, inner);
  const items: unknown = schema.items;
  if (isObject(items)) visit(out, at.child('items'), items as Props, inner);
  if (Array.isArray(items)) items.forEach((item: Props, i) => visit(out, at.child('items').index(i), item, inner));
  for (const [name, dependency] of entries(schema.dependencies as Readonly<Record<string, unknown>> | undefined))
    if (isObject(dependency)) visit(out, at.child('dependencies').key(name), dependency as Props, inner);
}

function validateOne(out: Problems, at: Path, schema: Props, { insideMeta, noDefaults, lenience }: Place): void {
  const { type = '' } = schema;
  if (type !== '' && !isSchemaType(type) && !lenience.types) out.notSupported(at.child('type'), type, SCHEMA_TYPES);
  validateListsAndMaps(out, at, schema, lenience);
  if (schema.default !== undefined && noDefaults !== undefined) out.forbidden(at.child('default'), `must not be set ${noDefaults}`);
  for (const name of UNSUPPORTED) {
    const value = schema[name];
    if (value === undefined) continue;
    if (UNSUPPORTED_WHEN_GIVEN.has(name) || (value !== '' && !(isObject(value) && Object.keys(value).length === 0)))
      out.forbidden(at.child(name), `${name} is not supported`);
  }
  if (schema.type === 'null') out.forbidden(at.child('type'), 'type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(schema.items)) out.forbidden(at.child('items'), 'items must be a schema object and not an array');
  if (insideMeta && schema['x-kubernetes-embedded-resource'] === true)
    out.forbidden(at.child('x-kubernetes-embedded-resource'), 'must not be used inside of resource meta');
  validateRuleTexts(out, at.child('x-kubernetes-validations'), schema);
}

const hasLineBreaks = (text: string): boolean => /[\n\r]/.test(text);

/** Whether rules are whole and well formed; what their expressions mean is another matter. */
function validateRuleTexts(out: Problems, at: Path, schema: Props): void {
  schema['x-kubernetes-validations']?.forEach(({ rule, message = '', messageExpression = '', reason, fieldPath = '' }, i) => {
    const path = at.index(i);
    const [ruleText, messageText] = [rule.trim(), message.trim()];
    if (ruleText === '') out.required(path.child('rule'), 'rule is not specified');
    else if (message !== '' && messageText === '') out.invalid(path.child('message'), message, 'must be non-empty if specified');
    else if (hasLineBreaks(messageText)) out.invalid(path.child('message'), message, 'must not contain line breaks');
    else if (hasLineBreaks(ruleText) && messageText === '')
      out.required(path.child('message'), 'message must be specified if rule contains line breaks');
    if (messageExpression !== '' && messageExpression.trim() === '')
      out.required(path.child('messageExpression'), 'messageExpression must be non-empty if specified');
    if (reason !== undefined) out.oneOf(path.child('reason'), reason, REASONS);
    if (fieldPath === '') return;
    if (fieldPath.trim() === '') out.invalid(path.child('fieldPath'), fieldPath, 'must be non-empty if specified');
    if (hasLineBreaks(fieldPath)) out.invalid(path.child('fieldPath'), fieldPath, 'must not contain line breaks');
    if (conversionProblem(schema) === undefined && !leadsSomewhere(fieldPath, schema))
      out.invalid(path.child('fieldPath'), fieldPath, 'must be a valid path');
  });
}

function leadsSomewhere(path: string, schema: Props): boolean {
  try {
    findField(path, schema);
    return true;
  } catch (error) {
    if (error instanceof FieldPathError) return false;
    throw error;
  }
}
