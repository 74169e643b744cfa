// What an object is before anything is written to it: the live side of a create.
import type { JsonObject } from '../json-value.ts';
import type { FieldSchema, ScalarKind, TypeSchema } from '../type-schema.ts';

/** Source: the zero value of a Go struct on the wire. */
function emptyMember({ type, pointer }: FieldSchema): unknown {
  if (pointer) return null;
  switch (type.shape) {
    case 'object':
      return emptyObject(type);
    case 'scalar':
      return zeroScalar(type.scalar);
    default:
      return null;
  }
}

/** Go's zero of a kind of scalar as JSON. */
export function zeroScalar(kind: ScalarKind): unknown {
  switch (kind) {
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'number':
    case 'intOrString':
      return 0;
    case 'time':
    case 'microTime':
      return null;
    case 'quantity':
    case 'duration':
      return kind === 'quantity' ? '0' : '0s';
    default:
      return '';
  }
}

/** The members that are on the wire whatever an object holds. */
export function emptyObject(schema: TypeSchema): JsonObject {
  if (schema.shape !== 'object') return {};
  const out: Record<string, unknown> = {};
  for (const field of schema.fields.values()) if (field.always) out[field.name] = emptyMember(field);
  return out;
}
