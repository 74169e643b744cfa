// What no structural form can be made of, found before any rule of structure is asked. Source: apiextensions NewStructural.
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { entries } from '../problems.ts';

type Props = JSONSchemaProps;

const filled = (value: unknown): boolean => (typeof value === 'string' ? value !== '' : isObject(value) && Object.keys(value).length > 0);

/** In upstream's order, under upstream's names. Source: validateUnsupportedFields. */
const UNSUPPORTED: readonly (readonly [name: string, isSet: (schema: Props) => boolean])[] = [
  ['id', ({ id }) => filled(id)],
  ['schema', ({ $schema: url }) => filled(url)],
  ['$ref', ({ $ref: ref }) => filled(ref)],
  ['patternProperties', ({ patternProperties }) => filled(patternProperties)],
  ['dependencies', ({ dependencies }) => filled(dependencies)],
  ['additionalItems', ({ additionalItems }) => additionalItems !== undefined && additionalItems !== null],
  ['definitions', ({ definitions }) => filled(definitions)],
];

/** Why `schema`, or one inside it, has no structural form; undefined where it has one. */
export function conversionProblem(schema: Props): string | undefined {
  const unsupported = UNSUPPORTED.find(([, isSet]) => isSet(schema));
  if (unsupported !== undefined) return `OpenAPIV3Schema '${unsupported[0]}' is not supported`;
  const { not, allOf = [], anyOf = [], oneOf = [] } = schema;
  const inner = firstProblem([...(not === undefined ? [] : [not]), ...allOf, ...anyOf, ...oneOf]);
  if (inner !== undefined) return inner;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  const { items, additionalProperties } = schema as { readonly items?: unknown; readonly additionalProperties?: unknown };
  if (Array.isArray(items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const members = entries(schema.properties).map(([, property]) => property);
  return firstProblem([
    ...(isObject(items) ? [items as Props] : []),
    ...members,
    ...(isObject(additionalProperties) ? [additionalProperties as Props] : []),
  ]);
}

function firstProblem(schemas: readonly Props[]): string | undefined {
  for (const schema of schemas) {
    const problem = conversionProblem(schema);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
