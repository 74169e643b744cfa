// Schemas and versions as upstream shows them where they are bad values: its internal types, every field of them.
// Source: pkg/apis/apiextensions types.go, types_jsonschema.go.
import type { CustomResourceDefinitionVersion, JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import { isObject } from '#apimachinery/json-value.ts';

type Props = JSONSchemaProps;
type Member = 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields';

const byName = (schemas: Readonly<Record<string, unknown>> | undefined, form: (schema: never) => unknown): unknown =>
  schemas === undefined
    ? null
    : Object.fromEntries(
        Object.keys(schemas)
          .toSorted()
          .map((name) => [name, form(schemas[name] as never)]),
      );

const orArray = (value: unknown): unknown => {
  if (Array.isArray(value)) return { Schema: null, JSONSchemas: (value as readonly Props[]).map(schemaForm) };
  return isObject(value) ? { Schema: schemaForm(value as Props), JSONSchemas: null } : null;
};
const orBool = (value: unknown): unknown => {
  if (typeof value === 'boolean') return { Allows: value, Schema: null };
  return isObject(value) ? { Allows: true, Schema: schemaForm(value as Props) } : null;
};
const orNames = (value: unknown): unknown =>
  Array.isArray(value) ? { Schema: null, Property: value } : { Schema: schemaForm(value as Props), Property: null };

export function schemaForm(schema: Props): unknown {
  const { externalDocs: docs } = schema;
  return {
    ID: schema.id ?? '',
    Schema: schema.$schema ?? '',
    Ref: schema.$ref ?? null,
    Description: schema.description ?? '',
    Type: schema.type ?? '',
    Nullable: schema.nullable ?? false,
    Format: schema.format ?? '',
    Title: schema.title ?? '',
    Default: schema.default ?? null,
    Maximum: schema.maximum ?? null,
    ExclusiveMaximum: schema.exclusiveMaximum ?? false,
    Minimum: schema.minimum ?? null,
    ExclusiveMinimum: schema.exclusiveMinimum ?? false,
    MaxLength: schema.maxLength ?? null,
    MinLength: schema.minLength ?? null,
    Pattern: schema.pattern ?? '',
    MaxItems: schema.maxItems ?? null,
    MinItems: schema.minItems ?? null,
    UniqueItems: schema.uniqueItems ?? false,
    MultipleOf: schema.multipleOf ?? null,
    Enum: schema.enum ?? null,
    MaxProperties: schema.maxProperties ?? null,
    MinProperties: schema.minProperties ?? null,
    Required: schema.required ?? null,
    Items: orArray(schema.items),
    AllOf: schema.allOf?.map(schemaForm) ?? null,
    OneOf: schema.oneOf?.map(schemaForm) ?? null,
    AnyOf: schema.anyOf?.map(schemaForm) ?? null,
    Not: schema.not === undefined ? null : schemaForm(schema.not),
    Properties: byName(schema.properties, schemaForm),
    AdditionalProperties: orBool(schema.additionalProperties),
    PatternProperties: byName(schema.patternProperties, schemaForm),
    Dependencies: byName(schema.dependencies, orNames),
    AdditionalItems: orBool(schema.additionalItems),
    Definitions: byName(schema.definitions, schemaForm),
    ExternalDocs: docs === undefined ? null : { Description: docs.description ?? '', URL: docs.url ?? '' },
    Example: schema.example ?? null,
    XPreserveUnknownFields: schema['x-kubernetes-preserve-unknown-fields'] ?? null,
    XEmbeddedResource: schema['x-kubernetes-embedded-resource'] ?? false,
    XIntOrString: schema['x-kubernetes-int-or-string'] ?? false,
    XListMapKeys: schema['x-kubernetes-list-map-keys'] ?? null,
    XListType: schema['x-kubernetes-list-type'] ?? null,
    XMapType: schema['x-kubernetes-map-type'] ?? null,
    XValidations:
      schema['x-kubernetes-validations']?.map((rule) => ({
        Rule: rule.rule,
        Message: rule.message ?? '',
        MessageExpression: rule.messageExpression ?? '',
        Reason: rule.reason ?? null,
        FieldPath: rule.fieldPath ?? '',
        OptionalOldSelf: rule.optionalOldSelf ?? null,
      })) ?? null,
  };
}

/** Versions without the members that all of them have alike, which upstream keeps above them. */
export function versionForms(versions: readonly CustomResourceDefinitionVersion[], isShared: (member: Member) => boolean): unknown {
  if (versions.length === 0) return null;
  return versions.map((version) => {
    const own = <K extends Member>(member: K): CustomResourceDefinitionVersion[K] | undefined =>
      isShared(member) ? undefined : version[member];
    const schema = own('schema');
    const subresources = own('subresources');
    return {
      Name: version.name,
      Served: version.served,
      Storage: version.storage,
      Deprecated: version.deprecated ?? false,
      DeprecationWarning: version.deprecationWarning ?? null,
      Schema:
        schema === undefined ? null : { OpenAPIV3Schema: schema.openAPIV3Schema === undefined ? null : schemaForm(schema.openAPIV3Schema) },
      Subresources: subresources === undefined ? null : subresourcesForm(subresources),
      AdditionalPrinterColumns:
        own('additionalPrinterColumns')?.map((column) => ({
          Name: column.name,
          Type: column.type,
          Format: column.format ?? '',
          Description: column.description ?? '',
          Priority: column.priority ?? 0,
          JSONPath: column.jsonPath,
        })) ?? null,
      SelectableFields: own('selectableFields')?.map(({ jsonPath }) => ({ JSONPath: jsonPath })) ?? null,
    };
  });
}

function subresourcesForm({ status, scale }: NonNullable<CustomResourceDefinitionVersion['subresources']>): unknown {
  return {
    Status: status === undefined ? null : {},
    Scale:
      scale === undefined
        ? null
        : {
            SpecReplicasPath: scale.specReplicasPath,
            StatusReplicasPath: scale.statusReplicasPath,
            LabelSelectorPath: scale.labelSelectorPath ?? null,
          },
  };
}
