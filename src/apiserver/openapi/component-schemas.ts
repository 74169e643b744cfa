// Component schemas: definitions of the type tables. Pure.
// Source: kube-openapi pkg/generators and pkg/builder3.
import { definitions, type DefinitionRow, type FieldRow } from '#api/schema/tables.ts';
import { fieldDescription, kindDescription } from './descriptions.ts';
import { refTo, type OpenApiSchema } from './document.ts';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** Definitions with two JSON types. Source: Quantity.OpenAPIV3OneOfTypes, IntOrString.OpenAPIV3OneOfTypes. */
const EITHER: Readonly<Record<string, OpenApiSchema>> = {
  [QUANTITY]: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  [INT_OR_STRING]: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
};

const withDescription = (schema: OpenApiSchema, description: string | undefined): OpenApiSchema =>
  description === undefined ? schema : { description, ...schema };

/** @throws RangeError for a name the tables do not have */
export function componentSchema(name: string): OpenApiSchema {
  const row = definitions[name];
  if (row === undefined) throw new RangeError(`no definition ${name}`);
  return withDescription({ ...EITHER[name], ...(EITHER[name] === undefined ? bodyOf(name, row) : {}) }, kindDescription(name));
}

function bodyOf(name: string, row: DefinitionRow): OpenApiSchema {
  if (row.t === 'any') return {};
  if (row.t !== undefined) return { type: row.t, ...(row.format === undefined ? {} : { format: row.format }) };
  const fields = Object.entries(row.fields);
  const required = fields.filter(([, { req }]) => req === true).map(([field]) => field);
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    ...(fields.length === 0 ? {} : { properties: Object.fromEntries(fields.map(([field, one]) => [field, property(name, field, one)])) }),
    ...(row.gvk === undefined
      ? {}
      : { 'x-kubernetes-group-version-kind': row.gvk.map(({ group, version, kind }) => ({ group, kind, version })) }),
    ...(row.mapType === undefined ? {} : { 'x-kubernetes-map-type': row.mapType }),
    ...(row.unions === undefined ? {} : { 'x-kubernetes-unions': row.unions }),
  };
}

function property(definition: string, name: string, row: FieldRow): OpenApiSchema {
  const schema = valueSchema(row, { pointer: row.ptr === true, required: row.always === true });
  const description = fieldDescription(definition, name);
  const alone = schema.$ref !== undefined && description !== undefined; // nothing may stand beside a $ref
  return {
    ...(description === undefined ? {} : { description }),
    ...(alone ? { allOf: [schema] } : schema),
    ...(row.listType === undefined ? {} : { 'x-kubernetes-list-type': row.listType }),
    ...(row.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': row.listMapKeys }),
    ...(row.mapType === undefined ? {} : { 'x-kubernetes-map-type': row.mapType }),
    ...(row.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': row.patchStrategy }),
    ...(row.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': row.patchMergeKey }),
  };
}

/** What the zero of a Go value is, where it stands for absence. Source: kube-openapi defaults of non-pointer fields. */
interface Presence {
  readonly pointer: boolean;
  /** On the wire even when empty. */
  readonly required: boolean;
}

const ELEMENT: Presence = { pointer: false, required: true };

function valueSchema(row: FieldRow, presence: Presence): OpenApiSchema {
  if (row.ref !== undefined) return reference(row.ref, row.default, presence);
  const given = row.default === undefined ? zero(row, presence) : row.default;
  const preset = given === undefined ? {} : { default: given };
  if (row.items !== undefined) return { type: 'array', items: valueSchema(row.items, ELEMENT), ...preset };
  if (row.map !== undefined) return { type: 'object', additionalProperties: valueSchema(row.map, ELEMENT), ...preset };
  if (row.t === undefined || row.t === 'any') return {};
  return {
    type: row.t,
    ...(row.format === undefined ? {} : { format: row.format }),
    ...(row.enum === undefined ? {} : { enum: row.enum }),
    ...preset,
  };
}

function reference(definition: string, preset: unknown, { pointer }: Presence): OpenApiSchema {
  const struct = definitions[definition]?.t === undefined && Object.keys(definitions[definition]?.fields ?? {}).length > 0;
  const given = preset ?? (struct && !pointer ? {} : undefined);
  return given === undefined ? refTo(definition) : { allOf: [refTo(definition)], default: given };
}

function zero({ t, enum: values, format }: FieldRow, { pointer, required }: Presence): unknown {
  if (pointer || !required || values !== undefined || format === 'byte') return undefined;
  switch (t) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return undefined;
  }
}
