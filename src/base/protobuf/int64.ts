// 64-bit integers between their wire halves and the forms they take in JavaScript.
import { ProtobufEncodeError } from './errors.ts';
import type { Int64Form } from './schema.ts';

/** Every form a 64-bit value may have in JavaScript; a string is decimal digits. */
export type Int64 = number | bigint | string;

export const TWO_32 = 2 ** 32;
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;
/** The high halves of safe integers lie from minus this to below it. */
const SAFE_HIGH = 2 ** 21;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/** A signed value from its halves, each as an int32. */
export function signedForm(high: number, low: number, form: Int64Form): Int64 {
  const below = low >>> 0;
  if (form === 'number') return high * TWO_32 + below;
  const safe = high < SAFE_HIGH && (high > -SAFE_HIGH || (high === -SAFE_HIGH && below !== 0));
  if (form === 'exact' && safe) return high * TWO_32 + below;
  const value = (BigInt(high) << 32n) | BigInt(below);
  return form === 'string' ? value.toString() : value;
}

/** An unsigned value from its halves, each as an int32. */
export function unsignedForm(high: number, low: number, form: Int64Form): Int64 {
  const above = high >>> 0;
  const below = low >>> 0;
  if (form === 'number' || (form === 'exact' && above < SAFE_HIGH)) return above * TWO_32 + below;
  const value = (BigInt(above) << 32n) | BigInt(below);
  return form === 'string' ? value.toString() : value;
}

/** @throws ProtobufEncodeError for what is no integer, or not in range; `label` names its place */
export function signed64(value: Int64, label: string): bigint {
  const wide = value === TWO_63 ? MAX_INT64 : integer(value, label);
  if (wide > MAX_INT64 || wide < MIN_INT64) throw new ProtobufEncodeError(`${label}: ${value} does not fit 64 bits`);
  return wide;
}

/** @throws ProtobufEncodeError for what is no integer, or not in range; `label` names its place */
export function unsigned64(value: Int64, label: string): bigint {
  const wide = value === TWO_64 ? MAX_UINT64 : integer(value, label);
  if (wide > MAX_UINT64 || wide < 0n) throw new ProtobufEncodeError(`${label}: ${value} does not fit 64 unsigned bits`);
  return wide;
}

const DECIMAL = /^-?[0-9]{1,20}$/;

function integer(value: Int64, label: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' ? Number.isInteger(value) : DECIMAL.test(value)) return BigInt(value);
  throw new ProtobufEncodeError(`${label}: ${value} is not an integer`);
}
