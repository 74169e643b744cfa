// Warnings about definitions of custom resources. Source: customresourcedefinition strategy WarningsOnCreate, WarningsOnUpdate.
import type { CustomResourceDefinition, JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { isKnownFormat } from '../../structural/validation/formats.ts';
import type { Warnings } from './collector.ts';

/** What is new is warned of, not what was there before. */
export function definitionWarnings(out: Warnings, definition: CustomResourceDefinition, old?: CustomResourceDefinition): void {
  const before = old === undefined ? new Set<string>() : new Set(warningsOf(old));
  for (const text of warningsOf(definition)) if (!before.has(text)) out.say(text);
}

function warningsOf({ spec }: CustomResourceDefinition): readonly string[] {
  const schemas = spec.versions.flatMap(({ schema }) => (schema?.openAPIV3Schema === undefined ? [] : nested(schema.openAPIV3Schema)));
  const formats = schemas.flatMap(({ type = '', format = '' }) =>
    format === '' || isKnownFormat(type, format) ? [] : [`unrecognized format ${goQuote(format)}`],
  );
  const sets = new Set(schemas.flatMap(setWarning));
  return [...formats, ...[...sets].toSorted()];
}

function setWarning({ items, ...schema }: JSONSchemaProps): readonly string[] {
  const type = isObject(items) ? items['type'] : undefined;
  if (schema['x-kubernetes-list-type'] !== 'set' || (type !== 'object' && type !== 'array')) return [];
  return [`x-kubernetes-list-type: set for items of type ${goQuote(type)} is not supported by server-side apply or CEL validation rules`];
}

/** The schema and all schemas in it. */
function nested(schema: JSONSchemaProps): readonly JSONSchemaProps[] {
  const { items, additionalProperties, allOf = [], anyOf = [], oneOf = [], not, properties = {} } = schema;
  const single = [items, additionalProperties, not].filter(isObject) as unknown as readonly JSONSchemaProps[];
  return [schema, ...[...single, ...allOf, ...anyOf, ...oneOf, ...Object.values(properties)].flatMap(nested)];
}
