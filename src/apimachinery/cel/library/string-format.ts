// `'%s is %d'.format([…])`. Source: cel-go ext/formatting.go, version 1.
import { byteOrder } from '../../go-format.ts';
import type { Value } from '../contract.ts';
import { EvaluationError, fail } from '../errors.ts';
import { amount, formatDouble, isDouble, isInt, Uint, type Int } from '../values/numbers.ts';
import { Duration, Timestamp } from '../values/times.ts';
import { itemsOf, membersOf, typeNameOf, TypeValue } from '../values/values.ts';

const CLAUSE = /%(?:%|(?:\.(\d*))?([^]?))/g;
const DEFAULT_PRECISION = 6;

export function formatWith(text: string, list: Value): string {
  const args = itemsOf(list) ?? [];
  let next = 0;
  return text.replace(CLAUSE, (clause, precision: string | undefined, verb: string | undefined) => {
    if (clause === '%%') return '%';
    if (verb === undefined || verb === '') return fail('unexpected end of string');
    if (next >= args.length) return fail(`index ${next} out of range`);
    return formatClause(verb, precision === undefined ? DEFAULT_PRECISION : Number(precision), args[next++] as Value);
  });
}

function formatClause(verb: string, precision: number, value: Value): string {
  try {
    switch (verb) {
      case 's':
        return show(value);
      case 'd':
        return decimal(value);
      case 'f':
        return fractional(value, 'fixed-point', (number) => fixedPoint(number, precision));
      case 'e':
        return fractional(value, 'scientific', (number) => exponential(number, precision));
      case 'b':
        return typeof value === 'boolean' ? String(Number(value)) : whole(value, 2, 'binary', 'integers and bools');
      case 'o':
        return whole(value, 8, 'octal', 'integers');
      case 'x':
        return hexadecimal(value);
      case 'X':
        return hexadecimal(value).toUpperCase();
      default:
    }
  } catch (error) {
    if (error instanceof EvaluationError) return fail(`error during formatting: ${error.message}`);
    throw error;
  }
  return fail(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
}

const wrong = (clause: string, allowed: string, value: Value): never =>
  fail(`${clause} clause can only be used on ${allowed}, was given ${typeNameOf(value)}`);

function show(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || value === null || isInt(value)) return String(value);
  if (isDouble(value)) return formatDouble(amount(value));
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp || value instanceof Duration) return value.toString();
  if (value instanceof TypeValue) return value.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  const items = itemsOf(value);
  if (items !== undefined) return `[${items.map(quoted).join(', ')}]`;
  if (membersOf(value) !== undefined) return showMembers(value);
  return wrong('string', 'strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps', value);
}

function showMembers(value: Value): string {
  const members = membersOf(value);
  const pairs = Array.from(members?.keys() ?? [], (key) => [quoted(key), quoted(members?.get(key) as Value)] as const);
  return `{${pairs
    .toSorted(([a], [b]) => byteOrder(a, b))
    .map(([key, shown]) => `${key}:${shown}`)
    .join(', ')}}`;
}

/** Within lists and maps, values that would look like others are written as CEL writes them. */
function quoted(value: Value): string {
  const text = show(value);
  if (typeof value === 'string') return JSON.stringify(text);
  if (value instanceof Timestamp) return `timestamp("${text}")`;
  if (value instanceof Duration) return `duration("${text}")`;
  if (value instanceof Uint8Array) return `b${JSON.stringify(text)}`;
  if (!isDouble(value)) return text;
  return Number.isFinite(amount(value)) ? fixedPoint(amount(value), DEFAULT_PRECISION) : `"${text}"`;
}

function decimal(value: Value): string {
  if (isInt(value)) return String(value);
  return value instanceof Uint ? String(value.value) : wrong('decimal', 'integers', value);
}

function fractional(value: Value, clause: string, format: (number: number) => string): string {
  const special = value === 'NaN' || value === 'Infinity' || value === '-Infinity';
  if (!isDouble(value) && !special) return wrong(clause, 'doubles', value);
  const number = special ? Number(value) : amount(value as number);
  if (Number.isNaN(number)) return 'NaN';
  return Number.isFinite(number) ? format(number) : number > 0 ? '∞' : '-∞';
}

/** Halves go to the even neighbour. */
function fixedPoint(number: number, precision: number): string {
  const scaled = number * 10 ** precision;
  const tie = Math.abs(scaled) < Number.MAX_SAFE_INTEGER && Math.abs(scaled % 1) === 0.5 && scaled / 10 ** precision === number;
  if (!tie) return number.toFixed(precision);
  const even = 2 * Math.round(scaled / 2);
  return (even / 10 ** precision).toFixed(precision);
}

/** As the printer for English writes it: `1.5 × 10⁰³`. Source: golang.org/x/text/message. */
function exponential(number: number, precision: number): string {
  const [mantissa, exponent = '+0'] = number.toExponential(precision).split('e');
  const digits = String(Math.abs(Number(exponent))).padStart(2, '0');
  const raised = Array.from(digits, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
  return `${mantissa}\u202f×\u202f10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function whole(value: Value, radix: number, clause: string, allowed: string): string {
  if (isInt(value)) return BigInt(value as Int).toString(radix);
  return value instanceof Uint ? value.value.toString(radix) : wrong(clause, allowed, value);
}

function hexadecimal(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return whole(value, 16, 'hex', 'integers, byte buffers, and strings');
}
