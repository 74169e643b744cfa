// pure
// How many pods a roll-out may have too many or too few. Source: deployment/util ResolveFenceposts.
import { scaledValue } from '#api/int-or-percent.ts';
import type { Deployment } from '#api/types.ts';

export interface Bounds {
  readonly maxSurge: number;
  /** Never more than the wanted replicas. */
  readonly maxUnavailable: number;
}

export function boundsOf({ spec }: Deployment): Bounds {
  if (spec.strategy.type !== 'RollingUpdate' || spec.strategy.rollingUpdate === undefined) return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge, maxUnavailable } = spec.strategy.rollingUpdate;
  const surge = scaledValue(maxSurge, spec.replicas, 'up');
  const unavailable = scaledValue(maxUnavailable, spec.replicas, 'down');
  // Percentages of few replicas may both come to nothing; then nothing could ever move.
  return { maxSurge: surge, maxUnavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, spec.replicas) };
}
