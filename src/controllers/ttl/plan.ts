// pure

/** Sizes of a cluster, which overlap so that one more node and one less do not change all of them. Source: ttlBoundaries. */
const STEPS: readonly { readonly from: number; readonly to: number; readonly seconds: number }[] = [
  { from: 0, to: 100, seconds: 0 },
  { from: 90, to: 500, seconds: 15 },
  { from: 450, to: 1000, seconds: 30 },
  { from: 900, to: 2000, seconds: 60 },
  { from: 1800, to: Infinity, seconds: 300 },
];

/** The step of a cluster of `nodes` that was at `step`. */
export function nextStep(step: number, nodes: number): number {
  let next = step;
  while (nodes > (STEPS[next]?.to ?? Infinity)) next++;
  while (nodes < (STEPS[next]?.from ?? 0)) next--;
  return next;
}

export const ttlSeconds = (step: number): number => STEPS[step]?.seconds ?? 0;
