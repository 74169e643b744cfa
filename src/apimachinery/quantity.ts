// Resource quantities: `100m`, `1.5Gi`, `12e6`. Immutable decimals with the family their suffix came from.
// Source: apimachinery pkg/api/resource (Quantity, suffixer, int64Amount, infDecAmount).

import { digits, order, scaleDown, scaleUp, shrink, sum, type Int } from './decimal-int.ts';
import {
  BINARY_SUFFIX,
  DECIMAL_SUFFIX,
  FORMAT_WRONG,
  interpret,
  MAX_INT64,
  QuantityError,
  requireDigit,
  scan,
  type QuantityFormat,
} from './quantity-text.ts';

/** Most decimal digits that are kept without rounding below one: nano. Source: resource.Nano. */
const NANO = -9;
const MILLI = -3;
/** Digits an int64 holds for certain. Source: maxInt64Factors. */
const MAX_INT64_DIGITS = 18;
/** Exponents further apart than this are not brought to one scale: the smaller amount cannot be seen beside the larger. */
const MAX_SCALE_GAP = 4096;
/** Beyond this many decimal digits a value is read as infinite by `value()`. */
const MAX_FLOAT_EXPONENT = 330;

/** An exact decimal amount, `mantissa * 10^exponent`. Source: resource.Quantity. */
export class Quantity {
  readonly mantissa: Int;
  readonly exponent: number;
  readonly format: QuantityFormat;
  #text: string | undefined;

  /** `text` is given only where it is known to be what toString would have to answer. */
  constructor(mantissa: Int, exponent: number, format: QuantityFormat, text?: string) {
    this.mantissa = mantissa;
    this.exponent = exponent;
    this.format = format;
    this.#text = text;
  }

  /** A whole number. Source: NewQuantity. */
  static of(value: Int, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(value, 0, format);
  }

  /** Thousandths. Source: NewMilliQuantity. */
  static milli(value: Int, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(value, MILLI, format);
  }

  get isZero(): boolean {
    return this.mantissa === 0 || this.mantissa === 0n;
  }

  sign(): -1 | 0 | 1 {
    return this.mantissa > 0 ? 1 : this.mantissa < 0 ? -1 : 0;
  }

  /** Whole units, rounded away from zero; exact while below 2^53. */
  value(): number {
    return this.exponent === 0 ? Number(this.mantissa) : this.scaled(0);
  }

  /** Thousandths, rounded away from zero: millicores of a CPU quantity. */
  milliValue(): number {
    if (typeof this.mantissa === 'number') {
      if (this.exponent === MILLI) return this.mantissa;
      if (this.exponent === 0) return this.mantissa * 1000;
    }
    return this.scaled(MILLI);
  }

  /** Units of `10^scale`, rounded away from zero. Source: ScaledValue. */
  scaled(scale: number): number {
    if (this.isZero) return 0;
    const power = this.exponent - scale;
    if (power < 0) return Number(scaleDown(this.mantissa, -power).result);
    if (power + digits(this.mantissa) > MAX_FLOAT_EXPONENT) return this.sign() * Infinity;
    return Number(scaleUp(this.mantissa, power));
  }

  /** Whole units as a bigint, rounded away from zero; within ±2^63. */
  bigValue(): bigint {
    if (this.exponent < 0) return BigInt(scaleDown(this.mantissa, -this.exponent).result);
    if (this.exponent + digits(this.mantissa) > 20) return this.sign() < 0 ? -MAX_INT64 : BigInt(this.sign()) * MAX_INT64;
    const exact = BigInt(scaleUp(this.mantissa, this.exponent));
    return exact > MAX_INT64 ? MAX_INT64 : exact < -MAX_INT64 ? -MAX_INT64 : exact;
  }

  /** The nearest float. Source: AsApproximateFloat64. */
  asFloat(): number {
    return this.exponent === 0 ? Number(this.mantissa) : Number(`${this.mantissa}e${this.exponent}`);
  }

  /** -1, 0 or 1 as this is less than, equal to or more than `other`, whatever their formats. */
  cmp(other: Quantity): -1 | 0 | 1 {
    if (this.exponent === other.exponent) return order(this.mantissa, other.mantissa);
    const signs = order(this.sign(), other.sign());
    if (signs !== 0 || this.sign() === 0) return signs;
    const gap = this.exponent - other.exponent;
    if (Math.abs(gap) > MAX_SCALE_GAP) {
      const larger = order(this.exponent + digits(this.mantissa), other.exponent + digits(other.mantissa));
      return this.sign() > 0 ? larger : order(0, larger);
    }
    return gap > 0 ? order(scaleUp(this.mantissa, gap), other.mantissa) : order(this.mantissa, scaleUp(other.mantissa, -gap));
  }

  equals(other: Quantity): boolean {
    return this.cmp(other) === 0;
  }

  /** The sum, in this one's format; zero takes the other's. Source: Quantity.Add. */
  add(other: Quantity): Quantity {
    const format = this.isZero ? other.format : this.format;
    if (other.isZero) return this.isZero ? new Quantity(0, 0, format) : this;
    if (this.isZero) return new Quantity(other.mantissa, other.exponent, format);
    const gap = this.exponent - other.exponent;
    if (gap > MAX_SCALE_GAP) return this;
    if (gap < -MAX_SCALE_GAP) return new Quantity(other.mantissa, other.exponent, format);
    const a = gap > 0 ? scaleUp(this.mantissa, gap) : this.mantissa;
    const b = gap < 0 ? scaleUp(other.mantissa, -gap) : other.mantissa;
    return new Quantity(sum(a, b), Math.min(this.exponent, other.exponent), format);
  }

  /** The difference; format as for add. Source: Quantity.Sub. */
  sub(other: Quantity): Quantity {
    return this.add(other.neg());
  }

  neg(): Quantity {
    return new Quantity(this.isZero ? 0 : -this.mantissa, this.exponent, this.format);
  }

  /** Times a whole number. Source: Quantity.Mul. */
  mul(factor: Int): Quantity {
    return new Quantity(shrink(BigInt(this.mantissa) * BigInt(factor)), this.exponent, this.format);
  }

  /** Rounded away from zero to a multiple of `10^scale`. Source: RoundUp. */
  roundUp(scale: number): Quantity {
    if (this.exponent >= scale) return this;
    return new Quantity(scaleDown(this.mantissa, scale - this.exponent).result, scale, this.format);
  }

  /** The canonical form, as stored and served. Source: CanonicalizeBytes. */
  toString(): string {
    this.#text ??= this.#canonical();
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  #canonical(): string {
    if (this.isZero) return '0';
    if (this.format === 'BinarySI') {
      const binary = this.#binary();
      if (binary !== undefined) return binary;
    }
    return this.#decimal(this.format === 'DecimalExponent');
  }

  /** Undefined where a binary form would be small or lose a fraction: then the decimal one is used. */
  #binary(): string | undefined {
    const whole =
      this.exponent < 0 ? scaleDown(this.mantissa, -this.exponent) : { result: scaleUp(this.mantissa, this.exponent), exact: true };
    let amount = whole.result;
    if (!whole.exact || (amount > -1024 && amount < 1024)) return undefined;
    let exponent = 0;
    if (typeof amount === 'number') {
      for (; amount % 1024 === 0; exponent += 10) amount /= 1024;
    } else {
      for (; amount % 1024n === 0n; exponent += 10) amount /= 1024n;
    }
    return `${amount}${BINARY_SUFFIX.get(exponent) ?? ''}`;
  }

  #decimal(scientific: boolean): string {
    let exponent = this.exponent;
    let amount = this.mantissa;
    if (typeof amount === 'number') {
      for (; amount % 10 === 0; exponent++) amount /= 10;
    } else {
      for (; amount % 10n === 0n; exponent++) amount /= 10n;
    }
    const excess = ((exponent % 3) + 3) % 3;
    amount = scaleUp(amount, excess);
    exponent -= excess;
    if (scientific) return exponent === 0 ? `${amount}` : `${amount}e${exponent}`;
    // An amount past the last suffix loses it, as upstream's does.
    return `${amount}${DECIMAL_SUFFIX.get(exponent) ?? ''}`;
  }
}

const ZERO = new Quantity(0, 0, 'DecimalSI', '0');

function parse(text: string): Quantity {
  if (text === '') throw new QuantityError(FORMAT_WRONG);
  if (text === '0') return ZERO;
  const { positive, num, denom, suffix } = scan(text);
  const { base, exponent, format } = interpret(suffix);

  const shifted = num + denom;
  const unsigned: Int = shifted.length <= 15 ? Number(shifted) : shrink(BigInt(shifted));
  const amount = unsigned === 0 ? 0 : positive ? unsigned : -unsigned;
  const places = denom.length;

  if (base === 10) {
    const scale = exponent - places;
    if (scale < NANO) {
      requireDigit(text, suffix);
      if (amount === 0) return new Quantity(0, 0, format);
      return new Quantity(scaleDown(amount, NANO - scale).result, NANO, format);
    }
    // The text is kept where upstream takes it for canonical, signs and leading zeros included.
    const kept = shifted.length <= MAX_INT64_DIGITS && scale % 3 === 0 && !shifted.endsWith('000') && shifted[0] !== '0';
    return new Quantity(amount, scale, format, kept ? text : undefined);
  }

  const bytes = typeof amount === 'number' && exponent < 50 ? amount * 2 ** exponent : NaN;
  const product: Int = Number.isSafeInteger(bytes) ? bytes : shrink(BigInt(amount) << BigInt(exponent));
  if (places === 0) {
    // Source: the fast path of ParseQuantity, with its estimate of an exponent's decimal digits.
    const fast = 15 - num.length - Math.trunc(Math.fround((Math.fround(exponent) * 3) / 10)) - 1 >= 0;
    if (!fast) requireDigit(text, suffix);
    if (product > MAX_INT64) return new Quantity(MAX_INT64, 0, format);
    if (product < -MAX_INT64) return new Quantity(-MAX_INT64, 0, format);
    const kept = fast && Number(unsigned) % 8 !== 0;
    return new Quantity(product, 0, format, kept ? text : undefined);
  }
  const rounded = places > -NANO ? scaleDown(product, places + NANO).result : product;
  const scaled = new Quantity(rounded, Math.max(-places, NANO), format);
  const magnitude = scaled.sign() < 0 ? scaled.neg() : scaled;
  if (magnitude.cmp(MAX_BINARY) > 0) return new Quantity(scaled.sign() < 0 ? -MAX_INT64 : MAX_INT64, 0, format);
  // Less than one byte can only be said in decimal.
  return magnitude.cmp(ONE) < 0 && !scaled.isZero ? new Quantity(scaled.mantissa, scaled.exponent, 'DecimalSI') : scaled;
}

const ONE = new Quantity(1, 0, 'DecimalSI');
const MAX_BINARY = new Quantity(MAX_INT64, 0, 'BinarySI');

/** Clusters use few distinct quantities: parsed ones are shared. Bounded by starting over. */
const PARSED_LIMIT = 4096;
const parsed = new Map<string, Quantity>();

/**
 * Reads `text`: a decimal number and a suffix of one family (`n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei`, `e3`).
 * @throws QuantityError with upstream's text
 */
export function parseQuantity(text: string): Quantity {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const quantity = parse(text);
  if (text.length <= 32) {
    if (parsed.size >= PARSED_LIMIT) parsed.clear();
    parsed.set(text, quantity);
  }
  return quantity;
}

/** As it comes in JSON: a string, with white space around it allowed, or a plain number. @throws QuantityError */
export function quantityFromJson(value: string | number): Quantity {
  return parseQuantity(typeof value === 'string' ? value.trim() : String(value));
}

/** Whole units of a stored quantity, rounded up; 0 when absent. */
export function quantityValue(text: string | undefined): number {
  return text === undefined ? 0 : parseQuantity(text).value();
}

/** Thousandths of a stored quantity, rounded up; 0 when absent. */
export function quantityMilliValue(text: string | undefined): number {
  return text === undefined ? 0 : parseQuantity(text).milliValue();
}
