// pure
// How well the devices of containers are, in the pod's status. Source: UpdateAllocatedResourcesStatus.
import type { ResourceStatus } from '#api/gen/core-v1.ts';
import type { UndatedStatus } from './pod-status.ts';

/** `healthOf`: by name of a container of the pod's. */
export function withResourceHealth(status: UndatedStatus, healthOf: (container: string) => readonly ResourceStatus[]): UndatedStatus {
  const { containerStatuses } = status;
  if (containerStatuses === undefined) return status;
  return {
    ...status,
    containerStatuses: containerStatuses.map((each) => {
      const health = healthOf(each.name);
      return health.length === 0 ? each : { ...each, allocatedResourcesStatus: health };
    }),
  };
}
