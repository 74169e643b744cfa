// pure
// The status a DaemonSet should show. Source: daemon_controller.go updateDaemonSetStatus.
import { isPodAvailable, isPodReady } from '#api/pods.ts';
import type { DaemonSetStatus } from '#api/types.ts';
import { isUpdated } from './daemon-pod.ts';
import { type Observed, olderFirst, placesOf } from './plan.ts';

/** `settled`: this pass acted on the present generation. */
export function daemonSetStatus(observed: Observed, collisionCount: number | undefined, settled: boolean): DaemonSetStatus {
  const { ds, hash, now } = observed;
  const places = placesOf(observed);
  const wanted = places.filter(({ run }) => run);
  const first = wanted.flatMap(({ pods }) => pods.toSorted(olderFirst)[0] ?? []);
  const available = first.filter((pod) => isPodAvailable(pod, ds.spec.minReadySeconds ?? 0, now)).length;
  const { conditions, observedGeneration = 0 } = ds.status;
  return {
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: first.length,
    numberMisscheduled: places.filter(({ run, pods }) => !run && pods.length > 0).length,
    numberReady: first.filter(isPodReady).length,
    updatedNumberScheduled: first.filter((pod) => isUpdated(ds, pod, hash)).length,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
    observedGeneration: settled ? (ds.metadata.generation ?? 0) : observedGeneration,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

const COUNTS = [
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'numberMisscheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

export function sameStatus(a: DaemonSetStatus, b: DaemonSetStatus): boolean {
  return COUNTS.every((count) => (a[count] ?? 0) === (b[count] ?? 0)) && (a.observedGeneration ?? 0) >= (b.observedGeneration ?? 0);
}
