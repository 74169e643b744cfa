// pure
// The counts and conditions a Deployment should show. Source: sync.go calculateStatus, progress.go.
import { findCondition, removeCondition, sameConditions } from '#api/conditions.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '#api/types.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';
import { boundsOf } from './bounds.ts';
import { sum } from './replica-sets.ts';

/** What happened in this pass that the Progressing condition tells of. */
export type Progress =
  | { readonly kind: 'none' }
  | { readonly kind: 'created'; readonly name: string }
  | { readonly kind: 'createFailed'; readonly name: string; readonly why: string };

export interface StatusInput {
  readonly deployment: Deployment;
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly progress: Progress;
  /** One more than before when the new ReplicaSet's name was taken by another template. */
  readonly collisionCount: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Of a Deployment that waits for its deadline no event comes: look again then. */
export interface StatusOutput {
  readonly status: DeploymentStatus;
  readonly lookAgainAfterMs?: number;
}

/** Source: HasProgressDeadline: the largest 32-bit number means none. */
const NO_DEADLINE = 2 ** 31 - 1;

export function deploymentStatus({ deployment, current, old, progress, collisionCount, now }: StatusInput): StatusOutput {
  const all = [...old, ...(current === undefined ? [] : [current])];
  const available = sum(all, (rs) => rs.status.availableReplicas);
  const total = sum(all, (rs) => rs.spec.replicas);
  const counts = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum(all, (rs) => rs.status.replicas),
    updatedReplicas: current?.status.replicas ?? 0,
    readyReplicas: sum(all, (rs) => rs.status.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total - available),
    terminatingReplicas: sum(all, (rs) => rs.status.terminatingReplicas),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
  const before =
    deployment.spec.progressDeadlineSeconds === NO_DEADLINE
      ? removeCondition(deployment.status.conditions ?? [], 'Progressing')
      : (deployment.status.conditions ?? []);
  const conditions = [
    availableCondition(deployment, available),
    ...progressing({ deployment, current, old, progress, collisionCount, now }, counts),
  ].reduce((list, condition) => setCondition(list, condition, now), replicaFailure(before, current, old, now));
  const status = { ...counts, conditions };
  const deadline = deadlineIn(deployment, status, now);
  return deadline === undefined ? { status } : { status, lookAgainAfterMs: deadline };
}

/** Source: DeploymentComplete. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { replicas } = deployment.spec;
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

type Condition = Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'>;

function availableCondition(deployment: Deployment, available: number): Condition {
  return available >= deployment.spec.replicas - boundsOf(deployment).maxUnavailable
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

const progressingCondition = (status: string, reason: string, message: string): Condition => ({
  type: 'Progressing',
  status,
  reason,
  message,
});

/** Source: syncRolloutStatus, checkPausedConditions. */
function progressing({ deployment, current, progress, now }: StatusInput, next: DeploymentStatus): readonly Condition[] {
  if (deployment.spec.progressDeadlineSeconds === NO_DEADLINE) return [];
  const present = findCondition(deployment.status.conditions, 'Progressing');
  const paused = deployment.spec.paused === true;
  if (present?.reason !== 'ProgressDeadlineExceeded') {
    if (paused && present?.reason !== 'DeploymentPaused')
      return [progressingCondition('Unknown', 'DeploymentPaused', 'Deployment is paused')];
    if (!paused && present?.reason === 'DeploymentPaused')
      return [progressingCondition('Unknown', 'DeploymentResumed', 'Deployment is resumed')];
  }
  if (paused) return [];
  if (progress.kind === 'createFailed') {
    return [
      progressingCondition(
        'False',
        'ReplicaSetCreateError',
        `Failed to create new replica set ${JSON.stringify(progress.name)}: ${progress.why}`,
      ),
    ];
  }
  if (progress.kind === 'created')
    return [progressingCondition('True', 'NewReplicaSetCreated', `Created new replica set ${JSON.stringify(progress.name)}`)];
  if (present === undefined && current !== undefined) {
    return [progressingCondition('True', 'FoundNewReplicaSet', `Found new replica set ${JSON.stringify(current.metadata.name)}`)];
  }

  const subject =
    current === undefined
      ? `Deployment ${JSON.stringify(deployment.metadata.name)}`
      : `ReplicaSet ${JSON.stringify(current.metadata.name)}`;
  // A finished roll-out stays finished while pods come and go: only a new one opens it again.
  const resting =
    (next.replicas ?? 0) === (next.updatedReplicas ?? 0) && present?.reason === 'NewReplicaSetAvailable' && present.status === 'True';
  if (resting) return [];
  if (isComplete(deployment, next))
    return [progressingCondition('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`)];
  if (hasProgressed(deployment.status, next)) return [progressingCondition('True', 'ReplicaSetUpdated', `${subject} is progressing.`)];
  if (isTimedOut(deployment, next, now)) {
    return [progressingCondition('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`)];
  }
  return [];
}

/** Source: DeploymentProgressing. */
function hasProgressed(before: DeploymentStatus, next: DeploymentStatus): boolean {
  const n = (value: number | undefined): number => value ?? 0;
  return (
    n(next.updatedReplicas) > n(before.updatedReplicas) ||
    n(next.replicas) - n(next.updatedReplicas) < n(before.replicas) - n(before.updatedReplicas) ||
    n(next.readyReplicas) > n(before.readyReplicas) ||
    n(next.availableReplicas) > n(before.availableReplicas)
  );
}

/** Milliseconds since the epoch at which the roll-out is given up; undefined when none is waited for. Source: DeploymentTimedOut. */
function deadlineOf(deployment: Deployment, present: DeploymentCondition | undefined): number | undefined {
  if (present === undefined || present.lastUpdateTime === null || deployment.spec.progressDeadlineSeconds === NO_DEADLINE) return undefined;
  if (present.reason === 'NewReplicaSetAvailable' || present.reason === 'DeploymentPaused') return undefined;
  return parseTime(present.lastUpdateTime) + deployment.spec.progressDeadlineSeconds * 1000;
}

function isTimedOut(deployment: Deployment, next: DeploymentStatus, now: number): boolean {
  const present = findCondition(deployment.status.conditions, 'Progressing');
  if (present?.reason === 'ProgressDeadlineExceeded') return true;
  const deadline = deadlineOf(deployment, present);
  return deadline !== undefined && !isComplete(deployment, next) && deadline < now;
}

function deadlineIn(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const condition = findCondition(status.conditions, 'Progressing');
  if (condition?.reason === 'ProgressDeadlineExceeded' || isComplete(deployment, status)) return undefined;
  const deadline = deadlineOf(deployment, condition);
  // A second more: times on the wire are whole seconds.
  return deadline === undefined ? undefined : Math.max(0, deadline - now) + 1000;
}

/** What a ReplicaSet cannot do, the Deployment shows too. */
function replicaFailure(
  conditions: readonly DeploymentCondition[],
  current: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  now: number,
): readonly DeploymentCondition[] {
  const failing = [...(current === undefined ? [] : [current]), ...old]
    .map((rs) => findCondition(rs.status.conditions, 'ReplicaFailure'))
    .find((c) => c !== undefined);
  if (failing === undefined) return removeCondition(conditions, 'ReplicaFailure');
  return setCondition(
    conditions,
    { type: 'ReplicaFailure', status: failing.status, reason: failing.reason ?? '', message: failing.message ?? '' },
    now,
  );
}

/**
 * Unlike other kinds, a Deployment's condition notes when it was last confirmed; an equal status and reason keeps both
 * times, except for progress itself, which restarts the deadline. Source: SetDeploymentCondition.
 */
function setCondition(conditions: readonly DeploymentCondition[], condition: Condition, now: number): readonly DeploymentCondition[] {
  const old = findCondition(conditions, condition.type);
  if (old?.status === condition.status && old.reason === condition.reason && condition.reason !== 'ReplicaSetUpdated') return conditions;
  const time = formatTime(now);
  const next: DeploymentCondition = {
    ...condition,
    lastUpdateTime: time,
    lastTransitionTime: old?.status === condition.status ? old.lastTransitionTime : time,
  };
  return old === undefined ? [...conditions, next] : conditions.map((c) => (c === old ? next : c));
}

/** Whether writing `next` would change anything. */
export function sameStatus(present: DeploymentStatus, next: DeploymentStatus): boolean {
  const keys = [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ] as const;
  return keys.every((key) => (present[key] ?? 0) === (next[key] ?? 0)) && sameConditions(present.conditions, next.conditions);
}
