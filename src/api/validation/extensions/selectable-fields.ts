// Fields that lists and watches may select by. Source: apiextensions-apiserver ValidateCustomResourceSelectableFields.
import type { JSONSchemaProps, SelectableField } from '../../gen/apiextensions-v1.ts';
import { tooMany } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { findField, FieldPathError, type FoundField } from '../../structural/field-path.ts';
import { blank, type Problems } from '../problems.ts';
import { conversionProblem } from './schema-conversion.ts';

const MAX_FIELDS = 8;
const TYPES = ['string', 'boolean', 'integer'];

const NO_SCHEMA = 'may only be set when `version.schema.openAPIV3Schema` is not included';
const NO_SHARED_SCHEMA = 'may only be set when validations.schema is included';

interface SelectableFieldOptions {
  readonly schema: JSONSchemaProps | undefined;
  /** There were more already, and they are the same. */
  readonly unlimited: boolean;
  /** All versions have the same, which upstream looks for in the schema that all of them share. */
  readonly shared: boolean;
}

export function validateSelectableFields(
  out: Problems,
  within: Path,
  fields: readonly SelectableField[],
  { schema, unlimited, shared }: SelectableFieldOptions,
): void {
  const at = within.child('selectableFields');
  if (schema === undefined) return out.invalid(at, '', shared ? NO_SHARED_SCHEMA : NO_SCHEMA);
  const problem = conversionProblem(schema);
  if (problem !== undefined) return out.invalid(within.child('schema.openAPIV3Schema'), '', problem);
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const path = at.index(i).child('jsonPath');
    if (blank(jsonPath)) return out.required(path);
    let found: FoundField;
    try {
      found = findField(jsonPath, schema, { brackets: false });
    } catch (error) {
      if (!(error instanceof FieldPathError)) throw error;
      return out.invalid(path, jsonPath, `is an invalid path: ${error.message}`);
    }
    if (found.names[0] === 'metadata') out.invalid(path, jsonPath, 'must not point to fields in metadata');
    if (!TYPES.includes(found.schema.type ?? ''))
      out.invalid(
        path,
        jsonPath,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      );
    if (seen.has(found.suffix)) out.duplicate(path, jsonPath);
    seen.add(found.suffix);
  });
  if (seen.size > MAX_FIELDS && !unlimited) out.add([tooMany(at, seen.size, MAX_FIELDS)]);
}
