// Defaults must themselves be what the schema allows. Source: apiextensions pkg/apiserver/schema/defaulting ValidateDefaults.
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import { aggregateText, invalid, type FieldError } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { deepEqual, isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { typeOf } from '../../structural/from-crd.ts';
import { embeddedMismatch, prunedValue } from '../../structural/prune.ts';
import { compileRuleValidator } from '../../structural/rules/validator.ts';
import { compileValidator } from '../../structural/validation/compile.ts';
import { compileEmbeddedChecks } from '../../structural/validation/embedded.ts';
import { entries, type Problems } from '../problems.ts';

/** A default inside what an object says of itself, as part of the smallest object that has it. Source: SurroundingObjectFunc. */
interface InMeta {
  readonly whole: JSONSchemaProps;
  readonly objectWith: (value: unknown) => JsonObject;
}

interface Place {
  readonly around: InMeta | undefined;
  /** Whether defaults may have fields that their schema does not know. */
  readonly unpruned: boolean;
}

/** Of a structural schema of whole objects. @param unpruned defaults may have fields that their schema does not know */
export function validateDefaults(out: Problems, at: Path, schema: JSONSchemaProps, unpruned: boolean): void {
  validateWithin(out, at, { ...schema, 'x-kubernetes-embedded-resource': true }, { unpruned, around: undefined });
}

/** Defaults below additionalProperties are never looked at, as upstream. */
function validateWithin(out: Problems, at: Path, schema: JSONSchemaProps, { around, unpruned }: Place): void {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const inMeta = embedded ? undefined : around;
  if (schema.default !== undefined && schema.default !== null)
    validateDefault(out, at.child('default'), schema, { around: inMeta, unpruned });
  if (isObject(schema.items)) {
    const inItem = inMeta && { ...inMeta, objectWith: (value: unknown) => inMeta.objectWith([value]) };
    validateWithin(out, at.child('items'), schema.items as JSONSchemaProps, { around: inItem, unpruned });
  }
  for (const [name, property] of entries(schema.properties)) {
    const inMember = embedded && META.has(name) ? metaOf(schema, name) : memberOf(inMeta, name);
    validateWithin(out, at.child('properties').key(name), property, { around: inMember, unpruned });
  }
}

const META: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

const metaOf = (whole: JSONSchemaProps, name: string): InMeta => ({
  whole,
  objectWith: (value) => ({ apiVersion: 'validation/v1', kind: 'Validation', metadata: {}, [name]: value }),
});

const memberOf = (inMeta: InMeta | undefined, name: string): InMeta | undefined =>
  inMeta && { ...inMeta, objectWith: (value) => inMeta.objectWith({ [name]: value }) };

function validateDefault(out: Problems, at: Path, schema: JSONSchemaProps, { around: inMeta, unpruned }: Place): void {
  const value = schema.default;
  if (inMeta !== undefined) {
    const wrong = metaProblem(inMeta, value);
    if (wrong !== undefined) return out.invalid(at, value, `must result in valid metadata: ${wrong}`);
  } else {
    if (!unpruned && !deepEqual(prunedValue(value, typeOf(schema)), value)) out.invalid(at, value, 'must not have unknown fields');
    const embedded = embeddedErrors(schema, value);
    if (embedded.length > 0) return out.add(embedded.map((error) => ({ ...error, field: `${at.toString()}.${error.field}` })));
  }
  const wrong = compileValidator(anyForIntOrString(schema), at.toString()).create(value);
  out.add(wrong.length > 0 ? wrong : ruleErrors(at, schema));
}

/** Of numbers or texts, defaults are not asked which they are. Source: Structural.ToKubeOpenAPI. */
function anyForIntOrString({ 'x-kubernetes-int-or-string': _either, ...schema }: JSONSchemaProps): JSONSchemaProps {
  const { items, properties, additionalProperties } = schema as {
    readonly items?: unknown;
    readonly properties?: JSONSchemaProps['properties'];
    readonly additionalProperties?: unknown;
  };
  const inner = (nested: unknown): unknown => (isObject(nested) ? anyForIntOrString(nested as JSONSchemaProps) : nested);
  return {
    ...schema,
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(entries(properties).map(([name, one]) => [name, inner(one)])) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: inner(additionalProperties) }),
  } as JSONSchemaProps;
}

function metaProblem({ whole, objectWith }: InMeta, value: unknown): string | undefined {
  const errors = embeddedErrors(whole, objectWith(value));
  return errors.length === 0 ? undefined : aggregateText(errors);
}

/** What whole objects inside a value say of themselves: the first that no object could say, else all that none may. */
function embeddedErrors(schema: JSONSchemaProps, value: unknown): readonly FieldError[] {
  const wrong = embeddedMismatch(value, typeOf(schema));
  return wrong === undefined ? (compileEmbeddedChecks(schema)?.(value) ?? []) : [invalid(wrong.field, wrong.value, wrong.detail)];
}

/** Rules must hold for the default whether it was there before or not. */
function ruleErrors(at: Path, schema: JSONSchemaProps): readonly FieldError[] {
  const rules = compileRuleValidator(schema, at.toString(), schema['x-kubernetes-embedded-resource'] === true);
  const kept = rules?.update(schema.default, schema.default, false).errors ?? [];
  return kept.length > 0 ? kept : (rules?.create(schema.default).errors ?? []);
}
