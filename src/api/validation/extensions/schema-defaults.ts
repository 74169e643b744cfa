// Defaults must themselves be what the schema allows. Source: apiextensions pkg/apiserver/schema/defaulting ValidateDefaults.
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { typeOf } from '../../structural/from-crd.ts';
import { prunedValue } from '../../structural/prune.ts';
import { compileRuleValidator } from '../../structural/rules/validator.ts';
import { compileValidator } from '../../structural/validation/compile.ts';
import { compileEmbeddedChecks } from '../../structural/validation/embedded.ts';
import { entries, type Problems } from '../problems.ts';

/** Of a structural schema. Defaults below additionalProperties are never looked at, as upstream. */
export function validateDefaults(out: Problems, at: Path, schema: JSONSchemaProps): void {
  if (schema.default !== undefined && schema.default !== null) validateDefault(out, at.child('default'), schema);
  if (isObject(schema.items)) validateDefaults(out, at.child('items'), schema.items as JSONSchemaProps);
  for (const [name, property] of entries(schema.properties)) validateDefaults(out, at.child('properties').key(name), property);
}

function validateDefault(out: Problems, at: Path, schema: JSONSchemaProps): void {
  const value = schema.default;
  if (!deepEqual(prunedValue(value, typeOf(schema)), value)) out.invalid(at, value, 'must not have unknown fields');
  const embedded = compileEmbeddedChecks(schema)?.(value) ?? [];
  if (embedded.length > 0) return out.add(embedded.map((error) => ({ ...error, field: `${at.toString()}.${error.field}` })));
  const wrong = compileValidator(schema, at.toString()).create(value);
  out.add(wrong.length > 0 ? wrong : ruleErrors(at, schema));
}

/** Rules must hold for the default whether it was there before or not. */
function ruleErrors(at: Path, schema: JSONSchemaProps): readonly FieldError[] {
  const rules = compileRuleValidator(schema, at.toString(), schema['x-kubernetes-embedded-resource'] === true);
  const kept = rules?.update(schema.default, schema.default, false).errors ?? [];
  return kept.length > 0 ? kept : (rules?.create(schema.default).errors ?? []);
}
