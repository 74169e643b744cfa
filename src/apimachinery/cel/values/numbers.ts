// Numbers. An int is a JavaScript number while it is a safe integer and a bigint beyond; a double is a number unless that
// would be read as an int: then it is a Double. So JSON needs no conversion and most arithmetic allocates nothing.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';

export const INT_MIN = -(2n ** 63n);
export const INT_MAX = 2n ** 63n - 1n;
export const UINT_MAX = 2n ** 64n - 1n;
const INT_LIMIT = 2 ** 63;

/** A double that is a whole number of up to 53 bits: 1.0, -0.0. */
export class Double {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

export type Int = number | bigint;

/** The int of that amount, which must be one of 64 bits. */
export function int(value: bigint): Int {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

export function double(value: number): Value {
  return Number.isSafeInteger(value) ? new Double(value) : value;
}

export function isInt(value: unknown): value is Int {
  return typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'bigint';
}

export function isDouble(value: unknown): value is number | Double {
  return value instanceof Double || (typeof value === 'number' && !Number.isSafeInteger(value));
}

export function isNumeric(value: unknown): value is number | bigint | Double | Uint {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Double || value instanceof Uint;
}

/** The amount of a double. */
export const amount = (value: number | Double): number => (typeof value === 'number' ? value : value.number);

/** Any numeric value as a number (perhaps rounded, only for comparing with doubles). */
export function approximate(value: number | bigint | Double | Uint): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Double ? value.number : Number(value.value);
}

/** An int's or uint's amount. */
export function whole(value: Int | Uint): bigint {
  return value instanceof Uint ? value.value : BigInt(value);
}

/** @throws EvaluationError integer overflow */
export function checkedInt(value: bigint): Int {
  if (value < INT_MIN || value > INT_MAX) fail('integer overflow');
  return int(value);
}

/** @throws EvaluationError unsigned integer overflow */
export function checkedUint(value: bigint): Uint {
  if (value < 0n || value > UINT_MAX) fail('unsigned integer overflow');
  return new Uint(value);
}

/** Cut towards zero. @throws EvaluationError integer overflow. Source: doubleToInt64Checked. */
export function doubleToInt(value: number): Int {
  if (!Number.isFinite(value) || value <= -INT_LIMIT || value >= INT_LIMIT) fail('integer overflow');
  return int(BigInt(Math.trunc(value)));
}

/** @throws EvaluationError unsigned integer overflow. Source: doubleToUint64Checked. */
export function doubleToUint(value: number): Uint {
  if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) fail('unsigned integer overflow');
  return new Uint(BigInt(Math.trunc(value)));
}

type Numeric = number | bigint | Double | Uint;

const isFractional = (value: Numeric): value is number | Double => isDouble(value);

/** -1, 0 or 1 across all numeric types; beside a double an int is compared as one. @throws EvaluationError for NaN */
export function compareNumbers(a: Numeric, b: Numeric): number {
  if (isFractional(a) || isFractional(b)) {
    const [left, right] = [approximate(a), approximate(b)];
    if (Number.isNaN(left) || Number.isNaN(right)) fail('NaN values cannot be ordered');
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [whole(a), whole(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** NaN equals nothing. */
export function numbersEqual(a: Numeric, b: Numeric): boolean {
  return isFractional(a) || isFractional(b) ? approximate(a) === approximate(b) : whole(a) === whole(b);
}

/** Go's %g: the shortest digits, an exponent below 1e-4 and from 1e6. Source: strconv.FormatFloat with 'g', -1. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return plainDecimal(mantissa, power);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Go's %f with the shortest digits: never an exponent. */
export function formatDecimal(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  return plainDecimal(mantissa, Number(exponent));
}

function plainDecimal(mantissa: string, power: number): string {
  const negative = mantissa.startsWith('-');
  const [first = '', rest = ''] = mantissa.replace('-', '').split('.');
  const digits = first + rest;
  const sign = negative ? '-' : '';
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`;
  if (digits.length <= power + 1) return sign + digits.padEnd(power + 1, '0');
  return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
}
