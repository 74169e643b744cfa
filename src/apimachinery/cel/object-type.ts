// The type of what a kind's own table describes: objects of built-in kinds, for checking expressions about them.
// Source: apiserver pkg/cel/common/schemas.go, over the definitions of built-in kinds.
import type { ScalarKind, TypeSchema } from '../type-schema.ts';
import { escapeName } from './names.ts';
import { BOOL, BYTES, DOUBLE, DYN, INT, listOf, mapOf, STRING, TIMESTAMP, type ObjectField, type Type } from './types.ts';

const SCALARS: Readonly<Record<ScalarKind, Type>> = {
  string: STRING,
  boolean: BOOL,
  int32: INT,
  int64: INT,
  number: DOUBLE,
  bytes: BYTES,
  time: TIMESTAMP,
  microTime: TIMESTAMP,
  duration: STRING,
  quantity: DYN,
  intOrString: DYN,
};

/** Objects are named by where they stand; what refers to itself is dynamic from there on. */
export function objectType(schema: TypeSchema, name: string): Type {
  return typeWithin(schema, name, []);
}

function typeWithin(schema: TypeSchema, name: string, outer: readonly TypeSchema[]): Type {
  if (outer.includes(schema)) return DYN;
  const inner = [...outer, schema];
  switch (schema.shape) {
    case 'object': {
      const fields = new Map<string, ObjectField>();
      for (const { name: json, type } of schema.fields.values()) {
        const escaped = escapeName(json);
        if (escaped !== undefined) fields.set(escaped, { json, type: typeWithin(type, `${name}.${escaped}`, inner) });
      }
      return { kind: 'object', name, fields };
    }
    case 'list':
      return listOf(typeWithin(schema.items, `${name}.@idx`, inner));
    case 'map':
      return mapOf(STRING, typeWithin(schema.values, `${name}.@elem`, inner));
    case 'scalar':
      return SCALARS[schema.scalar];
    case 'any':
      return DYN;
  }
}
