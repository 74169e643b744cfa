// Conversions between the types of CEL itself. Source: cel-go common/types ConvertToType.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { overload, type Functions } from '../functions.ts';
import { BOOL, BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT, type Type } from '../types.ts';
import {
  amount,
  approximate,
  checkedInt,
  checkedUint,
  double,
  type Double,
  doubleToInt,
  doubleToUint,
  formatDouble,
  INT_MAX,
  INT_MIN,
  int,
  Uint,
  UINT_MAX,
  whole,
  type Int,
} from '../values/numbers.ts';
import { parseGoDuration, parseTimestamp, timestampOfSeconds, type Duration, type Timestamp } from '../values/times.ts';

const failed = (to: string): never => fail(`type conversion error from 'string' to '${to}'`);
const keep = (value: Value): Value => value;

function parseInt64(text: string): Value {
  if (!/^[+-]?\d+$/.test(text)) return failed('int');
  const value = BigInt(text.replace(/^\+/, ''));
  return value < INT_MIN || value > INT_MAX ? failed('int') : int(value);
}

function parseUint64(text: string): Value {
  if (!/^\d+$/.test(text)) return failed('uint');
  const value = BigInt(text);
  return value > UINT_MAX ? failed('uint') : new Uint(value);
}

const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Source: strconv.ParseFloat. */
function parseFloat64(text: string): Value {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = Number(text);
  return FLOAT.test(text) && Number.isFinite(value) ? double(value) : failed('double');
}

/** Source: strconv.ParseBool. */
function parseBool(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : failed('bool');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return fail('invalid UTF-8 in bytes, cannot convert to string');
  }
}

type Conversion = readonly [id: string, from: Type, call: (value: never) => Value];

const to = (result: Type, ...conversions: readonly Conversion[]): Functions[string] =>
  conversions.map(([id, from, call]) => overload(id, [from], result, call));

export const CONVERSIONS: Functions = {
  bool: to(BOOL, ['bool_to_bool', BOOL, keep], ['string_to_bool', STRING, parseBool]),
  bytes: to(BYTES, ['bytes_to_bytes', BYTES, keep], ['string_to_bytes', STRING, (text: string) => Buffer.from(text)]),
  double: to(
    DOUBLE,
    ['double_to_double', DOUBLE, keep],
    ['int64_to_double', INT, (value: Int) => double(Number(value))],
    ['string_to_double', STRING, parseFloat64],
    ['uint64_to_double', UINT, (value: Uint) => double(approximate(value))],
  ),
  duration: to(
    DURATION,
    ['duration_to_duration', DURATION, keep],
    ['string_to_duration', STRING, (text: string) => parseGoDuration(text) ?? failed('google.protobuf.Duration')],
  ),
  int: to(
    INT,
    ['int64_to_int64', INT, keep],
    ['double_to_int64', DOUBLE, (value: number | Double) => doubleToInt(amount(value))],
    ['duration_to_int64', DURATION, ({ nanos }: Duration) => int(nanos)],
    ['string_to_int64', STRING, parseInt64],
    ['timestamp_to_int64', TIMESTAMP, ({ seconds }: Timestamp) => seconds],
    ['uint64_to_int64', UINT, (value: Uint) => checkedInt(whole(value))],
  ),
  string: to(
    STRING,
    ['string_to_string', STRING, keep],
    ['bool_to_string', BOOL, String],
    ['bytes_to_string', BYTES, decode],
    ['double_to_string', DOUBLE, (value: number | Double) => formatDouble(amount(value))],
    ['duration_to_string', DURATION, (value: Duration) => value.toString()],
    ['int64_to_string', INT, (value: Int) => String(value)],
    ['timestamp_to_string', TIMESTAMP, (value: Timestamp) => value.toString()],
    ['uint64_to_string', UINT, ({ value }: Uint) => String(value)],
  ),
  timestamp: to(
    TIMESTAMP,
    ['timestamp_to_timestamp', TIMESTAMP, keep],
    ['int64_to_timestamp', INT, (seconds: Int) => timestampOfSeconds(BigInt(seconds))],
    ['string_to_timestamp', STRING, (text: string) => parseTimestamp(text) ?? failed('google.protobuf.Timestamp')],
  ),
  uint: to(
    UINT,
    ['uint64_to_uint64', UINT, keep],
    ['double_to_uint64', DOUBLE, (value: number | Double) => doubleToUint(amount(value))],
    ['int64_to_uint64', INT, (value: Int) => checkedUint(BigInt(value))],
    ['string_to_uint64', STRING, parseUint64],
  ),
};
