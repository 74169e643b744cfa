// Makes room for a pod that fits nowhere by evicting less important ones. Source: plugins/defaultpreemption,
// framework/preemption Evaluator.
import { findCondition } from '#api/conditions.ts';
import type { Pod } from '#api/types.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import { fitMessage } from '../framework/fit-error.ts';
import type { NodeVictims, Plugin, PostFilterResult, Refusal } from '../framework/plugin.ts';
import { type Status, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { PLUGIN } from './names.ts';
import { type Budget, type Candidate, cheapest, isCandidate, victimsOn, withCost } from './victims-plan.ts';

export interface PreemptionArgs {
  /** Per cent of the nodes that are tried at least. */
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

/** Source: SetDefaults_DefaultPreemptionArgs. */
export const DEFAULT_PREEMPTION_ARGS: PreemptionArgs = { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 };

export interface PreemptionDeps {
  /** The same list until a budget changes. */
  readonly budgets: () => readonly Budget[];
  /** In [0, 1): where among the nodes to begin. */
  readonly fraction: () => number;
  /** Whether pods are being evicted for this one. */
  readonly isPreempting: (uid: string) => boolean;
}

const WAITING = unresolvable(PLUGIN.defaultPreemption, 'waiting for the preemption for this pod to be finished');
const NOT_HELPFUL = unresolvable(PLUGIN.defaultPreemption, 'Preemption is not helpful for scheduling');

export function defaultPreemption(deps: PreemptionDeps, args: PreemptionArgs = DEFAULT_PREEMPTION_ARGS): Plugin {
  return {
    name: PLUGIN.defaultPreemption,
    // A pod that waits for evictions is looked at again when pods go; the plugin that refused it says whether that helps.
    events: [{ event: clusterEvent('Pod', ACTION.Delete), hint: () => 'skip' }],
    preEnqueue: ({ metadata }) => (deps.isPreempting(metadata.uid) ? WAITING : undefined),
    postFilter: (refusal, cluster) => preempt(refusal, cluster, deps, args),
  };
}

function preempt(refusal: Refusal, cluster: ClusterState, deps: PreemptionDeps, args: PreemptionArgs): PostFilterResult {
  const ineligible = whyIneligible(refusal, cluster);
  if (ineligible !== undefined) return { kind: 'refused', message: `preemption: ${ineligible}`, clear: false };

  const { candidates, statuses } = findCandidates(refusal, cluster, deps, args);
  const best = cheapest(candidates);
  const named = ({ slot, victims, violations }: Candidate): NodeVictims => ({
    node: cluster.nodes[slot]?.metadata.name as string,
    victims,
    violations,
  });
  if (best !== undefined) {
    const { node, victims } = named(best);
    const choose = (left: readonly NodeVictims[]): NodeVictims => cheapest(left.map(withCost)) as NodeVictims;
    return { kind: 'nominated', node, victims, candidates: () => candidates.map(named), choose };
  }

  const rest = cluster.nodeCount - refusal.unschedulable.length;
  if (rest > 0) statuses.set(NOT_HELPFUL, rest);
  return { kind: 'refused', message: `preemption: ${fitMessage({ nodeCount: cluster.nodeCount, statuses })}`, clear: true };
}

/** Source: PodEligibleToPreemptOthers. */
function whyIneligible({ pod, statusOf }: Refusal, cluster: ClusterState): string | undefined {
  if (pod.pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const slot = cluster.slotOf(pod.pod.status?.nominatedNodeName ?? '');
  if (slot === undefined || statusOf(slot).code === 'UnschedulableAndUnresolvable') return undefined;
  const leaving = [...cluster.podsIn(slot)].some((other) => other.priority < pod.priority && isPreempted(other.pod));
  return leaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
}

/** Source: podTerminatingByPreemption. */
function isPreempted({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  const condition = findCondition(status?.conditions, 'DisruptionTarget');
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
}

interface Found {
  readonly candidates: readonly Candidate[];
  readonly statuses: Map<Status, number>;
}

/** Goes on until there are enough and one violates no budget. Source: DryRunPreemption. */
function findCandidates(
  refusal: Refusal,
  cluster: ClusterState,
  { budgets: currentBudgets, fraction }: PreemptionDeps,
  { minCandidateNodesPercentage, minCandidateNodesAbsolute }: PreemptionArgs,
): Found {
  const slots = refusal.unschedulable;
  const enough = Math.max(Math.floor((slots.length * minCandidateNodesPercentage) / 100), minCandidateNodesAbsolute);
  const budgets = currentBudgets();
  const options = { refusal, cluster, budgets };
  const offset = slots.length === 0 ? 0 : Math.floor(fraction() * slots.length);
  const statuses = new Map<Status, number>();
  const sparing: Candidate[] = [];
  const violating: Candidate[] = [];
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[(offset + i) % slots.length] as number;
    const result = refusal.keep(budgets, slot, () => victimsOn(slot, options));
    if (!isCandidate(result)) statuses.set(result, (statuses.get(result) ?? 0) + 1);
    else if (result.victims.length > 0) (result.violations === 0 ? sparing : violating).push(result);
    if (sparing.length > 0 && sparing.length + violating.length >= enough) break;
  }
  return { candidates: [...sparing, ...violating], statuses };
}
