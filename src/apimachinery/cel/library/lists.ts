// Functions of lists: Kubernetes' own, CEL's extension, and lists as sets.
// Source: apiserver library/lists.go (version 0), cel-go ext/lists.go (version 3), ext/sets.go.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library, type Overload } from '../functions.ts';
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, listOf, STRING, TIMESTAMP, typeName, typeParam, UINT, type Type } from '../types.ts';
import { add } from '../values/arithmetic.ts';
import { compare, equal } from '../values/equality.ts';
import { Double, Uint, type Int } from '../values/numbers.ts';
import { Duration } from '../values/times.ts';
import { itemsOf, typeNameOf } from '../values/values.ts';

const A = typeParam('A');
const LIST = listOf(A);
const COMPARABLE = {
  int: INT,
  uint: UINT,
  double: DOUBLE,
  bool: BOOL,
  duration: DURATION,
  timestamp: TIMESTAMP,
  string: STRING,
  bytes: BYTES,
};
const SUMMABLE: Readonly<Record<string, readonly [Type, Value]>> = {
  int: [INT, 0],
  uint: [UINT, new Uint(0n)],
  double: [DOUBLE, new Double(0)],
  duration: [DURATION, new Duration(0n)],
};

const all = (list: Value): readonly Value[] => itemsOf(list) ?? [];

const isSorted = (list: Value): boolean => all(list).every((item, i, items) => i === 0 || compare(items[i - 1] as Value, item) <= 0);

/** The first of the items that no other comes before. */
function extreme(name: string, sign: number): (list: Value) => Value {
  return (list) => {
    const items = all(list);
    if (items.length === 0) return fail(`${name} called on empty list`);
    return items.reduce((best, item) => (compare(best, item) * sign > 0 ? item : best));
  };
}

function slice(list: Value, start: Int, end: Int): Value {
  const items = all(list);
  const call = `cannot slice(${start}, ${end})`;
  if (start < 0 || end < 0) return fail(`${call}, negative indexes not supported`);
  if (start > end) return fail(`${call}, start index must be less than or equal to end index`);
  if (items.length < end) return fail(`${call}, list is length ${items.length}`);
  return items.slice(Number(start), Number(end));
}

function flatten(list: Value, depth: Int = 1): Value {
  if (depth < 0) return fail('level must be non-negative');
  return flat(all(list), Number(depth));
}

function flat(items: readonly Value[], depth: number): readonly Value[] {
  return items.flatMap((item) => {
    const nested = depth === 0 ? undefined : itemsOf(item);
    return nested === undefined ? [item] : flat(nested, depth - 1);
  });
}

function sort(list: Value): Value {
  const items = all(list);
  const [first] = items;
  if (first === undefined) return list;
  const type = typeNameOf(first);
  if (!items.every((item) => typeNameOf(item) === type)) return fail('list elements must have the same type');
  return items.toSorted(compare);
}

/** Longest list an expression may make from a number. */
const MAX_RANGE = 1_000_000;

function range(count: Int): Value {
  if (count > MAX_RANGE) return fail(`range of ${count} exceeds ${MAX_RANGE}`);
  return Array.from({ length: Math.max(0, Number(count)) }, (_, i) => i);
}

function distinct(list: Value): Value {
  const out: Value[] = [];
  for (const item of all(list)) if (!out.some((other) => equal(other, item))) out.push(item);
  return out;
}

const containsAll = (list: Value, part: Value): boolean => all(part).every((item) => all(list).some((other) => equal(item, other)));
const intersects = (a: Value, b: Value): boolean => all(a).some((item) => all(b).some((other) => equal(item, other)));

const eachComparable = (id: (name: string) => string, result: (type: Type) => Type, call: (list: Value) => Value): Overload[] =>
  Object.entries(COMPARABLE).map(([name, type]) => member(id(name), [listOf(type)], result(type), call));
const itself = (type: Type): Type => type;

export const LISTS: Library = {
  functions: {
    isSorted: eachComparable(
      (name) => `list_${name}_is_sorted_bool`,
      () => BOOL,
      isSorted,
    ),
    sum: Object.entries(SUMMABLE).map(([name, [type, zero]]) =>
      member(`list_${name}_sum_${name}`, [listOf(type)], type, (list: Value) => all(list).reduce(add, zero)),
    ),
    max: eachComparable((name) => `list_${name}_max_${name}`, itself, extreme('max', -1)),
    min: eachComparable((name) => `list_${name}_min_${name}`, itself, extreme('min', 1)),
    indexOf: [
      member('list_a_index_of_int', [LIST, A], INT, (list: Value, item: Value) => all(list).findIndex((other) => equal(other, item))),
    ],
    lastIndexOf: [
      member('list_a_last_index_of_int', [LIST, A], INT, (list: Value, item: Value) =>
        all(list).findLastIndex((other) => equal(other, item)),
      ),
    ],
    slice: [member('list_slice', [LIST, INT, INT], LIST, slice)],
    flatten: [
      member('list_flatten', [listOf(LIST)], LIST, (list: Value) => flatten(list)),
      member('list_flatten_int', [listOf(DYN), INT], listOf(DYN), flatten),
    ],
    sort: Object.values(COMPARABLE).map((type) => member(`list_${typeName(type)}_sort`, [listOf(type)], listOf(type), sort)),
    'lists.range': [overload('lists_range', [INT], listOf(INT), range)],
    reverse: [member('list_reverse', [LIST], LIST, (list: Value) => all(list).toReversed())],
    distinct: [member('list_distinct', [LIST], LIST, distinct)],
    'sets.contains': [overload('list_sets_contains_list', [LIST, LIST], BOOL, containsAll)],
    'sets.equivalent': [
      overload('list_sets_equivalent_list', [LIST, LIST], BOOL, (a: Value, b: Value) => containsAll(a, b) && containsAll(b, a)),
    ],
    'sets.intersects': [overload('list_sets_intersects_list', [LIST, LIST], BOOL, intersects)],
    '@sortByAssociatedKeys': Object.values(COMPARABLE).map((type) =>
      member(`list_${typeName(type)}_sortByAssociatedKeys`, [LIST, listOf(type)], LIST, sortByKeys),
    ),
  },
};

function sortByKeys(list: Value, keys: Value): Value {
  const [items, by] = [all(list), all(keys)];
  sort(by);
  return items
    .map((item, i) => [item, by[i] as Value] as const)
    .toSorted(([, a], [, b]) => compare(a, b))
    .map(([item]) => item);
}
