// Items of sets and of lists with keys are told apart. Source: apiextensions pkg/apiserver/schema/listtype.
import { duplicate, invalid, type FieldError } from '#apimachinery/field-errors.ts';
import { sortedKeys } from '#apimachinery/json-value.ts';
import { isJsonObject, type JsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';

type ListCheck = (value: unknown, path: string, found: FieldError[]) => void;

/** What is wrong with the lists of an object; undefined for a schema without sets and keyed lists. */
export function compileListChecks(props: Props | undefined): ((object: unknown) => readonly FieldError[]) | undefined {
  const check = props === undefined ? undefined : compile(props);
  if (check === undefined) return undefined;
  return (object) => {
    const found: FieldError[] = [];
    check(object, '', found);
    return found;
  };
}

function compile(props: Props): ListCheck | undefined {
  const listType = props['x-kubernetes-list-type'];
  const keys = props['x-kubernetes-list-map-keys'] ?? [];
  const own = listType === 'set' ? uniqueItems : listType === 'map' ? uniqueKeys(keys) : undefined;
  const items = isJsonObject(props.items) ? compile(props.items as Props) : undefined;
  const values = isJsonObject(props.additionalProperties) ? compile(props.additionalProperties as Props) : undefined;
  const members = Object.entries(props.properties ?? {}).flatMap(([name, nested]) => {
    const check = compile(nested);
    return check === undefined ? [] : [[name, check] as const];
  });
  if (own === undefined && items === undefined && values === undefined && members.length === 0) return undefined;
  return (value, path, found) => {
    if (Array.isArray(value)) {
      own?.(value, path, found);
      if (items !== undefined) value.forEach((item: unknown, i) => items(item, `${path}[${i}]`, found));
    } else if (isJsonObject(value)) {
      if (values !== undefined) for (const key of Object.keys(value)) values(value[key], `${path}[${key}]`, found);
      for (const [name, check] of members) if (value[name] !== undefined) check(value[name], path === '' ? name : `${path}.${name}`, found);
    }
  };
}

type ItemCheck = (list: readonly unknown[], path: string, found: FieldError[]) => void;

/** Indexes of the first repetition of each repeated text. */
function repeated(texts: readonly string[]): readonly number[] {
  const times = new Map<string, number>();
  return texts.flatMap((text, i) => {
    const before = times.get(text) ?? 0;
    times.set(text, before + 1);
    return before === 1 ? [i] : [];
  });
}

const uniqueItems: ItemCheck = (list, path, found) => {
  const items = list.map(sortedKeys);
  for (const i of repeated(items.map((item) => JSON.stringify(item)))) found.push(duplicate(`${path}[${i}]`, items[i]));
};

function uniqueKeys(given: readonly string[]): ItemCheck {
  const keys = given.toSorted();
  return (list, path, found) => {
    const stray = list.findIndex((item) => item !== null && !isJsonObject(item));
    if (stray !== -1) {
      found.push(invalid(`${path}[${stray}]`, sortedKeys(list[stray]), 'must be an object for an array of list-type map'));
      return;
    }
    const identities = list.map((item) => identity(item as JsonObject | null, keys));
    for (const i of repeated(identities.map((one) => JSON.stringify(one)))) found.push(duplicate(`${path}[${i}]`, identities[i]));
  };
}

const identity = (item: JsonObject | null, keys: readonly string[]): JsonObject =>
  Object.fromEntries(keys.filter((key) => item !== null && Object.hasOwn(item, key)).map((key) => [key, sortedKeys(item?.[key])]));
