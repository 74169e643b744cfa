// A number, or a percentage of another: `3`, `25%`. Source: intstr.GetScaledValueFromIntOrPercent.
import { goQuote } from '#apimachinery/go-format.ts';

/** A string that is no percentage; the message is upstream's. */
export class PercentError extends Error {
  override readonly name = 'PercentError';
}

/** Leading zeros and a sign are fine: Go's Atoi takes them. */
const INTEGER = /^[+-]?\d+$/;

/** The percentage in `25%`. @throws PercentError for another string */
export function parsePercent(text: string): number {
  if (!text.endsWith('%')) throw new PercentError('invalid value for IntOrString: invalid type: string is not a percentage');
  const digits = text.slice(0, -1);
  if (!INTEGER.test(digits)) {
    throw new PercentError(
      `invalid value for IntOrString: invalid value ${goQuote(text)}: strconv.Atoi: parsing ${goQuote(digits)}: invalid syntax`,
    );
  }
  return Number(digits);
}

/** A number as it is; a percentage of `total`, rounded as told. @throws PercentError */
export function scaledValue(value: number | string, total: number, rounding: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const share = (parsePercent(value) * total) / 100;
  return rounding === 'up' ? Math.ceil(share) : Math.floor(share);
}
