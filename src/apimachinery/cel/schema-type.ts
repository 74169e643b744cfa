// The type of what an OpenAPI or structural schema describes, with the sizes that cost estimates need.
// Source: apiserver pkg/cel/common/schemas.go SchemaDeclType, MaybeAssignTypeName.
import { escapeName } from './names.ts';
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, type ObjectField, type Type } from './types.ts';

/** As much of a schema as types depend on; a CRD's JSONSchemaProps fits, and so does OpenAPI without `$ref`s. */
export interface SchemaProps {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, SchemaProps>>;
  /** A schema or a boolean. */
  readonly additionalProperties?: unknown;
  /** One schema. */
  readonly items?: unknown;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly maxLength?: number | bigint;
  readonly maxItems?: number | bigint;
  readonly maxProperties?: number | bigint;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** A type and the fewest bytes of JSON it can take. */
interface Measured {
  readonly type: Type;
  readonly minBytes: number;
}

/** Largest request the server takes. Source: celconfig.MaxRequestSizeBytes. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
/** Longest `"9999-12-31T23:59:59.999999999Z"` and shortest. Source: pkg/cel/limits.go. */
const DATETIME = { max: 32, min: 21 };
const DURATION_SIZE = { max: 32, min: 3 };
const DATE_SIZE = 12;

/**
 * undefined for a schema that expressions cannot see: one without a type, or a list or map of such.
 * Objects are named by where they stand: `selfType.spec.containers.@idx`.
 * @param root the schema is that of a whole object: kind, apiVersion and metadata are there in any case
 */
export function schemaType(schema: SchemaProps, name: string, root = false): Type | undefined {
  return measure(schema, name, root)?.type;
}

/** Fewest bytes of JSON that what the schema describes takes; 0 where it has no type. Source: DeclType.MinSerializedSize. */
export function leastBytes(schema: SchemaProps, root = false): number {
  return measure(schema, '', root)?.minBytes ?? 0;
}

function measure(schema: SchemaProps, name: string, root: boolean): Measured | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return { type: { ...DYN, maxElements: stringBound(schema, MAX_REQUEST_BYTES - 2) }, minBytes: 1 };
  }
  switch (schema.type) {
    case 'array':
      return measureList(schema, name);
    case 'object':
      return schemaOf(schema.additionalProperties) === undefined ? measureObject(schema, name, root) : measureMap(schema, name);
    case 'string':
      return measureString(schema);
    case 'boolean':
      return { type: BOOL, minBytes: 4 };
    case 'number':
      return { type: DOUBLE, minBytes: 1 };
    case 'integer':
      return { type: INT, minBytes: 1 };
    default:
      return undefined;
  }
}

function schemaOf(value: unknown): SchemaProps | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

function measureNested(schema: SchemaProps | undefined, name: string): Measured | undefined {
  return schema === undefined ? undefined : measure(schema, name, schema['x-kubernetes-embedded-resource'] === true);
}

function measureList(schema: SchemaProps, name: string): Measured | undefined {
  const items = measureNested(schemaOf(schema.items), `${name}.@idx`);
  if (items === undefined) return undefined;
  const maxElements = bound(schema.maxItems) ?? Math.trunc((MAX_REQUEST_BYTES - 2) / (items.minBytes + 1));
  const list = { kind: 'list', items: items.type, maxElements } as const;
  const semantics = schema['x-kubernetes-list-type'];
  if (semantics === 'set') return { type: { ...list, semantics }, minBytes: 2 };
  if (semantics === 'map') return { type: { ...list, semantics, mapKeys: schema['x-kubernetes-list-map-keys'] ?? [] }, minBytes: 2 };
  return { type: list, minBytes: 2 };
}

/** Upstream's type of keys states no size, which its estimates take for none: a rule may look at every key. */
const KEY: Type = { ...STRING, maxElements: 0 };

function measureMap(schema: SchemaProps, name: string): Measured | undefined {
  const values = measureNested(schemaOf(schema.additionalProperties), `${name}.@elem`);
  if (values === undefined) return undefined;
  // Beside its value a member has a key, quotes, a colon and a comma: six bytes at least.
  const maxElements = bound(schema.maxProperties) ?? Math.trunc((MAX_REQUEST_BYTES - 2) / (values.minBytes + 6));
  return { type: { kind: 'map', keys: KEY, values: values.type, maxElements }, minBytes: 2 };
}

const ROOT_MEMBERS: Readonly<Record<string, SchemaProps>> = {
  kind: { type: 'string' },
  apiVersion: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
};

function measureObject(schema: SchemaProps, name: string, root: boolean): Measured {
  const properties = root && !hasRootMembers(schema) ? { ...schema.properties, ...ROOT_MEMBERS } : (schema.properties ?? {});
  const fields = new Map<string, ObjectField>();
  let minBytes = 2;
  for (const [json, property] of Object.entries(properties)) {
    const escaped = escapeName(json);
    const measured = measureNested(property, `${name}.${escaped ?? json}`);
    if (measured === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, { json, type: measured.type });
    const required = schema.required?.includes(json) === true && (property.default ?? null) === null;
    if (required) minBytes += json.length + measured.minBytes + 4;
  }
  return { type: { kind: 'object', name, fields, omitsNull: true }, minBytes };
}

function hasRootMembers({ properties }: SchemaProps): boolean {
  const metadata = properties?.metadata;
  const strings = [properties?.kind, properties?.apiVersion, metadata?.properties?.name, metadata?.properties?.generateName];
  return metadata?.type === 'object' && strings.every((property) => property?.type === 'string');
}

function measureString(schema: SchemaProps): Measured {
  switch (schema.format) {
    case 'byte':
      return { type: { ...BYTES, maxElements: bound(schema.maxLength) ?? MAX_REQUEST_BYTES - 2 }, minBytes: 2 };
    case 'duration':
      return { type: { ...DURATION, maxElements: DURATION_SIZE.max }, minBytes: DURATION_SIZE.min };
    case 'date':
      return { type: { ...TIMESTAMP, maxElements: DATE_SIZE }, minBytes: DATE_SIZE };
    case 'date-time':
      return { type: { ...TIMESTAMP, maxElements: DATETIME.max }, minBytes: DATETIME.min };
    default:
      return { type: { ...STRING, maxElements: stringBound(schema, enumBound(schema) ?? MAX_REQUEST_BYTES - 2) }, minBytes: 2 };
  }
}

/** `maxLength` counts characters, of up to four bytes each. */
function stringBound({ maxLength }: SchemaProps, otherwise: number): number {
  const most = bound(maxLength);
  return most === undefined ? otherwise : most * 4;
}

function enumBound({ enum: values = [] }: SchemaProps): number | undefined {
  if (values.length === 0) return undefined;
  return Math.max(0, ...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
}

function bound(stated: number | bigint | undefined): number | undefined {
  return stated === undefined ? undefined : Math.max(0, Number(stated));
}
