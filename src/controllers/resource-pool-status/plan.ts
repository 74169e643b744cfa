// pure
// How many devices the pools of a driver have, and how many of them claims have. Source:
// pkg/controller/resourcepoolstatusrequest controller.go calculatePoolStatus, shouldDeleteRequest.
import { newestSlices } from '#api/resource-slices.ts';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { PoolStatus, ResourcePoolStatusRequest } from '#api/gen/resource-v1alpha3.ts';
import { findCondition } from '#api/conditions.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';

/** After the answer, and without one. Source: completedRequestTTL, pendingRequestTTL. */
const ANSWERED_MS = 60 * 60 * 1000;
const PENDING_MS = 24 * ANSWERED_MS;
/** In characters; those of names are one byte each. Source: maxBytes of PoolStatus.validationError. */
const MAX_ERROR = 256;

type Status = NonNullable<ResourcePoolStatusRequest['status']>;

export interface Answer {
  readonly status: Status;
  /** Slices of a pool that is shown are missing: its driver may be publishing. */
  readonly isIncomplete: boolean;
}

export function answer(
  { spec: { driver, poolName, limit } }: ResourcePoolStatusRequest,
  slices: Iterable<ResourceSlice>,
  claims: Iterable<ResourceClaim>,
  now: number,
): Answer {
  const wanted = [...slices].filter(
    ({ spec }) => spec.driver === driver && (poolName === undefined || poolName === '' || spec.pool.name === poolName),
  );
  const taken = new Map<string, number>();
  for (const { status } of claims)
    for (const result of status.allocation?.devices?.results ?? [])
      if (result.driver === driver) taken.set(result.pool, (taken.get(result.pool) ?? 0) + 1);
  const all = [...Map.groupBy(wanted, ({ spec }) => spec.pool.name)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, published]) => poolStatus(driver, name, published, taken.get(name) ?? 0));
  const pools = all.slice(0, limit);
  const incomplete = pools.filter(({ validationError }) => validationError !== undefined).length;
  const message = `Calculated status for ${pools.length} pools${incomplete === 0 ? '' : ` (${incomplete} incomplete)`}`;
  const condition = {
    type: 'Complete',
    status: 'True',
    reason: 'CalculationComplete',
    message,
    lastTransitionTime: formatTime(now),
  } as const;
  return { status: { poolCount: all.length, pools, conditions: [condition] }, isIncomplete: incomplete > 0 };
}

/** Slices of generations before the newest are about to go. Taints and health of devices do not count yet. */
function poolStatus(driver: string, poolName: string, published: readonly ResourceSlice[], taken: number): PoolStatus {
  const slices = newestSlices(published);
  const generation = Number(slices[0]?.spec.pool.generation);
  const [nodeName = '', ...others] = new Set(slices.map(({ spec }) => spec.nodeName ?? ''));
  const head = { driver, poolName, generation, ...(nodeName === '' || others.length > 0 ? {} : { nodeName }) };
  const expected = Number(slices[0]?.spec.pool.resourceSliceCount ?? 0);
  if (slices.length < expected) {
    const fault = `pool ${driver}/${poolName} is incomplete: observed ${slices.length}/${expected} slices at generation ${generation}`;
    return { ...head, validationError: fault.slice(0, MAX_ERROR) };
  }
  const totalDevices = slices.reduce((sum, { spec }) => sum + (spec.devices?.length ?? 0), 0);
  return {
    ...head,
    resourceSliceCount: slices.length,
    totalDevices,
    allocatedDevices: taken,
    availableDevices: Math.max(0, totalDevices - taken),
    unavailableDevices: 0,
  };
}

export const isAnswered = ({ status }: ResourcePoolStatusRequest): boolean => status !== undefined;

/** Milliseconds since the epoch. */
export function removalTime({ metadata, status }: ResourcePoolStatusRequest): number {
  const made = parseTime(metadata.creationTimestamp ?? '');
  if (status === undefined) return made + PENDING_MS;
  const last = findCondition(status.conditions, 'Complete') ?? findCondition(status.conditions, 'Failed');
  return (
    (last?.lastTransitionTime === undefined || last.lastTransitionTime === null ? made : parseTime(last.lastTransitionTime)) + ANSWERED_MS
  );
}
