// pure
import { isPodActive } from '#api/pods.ts';
import type { Pod, ReplicaSet } from '#api/types.ts';
import { deletionOrder } from './deletion-order.ts';

/** Everything one decision may look at, read once, so all of it is from the same moment. */
export interface Observed {
  readonly rs: ReplicaSet;
  /** Pods whose controller owner is `rs`, in any phase. */
  readonly owned: readonly Pod[];
  /** Pods of every ReplicaSet with the same owner: crowded nodes lose pods first. */
  readonly siblings: readonly Pod[];
  /** Uids of pods that may be on their way out unseen. */
  readonly asked: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type Plan =
  | { readonly kind: 'steady' }
  | { readonly kind: 'create'; readonly count: number }
  | { readonly kind: 'delete'; readonly victims: readonly Pod[] };

/** Most pods one pass may create or delete. Source: replica_set.go BurstReplicas. */
const BURST_REPLICAS = 500;

/** The one step that brings active pods nearer to `spec.replicas`. Source: manageReplicas. */
export function planReplicas({ rs, owned, siblings, asked, now }: Observed): Plan {
  if (rs.metadata.deletionTimestamp !== undefined) return { kind: 'steady' };

  const active = owned.filter(isPodActive);
  const surplus = active.length - rs.spec.replicas;
  const step = Math.min(Math.abs(surplus), BURST_REPLICAS);

  if (surplus === 0) return { kind: 'steady' };
  if (surplus < 0) return { kind: 'create', count: step };
  // The order is only worth its cost when some are kept.
  const ordered = step === active.length ? active : active.toSorted(deletionOrder(siblings, now, asked));
  return { kind: 'delete', victims: ordered.slice(0, step) };
}
