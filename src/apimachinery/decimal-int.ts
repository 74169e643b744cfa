// Whole numbers of any size: numbers while those are exact, bigints beyond.

export type Int = number | bigint;

/** A bigint that fits becomes a number, so that most arithmetic stays on numbers. */
export function shrink(value: bigint): Int {
  return value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : value;
}

/** `value * 10^power`, power ≥ 0. */
export function scaleUp(value: Int, power: number): Int {
  if (power === 0) return value;
  if (typeof value === 'number') {
    const product = value * 10 ** power;
    if (Number.isSafeInteger(product)) return product;
  }
  return shrink(BigInt(value) * 10n ** BigInt(power));
}

/** `value / 10^power` rounded away from zero, power > 0, and whether nothing was lost. */
export function scaleDown(value: Int, power: number): { readonly result: Int; readonly exact: boolean } {
  if (power > digits(value)) return value === 0 ? { result: 0, exact: true } : { result: value > 0 ? 1 : -1, exact: false };
  const divisor = 10n ** BigInt(power);
  const big = BigInt(value);
  const quotient = big / divisor;
  const exact = quotient * divisor === big;
  return { result: shrink(exact ? quotient : big > 0n ? quotient + 1n : quotient - 1n), exact };
}

export function digits(value: Int): number {
  return (value < 0 ? -value : value).toString().length;
}

export function order(a: Int, b: Int): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function sum(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const total = a + b;
    if (Number.isSafeInteger(total)) return total;
  }
  return shrink(BigInt(a) + BigInt(b));
}
