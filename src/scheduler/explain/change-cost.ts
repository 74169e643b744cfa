// pure
// Which changes are small: the fewer of them the better, and of as many those that ask least of somebody.
import { podPriority } from '#api/pods.ts';
import type { Change, ChangeKind } from './changes.ts';
import { isLeaving } from './eviction.ts';

/** Beside 1 for each change. What was nearly said costs least, what is written down somewhere little, what the pod has to do without more. */
const COSTS: Readonly<Record<Exclude<ChangeKind, 'request' | 'port' | 'eviction'>, number>> = {
  spelling: 0.05,
  gate: 0.1,
  toleration: 0.1,
  label: 0.1,
  uncordon: 0.1,
  recovery: 0.1,
  selector: 0.2,
  spread: 0.2,
  volume: 0.2,
  device: 0.2,
  affinity: 0.5,
};

/** A share of the cost of one pod that goes, by its priority. */
const PRIORITIES = 2 ** 33;

export function costOf(changes: readonly Change[]): number {
  return changes.reduce((sum, change) => sum + 1 + ownCost(change), 0);
}

/** Whoever relied on the label does not find the node any more. */
const RELABELLED = 2;

function ownCost({ kind, share = 1, removed = [], relabels = false }: Change): number {
  if (kind === 'request') return share;
  if (relabels) return RELABELLED;
  if (kind !== 'port' && kind !== 'eviction') return COSTS[kind];
  // Those that go anyhow cost nothing.
  return removed.filter((pod) => !isLeaving(pod)).reduce((sum, pod) => sum + 1 + (podPriority(pod) + 2 ** 31) / PRIORITIES, 0);
}
