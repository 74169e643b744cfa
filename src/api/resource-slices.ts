// pure
// Slices by which drivers publish a pool of devices.
import type { ResourceSlice } from './gen/resource-v1.ts';

/** Of a pool's slices those of its newest generation: the others are about to go. */
export function newestSlices(slices: readonly ResourceSlice[]): readonly ResourceSlice[] {
  const generation = Math.max(...slices.map(({ spec }) => Number(spec.pool.generation)));
  return slices.filter(({ spec }) => Number(spec.pool.generation) === generation);
}
