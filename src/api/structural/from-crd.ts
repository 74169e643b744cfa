// A CRD's openAPIV3Schema as a TypeSchema: the rows a custom resource adds to the table.
// Source: apiextensions pkg/apiserver/schema NewStructural; controller/openapi/builder for the members every object has.
import { ANY, type FieldSchema, type ListSchema, type ObjectSchema, type ScalarKind, type TypeSchema } from '#apimachinery/type-schema.ts';
import type { JSONSchemaProps } from '../gen/apiextensions-v1.ts';
import { isJsonObject } from '../json-object.ts';
import { DEFINITION, definitionSchema } from '../schema/type-graph.ts';
import { knownMembers, prunedDefault } from './prune.ts';

/** A schema as it stands in a CRD; nested ones may be anything JSON until they are looked at. */
export type Props = Partial<JSONSchemaProps>;

const STRING: TypeSchema = { shape: 'scalar', scalar: 'string', enum: undefined, default: undefined, nullable: false };
/** What is taken where a schema says nothing of a value's type. */
const UNTYPED: TypeSchema = { ...ANY, nullable: true };
/** Of a value that no schema describes. */
const BARE: TypeSchema = { ...ANY, nullable: true, bare: true };

const undescribed = (props: Props): TypeSchema => (props['x-kubernetes-preserve-unknown-fields'] === true ? UNTYPED : BARE);

/**
 * The type of a custom resource's objects. Nothing but `kind`, `apiVersion` and `metadata` is known without a schema;
 * with `preserveUnknownFields` (CRDs of old) everything else is kept.
 */
export function customObjectSchema(props: Props | undefined, preserveUnknownFields = false): ObjectSchema {
  const root = objectSchema({ ...props, 'x-kubernetes-embedded-resource': true });
  return preserveUnknownFields ? { ...root, unknownFields: 'keep' } : root;
}

/** The type of a value that a schema describes. */
export function typeOf(props: Props): TypeSchema {
  const type = describedType(props);
  return type.default === undefined ? type : { ...type, default: prunedDefault(type.default, type) };
}

function describedType(props: Props): TypeSchema {
  const common = { default: props.default, nullable: props.nullable === true };
  if (props['x-kubernetes-int-or-string'] === true) return { shape: 'scalar', scalar: 'intOrString', enum: undefined, ...common };
  switch (props.type) {
    case 'object':
      return objectOrMap(props);
    case 'array':
      return listSchema(props);
    case 'string':
    case 'boolean':
    case 'number':
      return { shape: 'scalar', scalar: props.type, enum: enumOf(props), ...common };
    case 'integer':
      return { shape: 'scalar', scalar: integerKind(props.format), enum: undefined, ...common };
    default:
      return { ...UNTYPED, ...common };
  }
}

const integerKind = (format: string | undefined): ScalarKind => (format === 'int32' ? 'int32' : 'int64');

function enumOf({ enum: values }: Props): readonly string[] | undefined {
  return values?.every((value): value is string => typeof value === 'string') === true ? values : undefined;
}

const keepsUnknown = (props: Props): boolean =>
  props['x-kubernetes-preserve-unknown-fields'] === true || (props.additionalProperties as unknown) === true;

/** A structural schema has either properties or additional ones. */
function objectOrMap(props: Props): TypeSchema {
  const additional = props.additionalProperties as Props | boolean | undefined;
  const isMap = additional !== undefined && additional !== false && Object.keys(props.properties ?? {}).length === 0;
  if (!isMap) return objectSchema(props);
  return {
    shape: 'map',
    values: isJsonObject(additional) ? typeOf(additional as Props) : undescribed(props),
    mapType: props['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : 'granular',
    default: props.default,
    nullable: props.nullable === true,
  };
}

function objectSchema(props: Props): ObjectSchema {
  const embedded = props['x-kubernetes-embedded-resource'] === true;
  const own = Object.entries(props.properties ?? {}) as readonly (readonly [string, Props])[];
  const types = new Map(own.map(([name, nested]) => [name, typeOf(nested)]));
  if (embedded) {
    for (const name of ['apiVersion', 'kind']) types.set(name, { ...STRING, default: types.get(name)?.default });
    types.set('metadata', withDefaultsOf(definitionSchema(DEFINITION.objectMeta) as ObjectSchema, props.properties?.['metadata']));
  }
  const required = new Set(props.required ?? []);
  const fields = [...types]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, type]) => [name, field(name, type, required.has(name))] as const);
  return {
    shape: 'object',
    name: '',
    fields: new Map(fields),
    unknownFields: keepsUnknown(props) ? 'keep' : 'drop',
    mapType: props['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : 'granular',
    embedded,
    default: props.default,
    nullable: props.nullable === true,
  };
}

/** Metadata is the same in every object, but a schema may say what is in it where a client says nothing. */
function withDefaultsOf(metadata: ObjectSchema, stated: Props | undefined): ObjectSchema {
  if (stated === undefined) return metadata;
  const fields = Array.from(metadata.fields, ([name, own]): [string, FieldSchema] => {
    const value: unknown = stated.properties?.[name]?.default;
    return [name, value === undefined ? own : { ...own, type: { ...own.type, default: value } }];
  });
  const whole: unknown = stated.default;
  return { ...metadata, fields: new Map(fields), default: isJsonObject(whole) ? knownMembers(whole, metadata) : undefined };
}

function field(name: string, type: TypeSchema, required: boolean): FieldSchema {
  return {
    name,
    type,
    required,
    mayBeNull: false,
    tellsEmpty: false,
    always: false,
    pointer: true,
    patchStrategy: [],
    patchMergeKey: undefined,
  };
}

function listSchema(props: Props): ListSchema {
  const listType = props['x-kubernetes-list-type'];
  return {
    shape: 'list',
    items: isJsonObject(props.items) ? typeOf(props.items as Props) : undescribed(props),
    listType: listType === 'map' || listType === 'set' ? listType : 'atomic',
    listMapKeys: props['x-kubernetes-list-map-keys'] ?? [],
    default: props.default,
    nullable: props.nullable === true,
  };
}
