// Rows of types.json as TypeSchema nodes. Each definition is built once, when first asked for; nodes are shared.
import {
  type AnySchema,
  type FieldSchema,
  type ObjectSchema,
  type PatchStrategy,
  type ScalarKind,
  type ScalarSchema,
  type TypeSchema,
} from '#apimachinery/type-schema.ts';
import { definitions, type DefinitionRow, type FieldRow } from './tables.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
export const DEFINITION = {
  time: `${META}Time`,
  microTime: `${META}MicroTime`,
  duration: `${META}Duration`,
  fieldsV1: `${META}FieldsV1`,
  objectMeta: `${META}ObjectMeta`,
  status: `${META}Status`,
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  rawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
} as const;

/** Definitions that are one value in JSON, whatever their Go struct looks like. */
const SCALAR_DEFINITIONS: Readonly<Record<string, ScalarKind>> = {
  [DEFINITION.time]: 'time',
  [DEFINITION.microTime]: 'microTime',
  [DEFINITION.duration]: 'duration',
  [DEFINITION.quantity]: 'quantity',
  [DEFINITION.intOrString]: 'intOrString',
};

const NOTHING = { default: undefined, nullable: false } as const;
const NO_STRATEGY: readonly PatchStrategy[] = [];

const built = new Map<string, TypeSchema>();

/**
 * The schema of a definition; the same node at every call.
 * @throws RangeError for a name the tables do not have
 */
export function definitionSchema(name: string): TypeSchema {
  const known = built.get(name);
  if (known !== undefined) return known;
  const row = definitions[name];
  if (row === undefined) throw new RangeError(`no definition ${name}`);

  const leaf = leafDefinition(name, row);
  if (leaf !== undefined) {
    built.set(name, leaf);
    return leaf;
  }
  const fields = new Map<string, FieldSchema>();
  const node: ObjectSchema = {
    shape: 'object',
    name,
    fields,
    unknownFields: 'drop',
    mapType: row.mapType ?? 'granular',
    embedded: false,
    ...NOTHING,
  };
  built.set(name, node); // before its fields: a definition may refer to itself
  for (const [field, fieldRow] of Object.entries(row.fields)) fields.set(field, fieldSchema(field, fieldRow));
  return node;
}

function leafDefinition(name: string, row: DefinitionRow): ScalarSchema | AnySchema | undefined {
  const scalar = SCALAR_DEFINITIONS[name];
  if (scalar !== undefined) return { shape: 'scalar', scalar, enum: undefined, ...NOTHING };
  if (name === DEFINITION.rawExtension) return { shape: 'any', name, content: 'object', ...NOTHING };
  if (name === DEFINITION.fieldsV1) return { shape: 'any', name, content: 'fieldsV1', ...NOTHING };
  if (row.t === 'any') return { shape: 'any', name, content: 'json', ...NOTHING };
  return undefined;
}

function fieldSchema(name: string, row: FieldRow): FieldSchema {
  return {
    name,
    type: valueSchema(row),
    required: row.req === true,
    mayBeNull: row.nil === true,
    tellsEmpty: row.empty === true,
    always: row.always === true,
    pointer: row.ptr === true,
    patchStrategy: row.patchStrategy === undefined ? NO_STRATEGY : (row.patchStrategy.split(',') as PatchStrategy[]),
    patchMergeKey: row.patchMergeKey,
  };
}

function valueSchema(row: FieldRow): TypeSchema {
  if (row.ref !== undefined) return overridden(definitionSchema(row.ref), row);
  const common = { default: row.default, nullable: false };
  if (row.items !== undefined) {
    return {
      shape: 'list',
      items: valueSchema(row.items),
      listType: row.listType ?? 'atomic',
      listMapKeys: row.listMapKeys ?? [],
      ...common,
    };
  }
  if (row.map !== undefined) return { shape: 'map', values: valueSchema(row.map), mapType: row.mapType ?? 'granular', ...common };
  if (row.t === 'any') return { shape: 'any', content: 'json', ...common };
  return { shape: 'scalar', scalar: scalarKind(row), enum: row.enum, ...common };
}

/** What a field says of its own about the definition it refers to. The copy shares the definition's `fields`. */
function overridden(node: TypeSchema, row: FieldRow): TypeSchema {
  if (row.default === undefined && row.mapType === undefined) return node;
  const withDefault = row.default === undefined ? node : { ...node, default: row.default };
  return withDefault.shape === 'object' && row.mapType !== undefined ? { ...withDefault, mapType: row.mapType } : withDefault;
}

function scalarKind(row: FieldRow): ScalarKind {
  switch (row.t) {
    case 'string':
      return row.format === 'byte' ? 'bytes' : 'string';
    case 'boolean':
      return 'boolean';
    case 'number':
      return 'number';
    case 'integer':
      return row.format === 'int64' ? 'int64' : 'int32';
    default:
      throw new RangeError(`no schema for ${JSON.stringify(row)}`);
  }
}
