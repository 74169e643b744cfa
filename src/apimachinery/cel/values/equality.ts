// Equality of any two values and order of comparable ones.
// Source: cel-go common/types/util.go Equal, apiserver pkg/cel/common for lists of type set and map.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { byteOrder } from '../../go-format.ts';
import { compareNumbers, Double, isNumeric, numbersEqual, Uint } from './numbers.ts';
import { Duration, Timestamp } from './times.ts';
import { itemsOf, ListValue, memberOf, membersOf, OpaqueValue, Optional, type Members } from './values.ts';

/** Across types: numbers by their amount, everything else by type and content. Never fails. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return a === a;
  if (typeof a === 'string' || typeof b === 'string' || typeof a === 'boolean' || typeof b === 'boolean') return false;
  if (a === null || b === null) return false;
  if (isNumeric(a)) return isNumeric(b) && numbersEqual(a, b);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  return objectsEqual(a, b);
}

function objectsEqual(a: object, b: object): boolean {
  if (a instanceof ListValue) return listValuesEqual(a, b);
  if (b instanceof ListValue) return listValuesEqual(b, a);
  if (Array.isArray(a)) return Array.isArray(b) && itemsEqual(a, b);
  if (a instanceof OpaqueValue) return a.equals(b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Optional) return b instanceof Optional && optionalsEqual(a, b);
  if (a instanceof Double || a instanceof Uint) return false;
  const [left, right] = [membersOf(a), membersOf(b)];
  return left !== undefined && right !== undefined && membersEqual(left, right);
}

function optionalsEqual({ value: a }: Optional, { value: b }: Optional): boolean {
  return a === undefined || b === undefined ? a === b : equal(a, b);
}

function itemsEqual(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => equal(item, b[i] as Value));
}

/** In a set the order does not count; in a map list items are found by their keys. */
function listValuesEqual(a: ListValue, b: Value): boolean {
  const items = itemsOf(b);
  if (items?.length !== a.items.length) return false;
  if (a.semantics === 'atomic') return itemsEqual(a.items, items);
  if (a.semantics === 'set') return a.items.every((item) => items.some((other) => equal(item, other)));
  return a.items.every((item) => items.some((other) => sameKey(a.keys, item, other) && equal(item, other)));
}

/** Whether two items of a map list stand for the same thing. */
export function sameKey(keys: readonly string[], a: Value, b: Value): boolean {
  return keys.every((key) => optionalsEqual(new Optional(memberOf(a, key)), new Optional(memberOf(b, key))));
}

function membersEqual(a: Members, b: Members): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !equal(a.get(key) as Value, other)) return false;
  }
  return true;
}

/** -1, 0 or 1. @throws EvaluationError when the types have no common order */
export function compare(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return Math.sign(byteOrder(a, b));
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Timestamp && b instanceof Timestamp) return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  if (a instanceof Duration && b instanceof Duration) return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return fail('no such overload');
}
