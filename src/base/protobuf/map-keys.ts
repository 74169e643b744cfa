// Map keys are property names in JavaScript, typed scalars on the wire, and are written in the order Go sorts them.
import type { ProtoReader } from './reader.ts';
import type { ScalarType } from './schema.ts';
import { PUT_SCALAR, refuse } from './values.ts';
import type { ProtoWriter } from './writer.ts';

/** A map's keys in the order they are written: strings by their UTF-8 bytes, numbers by value. */
export function sortedKeys(map: object, type: ScalarType): string[] {
  const keys = Object.keys(map);
  if (type !== 'string' && type !== 'bool') return keys.sort(byNumber);
  for (let i = 1; i < keys.length; i++) {
    if ((keys[i - 1] as string) > (keys[i] as string)) {
      keys.sort();
      break;
    }
  }
  // UTF-16 order differs from UTF-8 order only between surrogates and the characters above them.
  return keys.some((key) => ABOVE_SURROGATES.test(key)) ? keys.sort(byUtf8) : keys;
}

const ABOVE_SURROGATES = /[\ud800-\uffff]/;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

function byUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xSurrogate = x >= FIRST_SURROGATE && x <= LAST_SURROGATE;
    const ySurrogate = y >= FIRST_SURROGATE && y <= LAST_SURROGATE;
    if (xSurrogate === ySurrogate) return x - y;
    return xSurrogate ? (y > LAST_SURROGATE ? 1 : x - y) : x > LAST_SURROGATE ? -1 : x - y;
  }
  return a.length - b.length;
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b) || (a < b ? -1 : 1);
}

const DECIMAL = /^-?(0|[1-9][0-9]*)$/;

export function putMapKey(writer: ProtoWriter, key: string, type: ScalarType, label: string): void {
  if (type === 'string') writer.string(key);
  else if (type === 'bool') {
    if (key !== 'true' && key !== 'false') refuse(label, 'a bool key', key);
    writer.bool(key === 'true');
  } else {
    if (!DECIMAL.test(key)) refuse(label, `${type} key`, key);
    PUT_SCALAR[type](writer, WIDE.has(type) ? key : Number(key), label);
  }
}

const WIDE: ReadonlySet<ScalarType> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

export function getMapKey(reader: ProtoReader, type: ScalarType, end: number): string {
  switch (type) {
    case 'string':
      return reader.string(end);
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return reader[type]('string') as string;
    case 'bytes':
    case 'float':
    case 'double':
      throw new RangeError(`${type} is no key type`); // refused when the schema was resolved
    default:
      return String(reader[type]());
  }
}

/** The key of an entry that carries none. */
export function zeroKey(type: ScalarType): string {
  if (type === 'string') return '';
  return type === 'bool' ? 'false' : '0';
}
