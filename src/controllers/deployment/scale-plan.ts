// pure
// A Deployment scaled in the middle of a roll-out: every version keeps its share. Source: sync.go scale.
import type { Deployment, ReplicaSet } from '#api/types.ts';
import { boundsOf } from './bounds.ts';
import type { Scaling } from './plan.ts';
import { desiredReplicasOf, maxReplicasOf, sum } from './replica-sets.ts';

/** Also names sets whose size stays but whose note of the wanted replicas is out of date. */
export function proportionalScale(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): readonly Scaling[] {
  const { replicas } = deployment.spec;
  const all = [...old, ...(current === undefined ? [] : [current])];
  const active = all.filter((rs) => rs.spec.replicas > 0);

  if (active.length <= 1) {
    const only = active[0] ?? current ?? old.at(-1);
    return only === undefined || (only.spec.replicas === replicas && desiredReplicasOf(only) === replicas)
      ? []
      : [{ rs: only, to: replicas }];
  }
  if (current !== undefined && isSaturated(deployment, current)) {
    return old.filter((rs) => rs.spec.replicas > 0).map((rs) => ({ rs, to: 0 }));
  }
  if (deployment.spec.strategy.type !== 'RollingUpdate') return [];

  const allowed = replicas === 0 ? 0 : replicas + boundsOf(deployment).maxSurge;
  const total = sum(active, (rs) => rs.spec.replicas);
  const toAdd = allowed - total;
  // When growing, the newest of equally large ones gains first; when shrinking, the oldest loses first.
  const ordered = active.toSorted((a, b) => b.spec.replicas - a.spec.replicas || (toAdd > 0 ? age(b) - age(a) : age(a) - age(b)));
  let added = 0;
  const sizes = ordered.map((rs) => {
    const share = toAdd === 0 ? 0 : proportion(rs, deployment, toAdd, added);
    added += share;
    return rs.spec.replicas + share;
  });
  // Rounding may leave a rest: the largest takes it.
  sizes[0] = Math.max(0, (sizes[0] as number) + toAdd - added);
  return ordered.flatMap((rs, i) =>
    sizes[i] === rs.spec.replicas && desiredReplicasOf(rs) === replicas ? [] : [{ rs, to: sizes[i] as number }],
  );
}

const age = (rs: ReplicaSet): number => Date.parse(rs.metadata.creationTimestamp);

/** The part of `toAdd` (negative to shrink) that falls to `rs`, within what is left of it. Source: GetReplicaSetProportion. */
function proportion(rs: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  const total = deployment.spec.replicas + boundsOf(deployment).maxSurge;
  const noted = maxReplicasOf(rs) ?? 0;
  // What the shares were last worked out for; a Deployment scaled for the first time has no note.
  const before = noted > 0 ? noted : (deployment.status.replicas ?? 0);
  const share = before === 0 ? rs.spec.replicas : Math.round((rs.spec.replicas * total) / before);
  const fraction = (deployment.spec.replicas === 0 ? 0 : share) - rs.spec.replicas;
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

/** The new version already has all it was to have, and all of that is available. Source: IsSaturated. */
function isSaturated(deployment: Deployment, current: ReplicaSet): boolean {
  return (
    current.spec.replicas === deployment.spec.replicas &&
    desiredReplicasOf(current) === deployment.spec.replicas &&
    (current.status.availableReplicas ?? 0) === deployment.spec.replicas
  );
}
