// The operators + - * / % and negation, by the types of their operands.
// Source: cel-go common/types (int.go, uint.go, double.go, duration.go, timestamp.go, overflow.go).
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { equal, sameKey } from './equality.ts';
import { amount, checkedInt, checkedUint, double, isDouble, isInt, Uint, type Int } from './numbers.ts';
import { checkedDuration, checkedTimestamp, Duration, Timestamp } from './times.ts';
import { itemsOf, ListValue } from './values.ts';

const noOverload = (): never => fail('no such overload');

export function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && isInt(a) && isInt(b)) {
    const sum = a + b;
    return Number.isSafeInteger(sum) ? sum : BigInt(a) + BigInt(b);
  }
  if (typeof a === 'string') return typeof b === 'string' ? a + b : noOverload();
  if (isInt(a)) return isInt(b) ? checkedInt(BigInt(a) + BigInt(b)) : noOverload();
  if (isDouble(a)) return isDouble(b) ? double(amount(a) + amount(b)) : noOverload();
  return addObjects(a, b);
}

function addObjects(a: Value, b: Value): Value {
  if (a instanceof Uint) return b instanceof Uint ? checkedUint(a.value + b.value) : noOverload();
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? Buffer.concat([a, b]) : noOverload();
  if (a instanceof Duration) {
    if (b instanceof Duration) return checkedDuration(a.nanos + b.nanos);
    return b instanceof Timestamp ? checkedTimestamp(a.nanos + b.nanos) : noOverload();
  }
  if (a instanceof Timestamp) return b instanceof Duration ? checkedTimestamp(a.nanos + b.nanos) : noOverload();
  if (a instanceof ListValue) return addLists(a, itemsOf(b) ?? noOverload());
  const [left, right] = [itemsOf(a), itemsOf(b)];
  return left === undefined || right === undefined ? noOverload() : [...left, ...right];
}

/** A set takes what it does not have; in a map list the right side's items replace those of the same key. */
function addLists(list: ListValue, added: readonly Value[]): Value {
  const { items, semantics, keys } = list;
  if (semantics === 'atomic') return [...items, ...added];
  const out = [...items];
  for (const item of added) {
    const at = out.findIndex((other) => (semantics === 'set' ? equal(other, item) : sameKey(keys, other, item)));
    if (at < 0) out.push(item);
    else if (semantics === 'map') out[at] = item;
  }
  return new ListValue(out, semantics, keys);
}

export function subtract(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && isInt(a) && isInt(b)) {
    const difference = a - b;
    return Number.isSafeInteger(difference) ? difference : BigInt(a) - BigInt(b);
  }
  if (isInt(a)) return isInt(b) ? checkedInt(BigInt(a) - BigInt(b)) : noOverload();
  if (isDouble(a)) return isDouble(b) ? double(amount(a) - amount(b)) : noOverload();
  if (a instanceof Uint) return b instanceof Uint ? checkedUint(a.value - b.value) : noOverload();
  if (a instanceof Duration) return b instanceof Duration ? checkedDuration(a.nanos - b.nanos) : noOverload();
  if (a instanceof Timestamp) {
    if (b instanceof Timestamp) return checkedDuration(a.nanos - b.nanos);
    return b instanceof Duration ? checkedTimestamp(a.nanos - b.nanos) : noOverload();
  }
  return noOverload();
}

export function multiply(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && isInt(a) && isInt(b)) {
    const product = a * b + 0; // never -0
    return Number.isSafeInteger(product) ? product : checkedInt(BigInt(a) * BigInt(b));
  }
  if (isInt(a)) return isInt(b) ? checkedInt(BigInt(a) * BigInt(b)) : noOverload();
  if (isDouble(a)) return isDouble(b) ? double(amount(a) * amount(b)) : noOverload();
  return a instanceof Uint && b instanceof Uint ? checkedUint(a.value * b.value) : noOverload();
}

export function divide(a: Value, b: Value): Value {
  if (isInt(a)) return isInt(b) ? divideInts(a, b, 'division by zero', (x, y) => x / y) : noOverload();
  if (isDouble(a)) return isDouble(b) ? double(amount(a) / amount(b)) : noOverload();
  if (!(a instanceof Uint && b instanceof Uint)) return noOverload();
  return b.value === 0n ? fail('division by zero') : new Uint(a.value / b.value);
}

export function modulo(a: Value, b: Value): Value {
  if (isInt(a)) return isInt(b) ? divideInts(a, b, 'modulus by zero', (x, y) => x % y) : noOverload();
  if (!(a instanceof Uint && b instanceof Uint)) return noOverload();
  return b.value === 0n ? fail('modulus by zero') : new Uint(a.value % b.value);
}

/** The smallest int by -1 overflows, its remainder as well. */
function divideInts(a: Int, b: Int, byZero: string, operation: (x: bigint, y: bigint) => bigint): Int {
  const [x, y] = [BigInt(a), BigInt(b)];
  if (y === 0n) return fail(byZero);
  if (y === -1n) checkedInt(-x);
  return checkedInt(operation(x, y));
}

export function negate(a: Value): Value {
  if (isInt(a)) return typeof a === 'number' ? 0 - a : checkedInt(-a);
  return isDouble(a) ? double(-amount(a)) : noOverload();
}
