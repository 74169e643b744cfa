// Which pods of a node would have to go for a more important one, and on which node that costs least. Source:
// plugins/defaultpreemption SelectVictimsOnNode, framework/preemption pickOneNodeForPreemption.
import type { LabelSelector } from '#apimachinery/labels.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { NodeVictims, Refusal } from '../framework/plugin.ts';
import { type Status, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { Trial } from '../state/trial.ts';
import { PLUGIN } from './names.ts';

export interface Candidate extends Omit<NodeVictims, 'node'> {
  readonly slot: number;
  /** What candidates are compared by, the most important first; the least costs least. */
  readonly cost: readonly number[];
}

/** What a PodDisruptionBudget allows. */
export interface Budget {
  readonly namespace: string;
  readonly selector: LabelSelector;
  readonly disruptionsAllowed: number;
  /** Names of pods whose disruption was counted when it was allowed. */
  readonly disrupted: ReadonlySet<string>;
}

export interface VictimOptions {
  readonly refusal: Refusal;
  readonly cluster: ClusterState;
  readonly budgets: readonly Budget[];
}

const NO_VICTIMS = unresolvable(PLUGIN.defaultPreemption, 'No preemption victims found for incoming pod');

/** The fewest and least important pods whose absence lets the pod in, or why there are none. */
export function victimsOn(slot: number, { refusal, cluster, budgets }: VictimOptions): Candidate | Status {
  const { priority } = refusal.pod;
  const potential = [...cluster.podsIn(slot)].filter((other) => other.priority < priority);
  if (potential.length === 0) return NO_VICTIMS;
  const trial = new Trial(cluster, slot, refusal.watchers);
  try {
    for (const victim of potential) trial.remove(victim);
    const status = refusal.checkNow(slot);
    if (status !== undefined) return status;

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
    return { slot, victims, violations: violations.length, cost: costOf(victims, violations.length) };
  } finally {
    trial.undo();
  }
}

export function isCandidate(result: Candidate | Status): result is Candidate {
  return 'victims' in result;
}

/** The most important first: by priority, then by how long it runs. Source: MoreImportantPod. */
function byImportance(a: PodInfo, b: PodInfo): number {
  const [first, second] = [startTime(a), startTime(b)];
  return b.priority - a.priority || (first === second ? 0 : first - second);
}

/** Milliseconds since the epoch; a pod that has not started comes last. Source: GetPodStartTime. */
function startTime({ pod }: PodInfo): number {
  const time = pod.status?.startTime;
  return time === undefined || time === null ? Infinity : parseTime(time);
}

/** Each budget spares pods until as many went as it allows. Source: filterPodsWithPDBViolation. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly Budget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
  if (budgets.length === 0) return { violating: [], others: pods };
  const left = budgets.map((budget) => ({ budget, allowed: budget.disruptionsAllowed }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { namespace, name, labels = {} } = info.pod.metadata;
    let violates = false;
    for (const entry of left) {
      if (entry.budget.namespace !== namespace || Object.keys(labels).length === 0) continue;
      if (!entry.budget.selector.matches(labels) || entry.budget.disrupted.has(name)) continue;
      entry.allowed--;
      if (entry.allowed < 0) violates = true;
    }
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/** Priorities are made positive, so that few victims cost less than many. Source: minSumPrioritiesScoreFunc. */
const PRIORITY_OFFSET = 2 ** 31;

/** Fewest violations; least important victims; least in sum; fewest; those that started last. Source: pickOneNodeForPreemption. */
function costOf(victims: readonly PodInfo[], violations: number): readonly number[] {
  const highest = victims[0]?.priority ?? 0;
  let sum = 0;
  let earliest = Infinity;
  for (const victim of victims) {
    sum += victim.priority + PRIORITY_OFFSET;
    if (victim.priority === highest) earliest = Math.min(earliest, startTime(victim));
  }
  return [violations, highest, sum, victims.length, -earliest];
}

/** Of victims that somebody else chose. */
export function withCost(victims: NodeVictims): NodeVictims & Pick<Candidate, 'cost'> {
  return { ...victims, cost: costOf(victims.victims, victims.violations) };
}

/** The first of those that cost least. */
export function cheapest<T extends Pick<Candidate, 'cost'>>(candidates: readonly T[]): T | undefined {
  let [best] = candidates;
  for (const other of candidates) if (best !== undefined && isLess(other.cost, best.cost)) best = other;
  return best;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
