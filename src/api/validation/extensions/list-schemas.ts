// Lists and maps in schemas of custom resources: how their items are told apart.
// Source: ValidateCustomResourceDefinitionOpenAPISchema, validateMapListKeysMapSet.
import { ownValue } from '../../json-object.ts';
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { entries, type Problems } from '../problems.ts';

type Props = JSONSchemaProps;

interface Loose {
  readonly looseSets: boolean;
  readonly looseKeys: boolean;
}

const isSchema = (value: unknown): value is Props => isObject(value);

function mustBe(out: Problems, at: Path, type: string | undefined, detail: string): void {
  if (type === undefined || type === '') out.required(at.child('type'), detail);
  else out.invalid(at.child('type'), type, detail);
}

/** @param loose what may be wrong of sets and keys. Source: requireAtomicSetType, requireMapListKeysMapSetValidation */
export function validateListsAndMaps(out: Problems, at: Path, schema: Props, loose: Loose): void {
  const mapType = schema['x-kubernetes-map-type'];
  if (schema.uniqueItems === true)
    out.forbidden(at.child('uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== true && entries(schema.properties).length > 0)
    out.forbidden(at.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive');
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    out.invalid(at.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined');
  if (mapType !== undefined && schema.type !== 'object')
    mustBe(out, at, schema.type, 'must be object if x-kubernetes-map-type is specified');
  if (mapType !== undefined) out.oneOf(at.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']);
  validateListType(out, at, schema, loose);
}

function validateListType(out: Problems, at: Path, schema: Props, { looseSets, looseKeys }: Loose): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const path = at.child('x-kubernetes-list-type');
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    if (listType === undefined) out.required(path, detail);
    else out.invalid(path, listType, detail);
  }
  if (listType === undefined) return;
  if (schema.type !== 'array') mustBe(out, at, schema.type, 'must be array if x-kubernetes-list-type is specified');
  else if (listType === 'set' && isSchema(schema.items) && !looseSets) validateSetItems(out, at.child('items'), schema.items);
  out.oneOf(path, listType, ['atomic', 'set', 'map']);
  if (listType === 'map') validateMapItems(out, at, schema, keys);
  if ((listType === 'map' || listType === 'set') && isSchema(schema.items) && !looseKeys)
    validateKeyValues(out, at.child('items'), schema.items, { listType, keys });
}

export function validateSetItems(out: Problems, at: Path, item: Props): void {
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = item['x-kubernetes-list-type'];
  if (item.type === 'array' && listType !== undefined && listType !== 'atomic')
    out.invalid(at.child('x-kubernetes-list-type'), listType, detail);
  if (item.type === 'object' && item['x-kubernetes-map-type'] !== 'atomic')
    out.invalid(at.child('x-kubernetes-map-type'), listType ?? null, detail);
}

function validateMapItems(out: Problems, at: Path, schema: Props, keys: readonly string[]): void {
  const path = at.child('x-kubernetes-list-map-keys');
  if (keys.length === 0) out.required(path, 'must not be empty if x-kubernetes-list-type is map');
  const item: unknown = schema.items;
  if (item === undefined) return out.required(at.child('items'), 'must have a schema if x-kubernetes-list-type is map');
  if (!isSchema(item)) return;
  const typeAt = at.child('items', 'type');
  if (item.type !== 'object') return out.invalid(typeAt, item.type ?? '', "must be object if parent array's x-kubernetes-list-type is map");
  const seen = new Set<string>();
  for (const key of keys) {
    const property = ownValue(item.properties, key);
    if (property === undefined) out.invalid(path, keys, 'entries must all be names of item properties');
    else if (property.type === 'array' || property.type === 'object') {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      out.invalid(at.child('items', 'properties').key(key).child('type'), item.type, detail);
    }
    if (seen.has(key)) out.invalid(path, keys, 'must not contain duplicate entries');
    seen.add(key);
  }
}

/** Every item must have a value for what tells it apart. */
export function validateKeyValues(
  out: Problems,
  at: Path,
  item: Props,
  { listType, keys }: { readonly listType: string; readonly keys: readonly string[] },
): void {
  if (item.nullable === true) out.forbidden(at.child('nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`);
  if (listType !== 'map') return;
  for (const key of keys) {
    const property = ownValue(item.properties, key);
    if (property === undefined) continue;
    const path = at.child('properties').key(key);
    if (item.required?.includes(key) !== true && property.default === undefined) {
      const detail = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      out.required(path.child('default'), detail);
    }
    if (property.nullable === true)
      out.forbidden(path.child('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable');
  }
}
