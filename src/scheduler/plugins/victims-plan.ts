// Which pods of a node would have to go for a more important one, and on which node that costs least. Source:
// plugins/defaultpreemption SelectVictimsOnNode, framework/preemption pickOneNodeForPreemption.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { PodDisruptionBudget } from '#api/types.ts';
import type { Refusal } from '../framework/plugin.ts';
import { type Status, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { Trial } from '../state/trial.ts';
import { PLUGIN } from './names.ts';

export interface Candidate {
  readonly slot: number;
  /** From the most important down. */
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget would have spared. */
  readonly violations: number;
}

export interface VictimOptions {
  readonly refusal: Refusal;
  readonly cluster: ClusterState;
  readonly budgets: readonly PodDisruptionBudget[];
  /** Milliseconds since the epoch: when pods count as started that have not. */
  readonly now: number;
}

const NO_VICTIMS = unresolvable(PLUGIN.defaultPreemption, 'No preemption victims found for incoming pod');

/** The fewest and least important pods whose absence lets the pod in, or why there are none. */
export function victimsOn(slot: number, { refusal, cluster, budgets, now }: VictimOptions): Candidate | Status {
  const { priority } = refusal.pod;
  const potential = [...cluster.podsIn(slot)].filter((other) => other.priority < priority);
  if (potential.length === 0) return NO_VICTIMS;
  const trial = new Trial(cluster, slot, refusal.watchers);
  try {
    for (const victim of potential) trial.remove(victim);
    const status = refusal.checkNow(slot);
    if (status !== undefined) return status;

    const byImportance = importance(now);
    const { violating, others } = splitByBudget(potential.toSorted(byImportance), budgets);
    /** Lets one stay if the pod fits all the same. */
    const mustGo = (victim: PodInfo): boolean => {
      trial.add(victim);
      if (refusal.checkNow(slot) === undefined) return false;
      trial.remove(victim);
      return true;
    };
    const violations = violating.filter(mustGo);
    const victims = [...violations, ...others.filter(mustGo)].toSorted(byImportance);
    return { slot, victims, violations: violations.length };
  } finally {
    trial.undo();
  }
}

export function isCandidate(result: Candidate | Status): result is Candidate {
  return 'victims' in result;
}

/** The most important first: by priority, then by how long it runs. Source: MoreImportantPod. */
function importance(now: number): (a: PodInfo, b: PodInfo) => number {
  return (a, b) => b.priority - a.priority || startTime(a, now) - startTime(b, now);
}

function startTime({ pod }: PodInfo, now: number): number {
  const time = pod.status?.startTime;
  return time === undefined || time === null ? now : parseTime(time);
}

/** Each budget spares pods until as many went as it allows. Source: filterPodsWithPDBViolation. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
  const left = budgets.map((budget) => ({
    budget,
    selector: selectorFromObject(budget.spec?.selector),
    allowed: budget.status?.disruptionsAllowed ?? 0,
  }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { namespace, name, labels = {} } = info.pod.metadata;
    let violates = false;
    for (const entry of left) {
      if (entry.budget.metadata.namespace !== namespace || Object.keys(labels).length === 0) continue;
      if (entry.selector.empty || !entry.selector.matches(labels)) continue;
      // Counted when its disruption was allowed.
      if (entry.budget.status?.disruptedPods?.[name] !== undefined) continue;
      entry.allowed--;
      if (entry.allowed < 0) violates = true;
    }
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/** Priorities are made positive, so that few victims cost less than many. Source: minSumPrioritiesScoreFunc. */
const PRIORITY_OFFSET = 2 ** 31;

/** Fewest violations; least important victims; least in sum; fewest; those that started last; the first. */
export function cheapest(candidates: readonly Candidate[], now: number): Candidate | undefined {
  const costs = candidates.map((candidate) => ({ candidate, cost: costOf(candidate, now) }));
  let best = costs[0];
  for (const other of costs) if (best !== undefined && isLess(other.cost, best.cost)) best = other;
  return best?.candidate;
}

function costOf({ victims, violations }: Candidate, now: number): readonly number[] {
  const highest = victims[0]?.priority ?? 0;
  const sum = victims.reduce((total, { priority }) => total + priority + PRIORITY_OFFSET, 0);
  const starts = victims.filter(({ priority }) => priority === highest).map((victim) => startTime(victim, now));
  return [violations, highest, sum, victims.length, -Math.min(...starts)];
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const differs = a.findIndex((value, i) => value !== b[i]);
  return differs !== -1 && (a[differs] as number) < (b[differs] as number);
}
