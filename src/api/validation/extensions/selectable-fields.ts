// Fields that lists and watches may select by. Source: apiextensions-apiserver ValidateCustomResourceSelectableFields.
import type { JSONSchemaProps, SelectableField } from '../../gen/apiextensions-v1.ts';
import { tooMany } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { findField, FieldPathError, type FoundField } from '../../structural/field-path.ts';
import { blank, type Problems } from '../problems.ts';

const MAX_FIELDS = 8;
const TYPES = ['string', 'boolean', 'integer'];

/** @param unlimited there were more already, and they are the same */
export function validateSelectableFields(
  out: Problems,
  at: Path,
  fields: readonly SelectableField[],
  { schema, unlimited }: { readonly schema: JSONSchemaProps | undefined; readonly unlimited: boolean },
): void {
  if (schema === undefined) return out.invalid(at, '', 'may only be set when `version.schema.openAPIV3Schema` is not included');
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
