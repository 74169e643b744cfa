// Published schemas of custom resources: as their definition states them, with what every object has; for v2 without what
// clients of v2 cannot bear. Pure. Source: apiextensions pkg/controller/openapi/builder and openapi/v2 ToStructuralOpenAPIV2,
// pkg/apiserver/schema Unfold.
import type { ResourceInfo } from '#api/schema.ts';
import type { Props } from '#api/structural/from-crd.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { refTo, type OpenApiSchema } from './document.ts';
import { typeFieldDescription } from './descriptions.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }] as const;

type Release = 'v2' | 'v3';

/** The type of a custom resource's object, in OpenAPI v3's words; for `v2` only with what v2 can say. */
export function customObjectSchema({ group, version, kind, custom }: ResourceInfo, release: Release): OpenApiSchema {
  const gvk = { 'x-kubernetes-group-version-kind': [{ group, kind, version }] };
  const props = custom?.props;
  const open = props?.['x-kubernetes-preserve-unknown-fields'] === true || custom?.preserveUnknownFields === true;
  // Clients of v2 take fields that are not listed for unknown ones: nothing is listed where others are allowed.
  if (props === undefined || (release === 'v2' && open)) return { type: 'object', ...gvk };
  const schema = published(props, release);
  return { ...schema, ...withWholeObject(schema), ...gvk, ...selectable(custom) };
}

/** `x-kubernetes-selectable-fields` of a kind and its list. */
export function selectable(custom: ResourceInfo['custom']): OpenApiSchema {
  const fields = custom?.selectableFields ?? [];
  if (fields.length === 0) return {};
  return { 'x-kubernetes-selectable-fields': fields.map((path) => ({ fieldPath: path.replace(/^\./, '') })) };
}

/** Kind, apiVersion and metadata beside the fields a schema states. */
function withWholeObject({ properties = {} }: OpenApiSchema): OpenApiSchema {
  return {
    properties: {
      ...properties,
      apiVersion: { description: typeFieldDescription('apiVersion'), type: 'string' },
      kind: { description: typeFieldDescription('kind'), type: 'string' },
      metadata: { description: typeFieldDescription('metadata'), allOf: [refTo(OBJECT_META)] },
    },
  };
}

/** Members that are no part of OpenAPI, or handled below. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'id',
  '$schema',
  '$ref',
  'properties',
  'items',
  'additionalProperties',
  'definitions',
  'dependencies',
  'patternProperties',
  'additionalItems',
]);
const NOT_IN_V2: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable', 'default']);

function published(props: Props, release: Release): OpenApiSchema {
  const v2 = release === 'v2';
  const own = Object.fromEntries(
    Object.entries(props).filter(([name]) => !LEFT_OUT.has(name) && !(v2 && NOT_IN_V2.has(name))),
  ) as OpenApiSchema;
  const bare = v2 && (props.nullable === true || props['x-kubernetes-preserve-unknown-fields'] === true);
  const nested = bare ? {} : nestedSchemas(props, release);
  const values = isObject(props.additionalProperties)
    ? { additionalProperties: published(props.additionalProperties as Props, release) }
    : {};
  const schema = { ...own, ...(v2 ? {} : unfolded(props)), ...nested, ...values };
  const whole = props['x-kubernetes-embedded-resource'] === true && !(v2 && props['x-kubernetes-preserve-unknown-fields'] === true);
  const complete = whole ? { ...schema, ...withWholeObject(schema), required: requiredOf(props) } : schema;
  return v2 ? bearable(complete, props) : complete;
}

function nestedSchemas({ properties, items }: Props, release: Release): OpenApiSchema {
  return {
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, published(one, release)])) }),
    ...(isObject(items) ? { items: published(items as Props, release) } : {}),
  };
}

const requiredOf = ({ required = [] }: Props): readonly string[] => [
  ...required,
  ...['kind', 'apiVersion'].filter((name) => !required.includes(name)),
];

/** A number or a text is said in OpenAPI's own words too. */
function unfolded(props: Props): OpenApiSchema {
  if (props['x-kubernetes-int-or-string'] !== true) return {};
  const { anyOf = [], allOf = [] } = props;
  const said = deepEqual(anyOf, INT_OR_STRING) || allOf.some((one) => deepEqual(one.anyOf, INT_OR_STRING));
  if (said) return {};
  if (anyOf.length === 0) return { anyOf: INT_OR_STRING };
  return { allOf: [{ anyOf: INT_OR_STRING }, ...(allOf as unknown as readonly OpenApiSchema[])] };
}

/** What v2's clients refuse or misread is left without a type. */
function bearable(schema: OpenApiSchema, props: Props): OpenApiSchema {
  const { type, required, ...rest } = schema;
  const open = props['x-kubernetes-preserve-unknown-fields'] === true;
  const untyped = props.nullable === true || (open && type === 'object') || (type === 'array' && schema.items === undefined);
  const nullableValues = isObject(props.additionalProperties) && props.additionalProperties['nullable'] === true;
  const needed = nullableValues
    ? []
    : (required ?? []).filter((name) => schema.properties === undefined || props.properties?.[name]?.nullable !== true);
  return { ...(untyped || type === undefined ? {} : { type }), ...(needed.length === 0 ? {} : { required: needed }), ...rest };
}
