// JSON schema members of a CRD that may be a schema, a list or a boolean; nested schemas are pruned like any struct.
// Source: apiextensions v1 JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, JSONSchemaPropsOrStringArray UnmarshalJSON.
import type { AnySchema } from '#apimachinery/type-schema.ts';
import { jsonKind, ScalarError, TypeMismatch } from './go-errors.ts';

/** The definition of a nested schema. */
export const PROPS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

const UNIONS: ReadonlySet<string | undefined> = new Set([`${PROPS}OrArray`, `${PROPS}OrBool`, `${PROPS}OrStringArray`]);

export function isJsonUnion(schema: AnySchema): boolean {
  return UNIONS.has(schema.name);
}

/** `props` decodes a nested schema. @throws ScalarError, TypeMismatch */
export function decodeJsonUnion(schema: AnySchema, value: unknown, props: (nested: unknown) => unknown): unknown {
  switch (schema.name) {
    case `${PROPS}OrArray`:
      if (Array.isArray(value)) return value.length === 0 ? null : value.map((item) => props(member(item)));
      return jsonKind(value) === 'object' ? props(value) : null;
    case `${PROPS}OrBool`:
      if (typeof value === 'boolean') return value;
      if (jsonKind(value) === 'object') return props(value);
      throw new ScalarError('boolean or JSON schema expected');
    default:
      if (Array.isArray(value)) {
        return value.length === 0 ? null : value.map(text);
      }
      return jsonKind(value) === 'object' ? props(value) : null;
  }
}

/** What a list holds as a schema; a null is an empty one. */
function member(item: unknown): unknown {
  if (item === null) return {};
  if (jsonKind(item) !== 'object') throw new TypeMismatch(jsonKind(item), 'v1.JSONSchemaProps');
  return item;
}

function text(item: unknown): string {
  if (item === null) return '';
  if (typeof item !== 'string') throw new TypeMismatch(jsonKind(item), 'string');
  return item;
}
