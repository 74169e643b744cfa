// pure
// The status a ReplicaSet should show. Source: replica_set_utils.go calculateStatus.
import { findCondition, removeCondition, sameConditions, setCondition } from '#api/conditions.ts';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminating } from '#api/pods.ts';
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '#api/types.ts';
import { selectorFromSet } from '#apimachinery/labels.ts';
import type { Observed } from './plan.ts';

/** `failure` is what the server said to a create or delete of this pass. */
export function replicaSetStatus({ rs, owned, now }: Observed, failure: Error | undefined): ReplicaSetStatus {
  const active = owned.filter(isPodActive);
  const template = selectorFromSet(rs.spec.template.metadata.labels);
  const ready = active.filter(isPodReady);
  const conditions = failureCondition(rs, active.length, failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => template.matches(pod.metadata.labels)).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, rs.spec.minReadySeconds ?? 0, now)).length,
    terminatingReplicas: owned.filter(isPodTerminating).length,
    observedGeneration: rs.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** ReplicaFailure stays until a pass without a refusal. */
function failureCondition(rs: ReplicaSet, active: number, failure: Error | undefined, now: number): readonly ReplicaSetCondition[] {
  const conditions = rs.status.conditions ?? [];
  if (failure === undefined) return removeCondition(conditions, 'ReplicaFailure');
  if (findCondition(conditions, 'ReplicaFailure') !== undefined) return conditions;
  const reason = active < rs.spec.replicas ? 'FailedCreate' : 'FailedDelete';
  return setCondition(
    conditions,
    { type: 'ReplicaFailure', status: 'True', reason, message: failure.message, lastTransitionTime: null },
    now,
  );
}

/** Whether writing `next` would change anything. */
export function sameStatus(rs: ReplicaSet, next: ReplicaSetStatus): boolean {
  const { status } = rs;
  return (
    status.replicas === next.replicas &&
    (status.fullyLabeledReplicas ?? 0) === next.fullyLabeledReplicas &&
    (status.readyReplicas ?? 0) === next.readyReplicas &&
    (status.availableReplicas ?? 0) === next.availableReplicas &&
    (status.terminatingReplicas ?? 0) === (next.terminatingReplicas ?? 0) &&
    status.observedGeneration === next.observedGeneration &&
    sameConditions(status.conditions, next.conditions)
  );
}
