// pure
// The status a StatefulSet should show. Source: stateful_set_control.go updateStatus, completeRollingUpdate.
import { isPodAvailable, isPodReady } from '#api/pods.ts';
import type { StatefulSetStatus } from '#api/types.ts';
import { revisionOf } from './identity.ts';
import type { Observed } from './plan.ts';

/** `updating`: how many pods of the current revision this pass deleted to update them. */
export function statefulSetStatus(
  { set, pods, current, update, now }: Observed,
  collisionCount: number,
  updating: number,
): StatefulSetStatus {
  const { replicas, minReadySeconds = 0, updateStrategy } = set.spec;
  const ready = pods.filter((pod) => pod.status.phase === 'Running' && isPodReady(pod));
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ofRevision = (name: string): number => staying.filter((pod) => revisionOf(pod) === name).length;
  const updated = ofRevision(update.name);
  const status = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReadySeconds, now)).length,
    currentReplicas: Math.max(0, ofRevision(current.name) - updating),
    updatedReplicas: updated,
    currentRevision: current.name,
    updateRevision: update.name,
    collisionCount,
    ...(set.status.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
  const complete = updateStrategy.type === 'RollingUpdate' && updated === replicas && ready.length === replicas && pods.length === replicas;
  return complete ? { ...status, currentReplicas: updated, currentRevision: update.name } : status;
}

/** Source: inconsistentStatus. */
export function sameStatus(a: StatefulSetStatus, b: StatefulSetStatus): boolean {
  return (
    (a.observedGeneration ?? 0) >= (b.observedGeneration ?? 0) &&
    a.replicas === b.replicas &&
    (a.readyReplicas ?? 0) === b.readyReplicas &&
    a.availableReplicas === b.availableReplicas &&
    (a.currentReplicas ?? 0) === b.currentReplicas &&
    (a.updatedReplicas ?? 0) === b.updatedReplicas &&
    a.currentRevision === b.currentRevision &&
    a.updateRevision === b.updateRevision &&
    (a.collisionCount ?? 0) === b.collisionCount
  );
}
