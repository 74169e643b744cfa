// pure
// The next step of a Deployment: one kind of change a pass, as each must be seen before the next is decided.
// Source: pkg/controller/deployment sync.go, rolling.go, recreate.go.
import { isPodTerminal } from '#api/pods.ts';
import type { Deployment, Pod, ReplicaSet } from '#api/types.ts';
import { boundsOf } from './bounds.ts';
import { desiredReplicasOf, nextRevision, olderFirst, sortSets, sum } from './replica-sets.ts';
import { proportionalScale } from './scale-plan.ts';
import { isComplete } from './status.ts';

/** Everything one decision may look at. */
export interface Observed {
  readonly deployment: Deployment;
  /** ReplicaSets whose controller is the Deployment. */
  readonly owned: readonly ReplicaSet[];
  /** Pods of a ReplicaSet; asked only where a Recreate must know that the old ones have ended. */
  podsOf(rs: ReplicaSet): readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Scaling {
  readonly rs: ReplicaSet;
  readonly to: number;
}

export type Plan =
  | { readonly kind: 'steady' }
  | { readonly kind: 'create'; readonly replicas: number; readonly revision: bigint }
  | { readonly kind: 'scale'; readonly scalings: readonly Scaling[] }
  /** Old ReplicaSets beyond the history limit. */
  | { readonly kind: 'prune'; readonly sets: readonly ReplicaSet[] };

const STEADY: Plan = { kind: 'steady' };

export function planDeployment(observed: Observed): Plan {
  const { deployment, owned } = observed;
  if (deployment.metadata.deletionTimestamp !== undefined) return STEADY;
  const { current, old } = sortSets(deployment, owned);
  const active = owned.filter((rs) => rs.spec.replicas > 0);
  const scaling = active.some((rs) => (desiredReplicasOf(rs) ?? deployment.spec.replicas) !== deployment.spec.replicas);
  if (deployment.spec.paused === true || scaling) {
    const moved = scalings(proportionalScale(deployment, current, old));
    // A paused Deployment keeps its history short all the same.
    return moved.kind === 'steady' && deployment.spec.paused === true ? prune(observed, old) : moved;
  }
  return deployment.spec.strategy.type === 'Recreate' ? planRecreate(observed, current, old) : planRolling(observed, current, old);
}

/** Source: rolloutRolling. */
function planRolling(observed: Observed, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): Plan {
  const { deployment } = observed;
  if (current === undefined) return { kind: 'create', replicas: newReplicas(deployment, 0, old), revision: nextRevision(old) };
  if (current.spec.replicas !== deployment.spec.replicas) {
    const to = newReplicas(deployment, current.spec.replicas, [...old, current]);
    if (to !== current.spec.replicas) return { kind: 'scale', scalings: [{ rs: current, to }] };
  }
  const down = scaleOldDown(deployment, current, old);
  if (down.length > 0) return { kind: 'scale', scalings: down };
  return isComplete(deployment, deployment.status) ? prune(observed, old) : STEADY;
}

/** How many pods the new ReplicaSet may have now; `all` are the sets that exist. Source: NewRSNewReplicas. */
function newReplicas(deployment: Deployment, present: number, all: readonly ReplicaSet[]): number {
  const { replicas } = deployment.spec;
  if (present > replicas) return replicas;
  const room = replicas + boundsOf(deployment).maxSurge - sum(all, (rs) => rs.spec.replicas);
  return present + Math.max(0, Math.min(room, replicas - present));
}

/** Unhealthy old pods go first, then healthy ones as far as enough stay available. Source: reconcileOldReplicaSets. */
function scaleOldDown(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): readonly Scaling[] {
  const all = [...old, current];
  const minAvailable = deployment.spec.replicas - boundsOf(deployment).maxUnavailable;
  const newUnavailable = current.spec.replicas - available(current);
  const maxDown = sum(all, (rs) => rs.spec.replicas) - minAvailable - newUnavailable;
  if (maxDown <= 0) return [];

  const target = new Map<ReplicaSet, number>();
  const left = (rs: ReplicaSet): number => target.get(rs) ?? rs.spec.replicas;
  let cleaned = 0;
  for (const rs of old.toSorted(olderFirst)) {
    const unhealthy = rs.spec.replicas - available(rs);
    const down = Math.min(maxDown - cleaned, unhealthy);
    if (down <= 0) continue;
    target.set(rs, rs.spec.replicas - down);
    cleaned += down;
  }
  let spare = sum(all, available) - minAvailable;
  for (const rs of old.toSorted(olderFirst)) {
    const down = Math.min(left(rs), spare);
    if (down <= 0) continue;
    target.set(rs, left(rs) - down);
    spare -= down;
  }
  return [...target].map(([rs, to]) => ({ rs, to }));
}

/** Pods that will stay available: a set that was told to shrink, and has not yet, still counts those it will lose. */
const available = ({ spec, status }: ReplicaSet): number => Math.min(spec.replicas, status.availableReplicas ?? 0);

/** By the status, which the Deployment's own adds up, and by the pods. Source: rolloutRecreate, oldPodsRunning. */
function planRecreate(observed: Observed, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): Plan {
  const { deployment } = observed;
  const running = old.filter((rs) => rs.spec.replicas > 0);
  if (running.length > 0) return { kind: 'scale', scalings: running.map((rs) => ({ rs, to: 0 })) };
  // Two versions never run side by side: the new one waits for the last old pod.
  if (old.some((rs) => rs.status.replicas > 0 || observed.podsOf(rs).some((pod) => !isPodTerminal(pod)))) return STEADY;
  if (current === undefined) return { kind: 'create', replicas: deployment.spec.replicas, revision: nextRevision(old) };
  if (current.spec.replicas !== deployment.spec.replicas)
    return { kind: 'scale', scalings: [{ rs: current, to: deployment.spec.replicas }] };
  return isComplete(deployment, deployment.status) ? prune(observed, old) : STEADY;
}

/** Source: cleanupDeployment. */
function prune({ deployment }: Observed, old: readonly ReplicaSet[]): Plan {
  const unused = old.filter(
    (rs) =>
      rs.status.replicas === 0 &&
      rs.spec.replicas === 0 &&
      (rs.metadata.generation ?? 0) <= (rs.status.observedGeneration ?? 0) &&
      rs.metadata.deletionTimestamp === undefined,
  );
  const surplus = unused.length - deployment.spec.revisionHistoryLimit;
  return surplus > 0 ? { kind: 'prune', sets: unused.toSorted(olderFirst).slice(0, surplus) } : STEADY;
}

function scalings(list: readonly Scaling[]): Plan {
  return list.length === 0 ? STEADY : { kind: 'scale', scalings: list };
}
