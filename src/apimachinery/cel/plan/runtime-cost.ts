// What a call costs when it runs, by its arguments and result. Figures are upstream's, and part of the API: what a
// policy may do within its budget depends on them.
// Source: cel-go interpreter/runtimecost.go costCall; apiserver pkg/cel/library/cost.go CallCost.
import type { Value } from '../contract.ts';
import { Format } from '../library/format.ts';
import { itemsOf, membersOf, OpaqueValue, Optional, sizeOf } from '../values/values.ts';

export type CallCost = number | ((args: readonly Value[], result: Value) => number);

/** Of reading or comparing one character. Source: common.StringTraversalCostFactor. */
const TRAVERSAL = 0.1;
/** Source: common.RegexStringLengthCostFactor. */
const REGEX = 0.25;
/** An authorization check: a policy can afford two. */
const CHECK = 350_000;
/** A selector: a list, and of each requirement (two characters at least) a struct and a list. */
const SELECTOR_BASE = 10;
const REQUIREMENT = 50;
/** A call that makes a list. */
const LIST_CALL = 11;

const size = (value: Value | undefined): number => (value === undefined ? 1 : (sizeOf(value) ?? 1));
const traversal = (characters: number): number => Math.ceil(characters * TRAVERSAL);
/** Source: cel-go actualSize, which sees into optionals. */
const sizeWithin = (value: Value | undefined): number =>
  value instanceof Optional && value.value !== undefined ? sizeWithin(value.value) : size(value);

const readFirst: CallCost = ([first]) => traversal(size(first));
const readFirstTwice: CallCost = ([first]) => Math.ceil(size(first) * 2 * TRAVERSAL);
const sum: CallCost = ([a, b]) => traversal(sizeWithin(a) + sizeWithin(b));
const compared: CallCost = ([a, b]) => comparisonCost(a as Value, b as Value);
const traversed: CallCost = ([list]) => (list === undefined ? 0 : traversalCost(list));
const matching: CallCost = ([text, pattern]) => traversal(1 + size(text)) * Math.ceil(size(pattern) * REGEX);
const selector: CallCost = ([, text]) => SELECTOR_BASE + traversal(size(text)) + Math.ceil(Math.ceil(size(text) * 0.5) * REQUIREMENT);

/** By function; they take precedence over overloads. */
const BY_FUNCTION: Readonly<Record<string, CallCost>> = {
  check: CHECK,
  fieldSelector: selector,
  labelSelector: selector,
  ...each(traversed, 'isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf', 'includes'),
  ...each(readFirst, 'url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey'),
  ...each(readFirstTwice, 'replace', 'split', 'ip.isCanonical'),
  join: (_, result) => Math.ceil(size(result) * 2 * TRAVERSAL),
  ...each(matching, 'find', 'findAll'),
  ...each(readFirst, 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'),
  validate: ([format, text]) => (format instanceof Format ? traversal(1 + size(text)) * Math.ceil(format.regexSize * REGEX) : 1),
};

/** By overload; anything else costs 1. */
const BY_OVERLOAD: Readonly<Record<string, CallCost>> = {
  ...each(([first]) => traversal(sizeWithin(first)), 'starts_with_string', 'ends_with_string', 'string_to_bytes', 'bytes_to_string'),
  ...each(([first]) => traversal(sizeWithin(first)), 'strings_quote', 'string_format'),
  in_list: ([, list]) => sizeWithin(list),
  ...each(compared, 'less_string', 'greater_string', 'less_equals_string', 'greater_equals_string'),
  ...each(compared, 'less_bytes', 'greater_bytes', 'less_equals_bytes', 'greater_equals_bytes'),
  ...each(sum, 'add_string', 'add_bytes'),
  matches_string: matching,
  contains_string: ([text, part]) => traversal(sizeWithin(text)) * traversal(sizeWithin(part)),
};

/** Extensions of CEL that count themselves; these come before everything else. Source: ext/lists.go, ext/sets.go. */
const made: CallCost = (_, result) => size(result) + LIST_CALL;
const selfCompared = (list: Value): number => {
  const items = itemsOf(list) ?? [];
  const long = typeof items[0] === 'string' || items[0] instanceof Uint8Array;
  return Math.trunc(items.length ** 2 * (long ? 2 + TRAVERSAL : 2)) + LIST_CALL;
};
const compareSets =
  (factor: number): CallCost =>
  ([a, b]) =>
    1 + size(a) * size(b) * factor;
const EXTENSIONS: Readonly<Record<string, CallCost>> = {
  ...each(made, 'list_slice', 'lists_range', 'list_reverse'),
  list_flatten: ([list]) => size(list) + LIST_CALL,
  list_flatten_int: ([list, depth]) => Math.trunc(size(list) * Number(depth)) + LIST_CALL,
  list_distinct: ([list]) => selfCompared(list as Value),
  ...each(compareSets(1), 'list_sets_contains_list', 'list_sets_intersects_list'),
  list_sets_equivalent_list: compareSets(2),
};

function each(cost: CallCost, ...names: readonly string[]): Readonly<Record<string, CallCost>> {
  return Object.fromEntries(names.map((name) => [name, cost]));
}

/** @param overload empty when only the values say which it is */
export function callCost(name: string, overload: string): CallCost {
  if (/^list_\w+_sort$/.test(overload)) return ([list]) => selfCompared(list as Value);
  if (overload.endsWith('_sortByAssociatedKeys')) return ([, keys]) => selfCompared(keys as Value);
  const extension = own(EXTENSIONS, overload);
  if (extension !== undefined) return extension;
  if (name === 'ip') return overload === 'cidr_ip' ? 1 : readFirst;
  if (name === 'containsIP' || name === 'containsCIDR') return containment(name, overload);
  return own(BY_FUNCTION, name) ?? own(BY_OVERLOAD, overload) ?? 1;
}

const own = (table: Readonly<Record<string, CallCost>>, key: string): CallCost | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** Of comparing two addresses bit by bit, masking one for a CIDR, and parsing one given as text. */
function containment(name: string, overload: string): CallCost {
  return ([cidr, other]) => {
    const masked = name === 'containsCIDR' ? traversal(size(cidr)) + 1 : 0;
    const parsed = overload === 'cidr_contains_ip_string' || overload === 'cidr_contains_cidr_string' ? traversal(size(other)) : 0;
    return traversal(size(cidr) * 2) + masked + parsed;
  };
}

/** Of `==` and `!=`: of reading the shorter of two strings, lists or maps; 1 for anything without a size. */
export function equalityCost(equals: boolean, a: Value, b: Value): number {
  return equals && a instanceof OpaqueValue ? 1 : comparisonCost(a, b);
}

function comparisonCost(a: Value, b: Value): number {
  // Short strings are the common case: their characters need no counting.
  if (typeof a === 'string' && a.length <= 10 && typeof b === 'string') return a === '' || b === '' ? 0 : 1;
  return traversal(Math.min(sizeWithin(a), sizeWithin(b)));
}

/** Of reading a whole value. Source: library.traversalCost. */
function traversalCost(value: Value): number {
  if (typeof value === 'string') return Math.trunc(Buffer.byteLength(value) * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.trunc(value.length * TRAVERSAL);
  const items = itemsOf(value);
  if (items !== undefined) return items.reduce((cost: number, item) => cost + traversalCost(item), 0);
  const members = membersOf(value);
  if (members === undefined) return 1;
  let cost = 0;
  for (const key of members.keys()) cost += traversalCost(key) + traversalCost(members.get(key) as Value);
  return cost;
}
