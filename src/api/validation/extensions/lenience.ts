// What a definition may have wrong because the one it replaces had it wrong already: stored definitions stay changeable.
// Source: apiextensions-apiserver validationOptions, ValidateCustomResourceDefinitionUpdate.
import type { CustomResourceDefinition, CustomResourceDefinitionSpec, JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { typeOf } from '../../structural/from-crd.ts';
import { prunedValue } from '../../structural/prune.ts';
import { entries, Problems } from '../problems.ts';
import { validateKeyValues, validateSetItems } from './list-schemas.ts';
import { isReviewVersion } from './review-versions.ts';
import { conversionProblem } from './schema-conversion.ts';
import { isSchemaType, validateStructural } from './structural-schemas.ts';

type Props = JSONSchemaProps;

export interface Lenience {
  /** Versions without a schema. */
  readonly noSchema: boolean;
  /** Types that are none. */
  readonly types: boolean;
  /** Schemas that are not structural, where nothing needs them to be. */
  readonly structure: boolean;
  /** Defaults with fields that their schema does not know. */
  readonly unprunedDefaults: boolean;
  /** Items of sets that are not atomic. */
  readonly looseSets: boolean;
  /** Keys of lists that an item may lack, and items that may be null. */
  readonly looseKeys: boolean;
  /** Versions of conversion reviews of which none is known. */
  readonly reviews: boolean;
}

export const STRICT: Lenience = {
  noSchema: false,
  types: false,
  structure: false,
  unprunedDefaults: false,
  looseSets: false,
  looseKeys: false,
  reviews: false,
};

export function lenienceOf({ spec }: CustomResourceDefinition): Lenience {
  // A definition that another server stored may lack what has a default here.
  const { conversion } = spec as Partial<CustomResourceDefinitionSpec>;
  const reviews = conversion?.webhook?.conversionReviewVersions ?? [];
  const has = (holds: (schema: Props) => boolean): boolean => specHas(spec, holds);
  return {
    noSchema: spec.versions.some(({ schema }) => schema?.openAPIV3Schema === undefined),
    types: has(({ type = '' }) => type !== '' && !isSchemaType(type)),
    structure: schemasOf(spec).some(isUnstructured),
    unprunedDefaults: has(
      (schema) => schema.default !== undefined && !deepEqual(prunedValue(schema.default, typeOf(schema)), schema.default),
    ),
    looseSets: has((schema) => schema['x-kubernetes-list-type'] === 'set' && hasItem(schema, validateSetItems)),
    looseKeys: has(looseKeys),
    reviews: reviews.length > 0 && !reviews.some(isReviewVersion),
  };
}

const isUnstructured = (schema: Props): boolean =>
  conversionProblem(schema) !== undefined || finds((out) => validateStructural(out, Path.of(''), schema));

/** Whether any schema of a definition, or any inside it, is of a kind. Source: HasSchemaWith, SchemaHas. */
export const specHas = (spec: CustomResourceDefinitionSpec, holds: (schema: Props) => boolean): boolean =>
  schemasOf(spec).some((schema) => schemaHas(schema, holds));

const schemasOf = ({ versions }: CustomResourceDefinitionSpec): readonly Props[] =>
  versions.flatMap(({ schema }) => (schema?.openAPIV3Schema === undefined ? [] : [schema.openAPIV3Schema]));

function schemaHas(schema: Props, holds: (schema: Props) => boolean): boolean {
  if (holds(schema)) return true;
  const { items, additionalProperties, not, allOf = [], anyOf = [], oneOf = [] } = schema;
  const inside = [...entries(schema.properties).map(([, property]) => property), ...allOf, ...anyOf, ...oneOf];
  for (const one of [items, additionalProperties, not]) if (isObject(one)) inside.push(one as unknown as Props);
  return inside.some((one) => schemaHas(one, holds));
}

function finds(check: (out: Problems) => void): boolean {
  const out = new Problems();
  check(out);
  return !out.none;
}

const hasItem = ({ items }: Props, check: (out: Problems, at: Path, item: Props) => void): boolean =>
  isObject(items) && finds((out) => check(out, Path.of(''), items as unknown as Props));

function looseKeys(schema: Props): boolean {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'map' && listType !== 'set') return false;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return hasItem(schema, (out, at, item) => validateKeyValues(out, at, item, { listType, keys }));
}
