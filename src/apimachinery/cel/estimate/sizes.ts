// Ranges of sizes and costs; all arithmetic saturates at 2^64. Source: cel-go checker/cost.go SizeEstimate, CostEstimate.

/** From `min` to `max`: of a size or of a cost. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** More than any size or cost. */
export const MOST = 2 ** 64;

const saturate = (value: number): number => Math.min(value, MOST);

export const fixed = (value: number): Range => ({ min: value, max: value });
export const UNKNOWN: Range = { min: 0, max: MOST };
export const NOTHING: Range = fixed(0);

export const plus = (a: Range, b: Range): Range => ({ min: saturate(a.min + b.min), max: saturate(a.max + b.max) });
export const times = (a: Range, b: Range): Range => ({ min: saturate(a.min * b.min), max: saturate(a.max * b.max) });
/** Each bound by `factor`, rounded up. */
export const scaled = (a: Range, factor: number): Range => ({
  min: saturate(Math.ceil(a.min * factor)),
  max: saturate(Math.ceil(a.max * factor)),
});
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
export const total = (ranges: readonly Range[]): Range => ranges.reduce(plus, NOTHING);
