// What is known of one kind of pod (equal signatures) on every node: kept from pod to pod, and made anew only for the
// nodes that changed in between.
import type { NodeFilter, NodeScore } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { Trial } from '../state/trial.ts';
import { firstRefusal, type NodeAnswers, NodeScores, NodeVerdicts } from './node-answers.ts';
import { NodeRanking } from './node-ranking.ts';
import { prepareFilters, prepareScores, type PreparedScore } from './prepare.ts';

const UNKNOWN = 0;
const FEASIBLE = 1;
/** Others are nominated to the node, and filters on the cluster have yet to say whether the pod fits beside them. */
const CONTENDED = 2;
/** Refused by the node; from here on. */
const UNSCHEDULABLE = 3;
/** Not even evicting pods would help. */
const UNRESOLVABLE = 4;

const NOBODY: readonly PodInfo[] = [];
const NO_PLUGINS: readonly string[] = [];

export interface Scorings {
  readonly nodes: NodeScores;
  /** Of the scope `cluster`, or normalised in a way of their own. */
  readonly elsewhere: readonly Scoring[];
  /** Plugins that score. */
  readonly plugins: readonly string[];
}

export interface Scoring {
  readonly score: NodeScore;
  readonly weight: number;
  /** By slot; absent for the scope `cluster`. */
  readonly raw?: Float64Array;
}

/** Invariant: an entry for a slot that is not UNKNOWN holds for the cluster at `#position` of its log. */
export class PodClass {
  readonly filters: readonly NodeFilter[];
  /** Of a plugin that refuses the pod whatever the node. */
  readonly refusal: Status | undefined;
  /** No other node can be right. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Plugins that named nodes. */
  readonly namingPlugins: readonly string[];
  /** Plugins that were asked, be there something for them to filter or not. */
  readonly prepared: ReadonlySet<string>;
  /** By point, the plugins that an attempt asks; the same lists as long as this is kept. */
  readonly asked: Readonly<Record<'PreFilter' | 'Filter' | 'PreScore', readonly string[]>>;
  readonly #cluster: ClusterState;
  readonly #profile: Profile;
  readonly #pod: PodInfo;
  readonly #epoch: number;
  /** Absent: nothing is shared. */
  readonly #answers: NodeAnswers | undefined;
  readonly #nodeFilters: readonly NodeFilter[];
  readonly #verdicts: NodeVerdicts;
  readonly #clusterFilters: readonly NodeFilter[];
  /** Filters of the scope `cluster`. */
  readonly #watchers: readonly NodeFilter[];
  /** Those of them that have something to refuse at present. */
  #activeFilters: readonly NodeFilter[];
  readonly #statuses: (Status | undefined)[] = [];
  /** How many slots have each of `#statuses`. */
  readonly #refusals = new Map<Status, number>();
  /** By slot, what a PostFilter plugin found out about the node, all for `#foundFor`. */
  #found: unknown[] = [];
  #foundFor: object | undefined;
  readonly #known: Uint8Array;
  #scorings: Scorings | undefined;
  #ranking: NodeRanking | undefined;
  /** Slots that are CONTENDED. */
  readonly #contended = new Set<number>();
  #position: number;

  constructor(pod: PodInfo, profile: Profile, cluster: ClusterState, answers?: NodeAnswers) {
    this.#pod = pod;
    this.#answers = answers;
    this.#profile = profile;
    this.#cluster = cluster;
    this.#epoch = cluster.epoch;
    this.#position = cluster.log.position;
    this.#known = new Uint8Array(cluster.slotCount);
    const prepared = prepareFilters(pod, profile, cluster);
    this.filters = prepared.filters;
    this.refusal = prepared.refusal;
    this.nodeNames = prepared.nodeNames;
    this.namingPlugins = prepared.namingPlugins;
    this.prepared = prepared.prepared;
    this.asked = {
      PreFilter: [...prepared.prepared],
      Filter: prepared.filtering.map(({ name }) => name),
      PreScore: profile.score.map(({ plugin }) => plugin.name),
    };
    // The first refusal is the one that is told, so what stands after a filter on the cluster is asked after it.
    const first = this.filters.findIndex(({ scope }) => scope === 'cluster');
    const alone = first === -1 ? this.filters.length : first;
    this.#nodeFilters = this.filters.slice(0, alone);
    this.#verdicts =
      answers?.verdicts(pod, prepared.filtering.slice(0, alone), this.#nodeFilters) ?? new NodeVerdicts(this.#nodeFilters, cluster);
    this.#clusterFilters = this.filters.slice(alone);
    this.#watchers = this.filters.filter(({ scope }) => scope === 'cluster');
    this.#activeFilters = this.#clusterFilters.filter((filter) => filter.isIdle?.() !== true);
  }

  /** Takes in what happened since; false when all must be made anew. */
  refresh(): boolean {
    const cluster = this.#cluster;
    if (cluster.epoch !== this.#epoch || cluster.slotCount !== this.#known.length) return false;
    const changes = cluster.log.since(this.#position);
    if (changes === undefined || !this.#verdicts.refresh() || this.#scorings?.nodes.refresh() === false) return false;
    if (changes.length === 0) return true;
    const watchers = [...this.#watchers, ...this.elsewhere.map(({ score }) => score).filter(({ scope }) => scope === 'cluster')];
    for (const { slot, pod, sign, beside } of changes) {
      if (sign === 0 && beside === undefined && watchers.length > 0) return false;
      this.#forget(slot);
      if (this.#found.length > 0) this.#found[slot] = undefined;
      if (pod !== undefined && sign !== 0) for (const watcher of watchers) watcher.podChanged?.(slot, pod, sign);
    }
    this.#position = cluster.log.position;
    this.#activeFilters = this.#clusterFilters.filter((filter) => filter.isIdle?.() !== true);
    return true;
  }

  /**
   * Why not the node in `slot`; `undefined` if it may be. The pod must fit both with and without the pods nominated to the
   * node that are as important or more. Source: RunFilterPluginsWithNominatedPods.
   */
  check(slot: number): Status | undefined {
    if (this.#known[slot] === UNKNOWN) this.#decide(slot);
    if ((this.#known[slot] as number) >= UNSCHEDULABLE) return this.#statuses[slot];
    const beside = this.#known[slot] === CONTENDED ? this.#with(this.#ahead(slot), slot, this.#clusterFilters) : undefined;
    return beside ?? (this.#activeFilters.length === 0 ? undefined : firstRefusal(this.#activeFilters, slot));
  }

  #decide(slot: number): void {
    const ahead = this.#ahead(slot);
    const status = this.#with(ahead, slot, this.#nodeFilters) ?? this.#verdicts.of(slot);
    this.#statuses[slot] = status;
    if (status === undefined) {
      this.#known[slot] = ahead.length > 0 && this.#clusterFilters.length > 0 ? CONTENDED : FEASIBLE;
      if (this.#known[slot] === CONTENDED) this.#contended.add(slot);
    } else {
      this.#known[slot] = status.code === 'Unschedulable' ? UNSCHEDULABLE : UNRESOLVABLE;
      this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
    }
  }

  #forget(slot: number): void {
    this.#ranking?.touch(slot);
    this.#contended.delete(slot);
    const status = (this.#known[slot] as number) >= UNSCHEDULABLE ? this.#statuses[slot] : undefined;
    this.#known[slot] = UNKNOWN;
    if (status === undefined) return;
    const left = (this.#refusals.get(status) as number) - 1;
    if (left === 0) this.#refusals.delete(status);
    else this.#refusals.set(status, left);
  }

  /** How many nodes gave each status, after `collect`; undefined when filters look at other nodes too, so each must be asked. */
  get refusals(): ReadonlyMap<Status, number> | undefined {
    return this.#activeFilters.length > 0 ? undefined : this.#refusals;
  }

  /** Writes the slots that refused for a reason that goes away with pods, as `collect` found it, into `slots`; gives their number. */
  collectUnschedulable(slots: Int32Array): number {
    const known = this.#known;
    let count = 0;
    for (let slot = 0; slot < known.length; slot++) if (known[slot] === UNSCHEDULABLE) slots[count++] = slot;
    return count;
  }

  /** Pods nominated to the node that pods of this kind yield to, `except` for one. */
  #ahead(slot: number, except = ''): readonly PodInfo[] {
    const cluster = this.#cluster;
    if (cluster.nominator.isEmpty) return NOBODY;
    const nominated = cluster.nominator.podsOn(cluster.nodes[slot]?.metadata.name ?? '');
    if (nominated.length === 0) return NOBODY;
    const { priority } = this.#pod;
    return nominated.filter((other) => other.priority >= priority && other.uid !== except && cluster.nodeOf(other.uid) === undefined);
  }

  /** As `check`, by other filters than those of this kind, for the pod `uid`. */
  checkAlso(filters: readonly NodeFilter[], slot: number, uid: string): Status | undefined {
    const ahead = this.#cluster.nominator.isEmpty ? NOBODY : this.#ahead(slot, uid);
    return this.#with(ahead, slot, filters, filters) ?? firstRefusal(filters, slot);
  }

  /** The first refusal with `others` on the node; `watchers` hear that they are. */
  #with(others: readonly PodInfo[], slot: number, filters: readonly NodeFilter[], watchers = this.filters): Status | undefined {
    if (others.length === 0) return undefined;
    const trial = new Trial(this.#cluster, slot, watchers);
    for (const pod of others) trial.add(pod);
    try {
      return firstRefusal(filters, slot);
    } finally {
      trial.undo();
    }
  }

  /** Writes the slots of all nodes that pass into `slots`, in order; gives their number. */
  collect(slots: Int32Array): number {
    const { nodes, slotCount } = this.#cluster;
    const known = this.#known;
    const isDecided = this.#activeFilters.length === 0;
    let count = 0;
    for (let slot = 0; slot < slotCount; slot++) {
      if ((known[slot] as number) >= UNSCHEDULABLE || nodes[slot] === undefined) continue;
      if ((isDecided && known[slot] === FEASIBLE) || this.check(slot) === undefined) slots[count++] = slot;
    }
    return count;
  }

  /** As `check`, without what is kept: for trials, and for the pod `uid` that is nominated to the node itself. */
  checkAnew(slot: number, uid = ''): Status | undefined {
    return this.#with(this.#ahead(slot, uid), slot, this.filters) ?? firstRefusal(this.filters, slot);
  }

  /**
   * What `work` finds out about the node in `slot` for pods of this kind; kept until the node changes, as long as it is
   * asked for `owner` and no filter looks at other nodes.
   */
  keep<T extends object>(owner: object, slot: number, work: () => T): T {
    if (this.#activeFilters.length > 0) return work();
    if (this.#foundFor !== owner) {
      this.#found = Array.from({ length: this.#known.length });
      this.#foundFor = owner;
    }
    const found = (this.#found[slot] as T | undefined) ?? work();
    this.#found[slot] = found;
    return found;
  }

  /** Whether all filters tell which of their answers change; else `collect` must ask about every node. */
  get isRanked(): boolean {
    return this.#watchers.every(({ takeStale }) => takeStale !== undefined);
  }

  /** All nodes that pass, in step with what changed since it was last asked for. Only when `isRanked`. */
  ranking(): NodeRanking {
    const { nodes } = (this.#scorings ??= this.#prepareScorings());
    let ranking = this.#ranking;
    if (ranking === undefined) {
      ranking = this.#ranking = new NodeRanking(this.#known.length, nodes);
      for (const filter of this.#watchers) filter.takeStale?.();
    } else {
      for (const filter of this.#watchers) ranking.touchAll(filter.takeStale?.());
      ranking.touchAll(this.#contended);
    }
    ranking.settle((slot) => {
      if (this.#cluster.nodes[slot] === undefined || this.check(slot) !== undefined) return false;
      nodes.make(slot);
      return true;
    });
    return ranking;
  }

  /** What scores the pod, with the scores of `slots` made anew where a node changed. */
  scorings(slots: Int32Array, count: number): Scorings {
    const scorings = (this.#scorings ??= this.#prepareScorings());
    for (let i = 0; i < count; i++) scorings.nodes.make(slots[i] as number);
    return scorings;
  }

  /** Plugins that score, once asked. */
  get scoring(): readonly string[] {
    return this.#scorings?.plugins ?? NO_PLUGINS;
  }

  /** Of `ranking`, what is left to be scored in every cycle. */
  get elsewhere(): Scorings['elsewhere'] {
    return this.#scorings?.elsewhere ?? [];
  }

  #prepareScorings(): Scorings {
    const prepared = prepareScores(this.#pod, this.#profile, this.#cluster);
    const isOfNode = ({ score }: PreparedScore): boolean => score.scope === 'node';
    const ofNodes = prepared.filter(isOfNode);
    const nodes = this.#answers?.scores(this.#pod, ofNodes) ?? new NodeScores(ofNodes, this.#cluster);
    return {
      nodes,
      elsewhere: [
        ...nodes.scorings.filter(({ score }) => typeof score.normalize === 'function'),
        ...prepared.filter((each) => !isOfNode(each)).map(({ score, weight }) => ({ score, weight })),
      ],
      plugins: prepared.map(({ plugin }) => plugin.name),
    };
  }
}
