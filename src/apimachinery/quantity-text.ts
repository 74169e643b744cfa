// How quantities are written: suffixes, and a text taken apart. Source: apimachinery pkg/api/resource suffixer.go, quantity.go.

/** Which suffixes a quantity is written with. Source: resource.Format. */
export type QuantityFormat = 'DecimalExponent' | 'BinarySI' | 'DecimalSI';

/** Source: resource.ErrFormatWrong, ErrNumeric, ErrSuffix. */
export const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NO_NUMBER = 'unable to parse numeric part of quantity';
const BAD_SUFFIX = "unable to parse quantity's suffix";

/** Text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

export const MAX_INT64 = 2n ** 63n - 1n;
interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

const SUFFIXES: ReadonlyMap<string, Suffix> = new Map<string, Suffix>([
  ...['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'].map((s, i): [string, Suffix] => [
    s,
    { base: 10, exponent: i * 3 - 9, format: 'DecimalSI' },
  ]),
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((s, i): [string, Suffix] => [s, { base: 2, exponent: (i + 1) * 10, format: 'BinarySI' }]),
]);
export const DECIMAL_SUFFIX: ReadonlyMap<number, string> = new Map(
  [...SUFFIXES].filter(([, s]) => s.base === 10).map(([text, s]) => [s.exponent, text]),
);
export const BINARY_SUFFIX: ReadonlyMap<number, string> = new Map(
  [...SUFFIXES].filter(([, s]) => s.base === 2).map(([text, s]) => [s.exponent, text]),
);

interface Scanned {
  readonly positive: boolean;
  /** Digits before the point, without leading zeros; `0` when there are none. */
  readonly num: string;
  /** Digits after the point. */
  readonly denom: string;
  readonly suffix: string;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Source: parseQuantityString. */
export function scan(text: string): Scanned {
  const end = text.length;
  let pos = 0;
  const positive = text[0] !== '-';
  if (text[0] === '-' || text[0] === '+') pos++;
  while (pos < end && text[pos] === '0') pos++;
  if (pos >= end) return { positive, num: '0', denom: '', suffix: '' };
  let start = pos;
  while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
  const num = pos === start ? '0' : text.slice(start, pos);
  let denom = '';
  if (pos < end && text[pos] === '.') {
    start = ++pos;
    while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
    denom = text.slice(start, pos);
  }
  const suffixStart = pos;
  while (pos < end && 'eEinumkKMGTP'.includes(text[pos] as string)) pos++;
  if (pos < end && (text[pos] === '-' || text[pos] === '+')) pos++;
  while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
  if (pos < end) throw new QuantityError(FORMAT_WRONG);
  return { positive, num, denom, suffix: text.slice(suffixStart) };
}

/** Source: suffixHandler.interpret. */
export function interpret(suffix: string): Suffix {
  const known = SUFFIXES.get(suffix);
  if (known !== undefined) return known;
  if (!/^[eE][+-]?[0-9]+$/.test(suffix)) throw new QuantityError(BAD_SUFFIX);
  const exponent = BigInt(suffix[1] === '+' ? suffix.slice(2) : suffix.slice(1));
  if (exponent > MAX_INT64 || exponent < -MAX_INT64 - 1n) throw new QuantityError(BAD_SUFFIX);
  return { base: 10, exponent: Number(BigInt.asIntN(32, exponent)), format: 'DecimalExponent' };
}

/** Upstream takes `m` and `.` for zero where its fast path reads them, and refuses them elsewhere. */
export function requireDigit(text: string, suffix: string): void {
  if (!/[0-9]/.test(text.slice(0, text.length - suffix.length))) throw new QuantityError(NO_NUMBER);
}
