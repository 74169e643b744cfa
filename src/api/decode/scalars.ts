// One JSON value to one scalar in canonical form, refused in Go's words.
import { WrittenNumber } from '#apimachinery/json.ts';
import { DurationError, formatDurationNs, parseDurationNs } from '#apimachinery/duration.ts';
import { quantityFromJson } from '#apimachinery/quantity.ts';
import { QuantityError } from '#apimachinery/quantity-text.ts';
import { TimeError } from '#apimachinery/time.ts';
import type { ScalarKind } from '#apimachinery/type-schema.ts';
import { jsonKind, ScalarError, TypeMismatch } from './go-errors.ts';
import { decodeMicroTime, decodeTime } from './time.ts';

const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** @throws TypeMismatch, or an error that isScalarError knows */
export type ScalarDecoder = (value: unknown) => unknown;

/** The refusal of a text that is no time, quantity, duration or base64; its message is upstream's. */
export function isScalarError(error: unknown): error is Error {
  return error instanceof ScalarError || error instanceof QuantityError || error instanceof TimeError || error instanceof DurationError;
}

/** Kinds whose Go type reads its own JSON: their refusal ends decoding at once. Source: json.Unmarshaler. */
export const SELF_DECODING: ReadonlySet<ScalarKind> = new Set(['time', 'microTime', 'duration', 'quantity', 'intOrString']);

/** Go's zero value of a kind as the API writes it. */
export const ZERO: Readonly<Record<ScalarKind, string | number | boolean | null>> = {
  string: '',
  boolean: false,
  int32: 0,
  int64: 0,
  number: 0,
  bytes: null,
  time: null,
  microTime: null,
  duration: '0s',
  quantity: '0',
  intOrString: 0,
};

/** `goType` appears in refusals: `v1.Protocol`. Null never reaches a decoder. */
export function scalarDecoder(kind: ScalarKind, goType: string): ScalarDecoder {
  switch (kind) {
    case 'string':
      return (value) => {
        if (typeof value === 'string') return value;
        throw new TypeMismatch(jsonKind(value), goType);
      };
    case 'boolean':
      return (value) => {
        if (typeof value === 'boolean') return value;
        throw new TypeMismatch(jsonKind(value), goType);
      };
    case 'int32':
      return (value) => decodeInt(value, INT32_MIN, INT32_MAX, goType);
    case 'int64':
      return (value) => decodeInt64(value, goType);
    case 'number':
      return (value) => {
        if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
        if (value instanceof WrittenNumber) return finite(value, goType);
        throw new TypeMismatch(jsonKind(value), goType);
      };
    case 'bytes':
      return (value) => {
        if (typeof value === 'string') return decodeBase64(value);
        if (Array.isArray(value)) return bytesOf(value);
        throw new TypeMismatch(jsonKind(value), goType);
      };
    case 'time':
      return (value) => decodeTime(asText(value));
    case 'microTime':
      return (value) => decodeMicroTime(asText(value));
    case 'duration':
      return (value) => formatDurationNs(parseDurationNs(asText(value)));
    case 'quantity':
      return decodeQuantity;
    case 'intOrString':
      return (value) => (typeof value === 'string' ? value : decodeInt(value, INT32_MIN, INT32_MAX, 'int32'));
  }
}

/** Base64 of bytes given as numbers, which Go takes too; a null is a zero. @throws TypeMismatch for the first that is none */
function bytesOf(list: readonly unknown[]): string {
  const bytes = list.map((item) => {
    const value = item instanceof WrittenNumber ? Number(item.text) : (item ?? 0);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 255) throw unfit(item, 'uint8');
    return value;
  });
  return Buffer.from(bytes).toString('base64');
}

/** @throws TypeMismatch for what is beyond a double. Source: strconv.ParseFloat ErrRange */
function finite(value: WrittenNumber, goType: string): number {
  const number = Number(value.text);
  if (Number.isFinite(number)) return number;
  throw unfit(value, goType);
}

function decodeInt(value: unknown, min: number, max: number, goType: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value === 0 ? 0 : value; // -0 is 0
  throw unfit(value, goType);
}

/** A number as long as that is exact, otherwise a bigint. */
function decodeInt64(value: unknown, goType: string): number | bigint {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : (value as number);
  // A number beyond was computed in this process, or comes from a text that is read without regard for bigints.
  const wide = typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined;
  if (wide === undefined || wide > INT64_MAX || wide < INT64_MIN) throw unfit(value, goType);
  return wide >= -MAX_SAFE && wide <= MAX_SAFE ? Number(wide) : wide;
}

function unfit(value: unknown, goType: string): TypeMismatch {
  const text = value instanceof WrittenNumber ? value.text : typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
  return new TypeMismatch(text === undefined ? jsonKind(value) : `number ${text}`, goType);
}

/** Time types read a Go string first, so a wrong type is reported against string. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeMismatch(jsonKind(value), 'string');
}

function decodeQuantity(value: unknown): string {
  return quantityFromJson(typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)).toString();
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Standard base64 in its canonical spelling. Source: base64.StdEncoding (line breaks are skipped). */
export function decodeBase64(text: string): string {
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    const compact = text.replace(/[\r\n]/g, '');
    if (compact.length % 4 !== 0 || !BASE64.test(compact)) throw new ScalarError(`illegal base64 data at input byte ${corruptAt(text)}`);
    return canonicalPadding(compact);
  }
  return canonicalPadding(text);
}

/** The bits behind the last byte may be anything; written back they are zero. */
function canonicalPadding(text: string): string {
  if (!text.endsWith('=')) return text;
  const tail = text.slice(-4);
  return text.slice(0, -4) + Buffer.from(tail, 'base64').toString('base64');
}

/** Where Go's decoder gives up. Source: base64.Encoding.decodeQuantum. */
function corruptAt(text: string): number {
  let inQuantum = 0;
  let at = 0;
  const skipBreaks = (): void => {
    while (text[at] === '\n' || text[at] === '\r') at++;
  };
  for (skipBreaks(); at < text.length; skipBreaks()) {
    const char = text.charCodeAt(at);
    if (char === 0x3d) {
      if (inQuantum < 2) return at;
      at++;
      if (inQuantum === 2) {
        skipBreaks();
        if (at === text.length) return text.length;
        if (text[at] !== '=') return at - 1;
        at++;
      }
      skipBreaks();
      return at;
    }
    if (!/[A-Za-z0-9+/]/.test(text.charAt(at))) return at;
    inQuantum = (inQuantum + 1) % 4;
    at++;
  }
  return at - inQuantum;
}
