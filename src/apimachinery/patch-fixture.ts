// A small schema for tests of patches and apply: a pod-like type with every list and map kind that matters.
import { ANY, type FieldSchema, type ObjectSchema, type ScalarKind, type TypeSchema } from './type-schema.ts';

export const scalar = (kind: ScalarKind = 'string', value?: unknown): TypeSchema => ({
  shape: 'scalar',
  scalar: kind,
  enum: undefined,
  default: value,
  nullable: false,
});

export const mapOf = (values: TypeSchema, mapType: 'granular' | 'atomic' = 'granular'): TypeSchema => ({
  shape: 'map',
  values,
  mapType,
  default: undefined,
  nullable: false,
});

export const listOf = (items: TypeSchema, ...keys: readonly string[]): TypeSchema => ({
  shape: 'list',
  items,
  listType: keys.length === 0 ? 'atomic' : 'map',
  listMapKeys: keys,
  default: undefined,
  nullable: false,
});

export const setOf = (items: TypeSchema): TypeSchema => ({
  shape: 'list',
  items,
  listType: 'set',
  listMapKeys: [],
  default: undefined,
  nullable: false,
});

interface FieldOptions {
  readonly mergeKey?: string;
  readonly strategy?: FieldSchema['patchStrategy'];
}

export const field = (name: string, type: TypeSchema, { mergeKey, strategy }: FieldOptions = {}): FieldSchema => ({
  name,
  type,
  required: false,
  mayBeNull: false,
  tellsEmpty: false,
  always: false,
  pointer: false,
  patchStrategy: strategy ?? (mergeKey === undefined ? [] : ['merge']),
  patchMergeKey: mergeKey,
});

export const struct = (name: string, fields: readonly FieldSchema[], mapType: 'granular' | 'atomic' = 'granular'): ObjectSchema => ({
  shape: 'object',
  name,
  fields: new Map(fields.map((f) => [f.name, f])),
  unknownFields: 'drop',
  mapType,
  embedded: false,
  default: undefined,
  nullable: false,
});

const port = struct('test.Port', [field('port', scalar('int32')), field('protocol', scalar('string', 'TCP')), field('name', scalar())]);
const env = struct('test.Env', [field('name', scalar()), field('value', scalar())]);
const container = struct('test.Container', [
  field('name', scalar()),
  field('image', scalar()),
  field('args', listOf(scalar())),
  field('env', listOf(env, 'name'), { mergeKey: 'name' }),
  field('ports', listOf(port, 'port', 'protocol'), { mergeKey: 'port' }),
]);
const volume = struct('test.Volume', [field('name', scalar()), field('a', mapOf(scalar())), field('b', mapOf(scalar()))]);
const metadata = struct('test.Meta', [
  field('name', scalar()),
  field('labels', mapOf(scalar())),
  field('finalizers', setOf(scalar()), { strategy: ['merge'] }),
  field('managedFields', listOf(ANY)),
]);

/** `{apiVersion, kind, metadata, spec: {containers, volumes, selector (atomic), template (any), replicas}}` */
export const thing: ObjectSchema = struct('test.Thing', [
  field('apiVersion', scalar()),
  field('kind', scalar()),
  field('metadata', metadata),
  field(
    'spec',
    struct('test.Spec', [
      field('containers', listOf(container, 'name'), { mergeKey: 'name' }),
      field('volumes', listOf(volume, 'name'), { mergeKey: 'name', strategy: ['merge', 'retainKeys'] }),
      field('selector', mapOf(scalar(), 'atomic'), { strategy: ['replace'] }),
      field('template', ANY),
      field('replicas', scalar('int32')),
    ]),
  ),
  field('status', mapOf(scalar())),
]);
