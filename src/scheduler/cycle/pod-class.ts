// What is known of one kind of pod (equal signatures) on every node: kept from pod to pod, and made anew only for the
// nodes that changed in between.
import type { NodeFilter, NodeScore, Normalize } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';

/** A score plugin's answer for this kind of pod. */
export interface Scoring {
  readonly score: NodeScore;
  readonly normalize: Normalize;
  readonly weight: number;
  /** By slot, for the scope `node`. */
  readonly raw: Float64Array;
}

export interface Scorings {
  /** Of the scope `node`. */
  readonly own: readonly Scoring[];
  /** Those that must be normalised over the feasible nodes, of either scope. */
  readonly relative: readonly Scoring[];
  /** By slot, the weighted sum of those that need not be. */
  readonly fixed: Float64Array;
}

const UNKNOWN = 0;
const FEASIBLE = 1;
const INFEASIBLE = 2;

/** Invariant: an entry for a slot that is not UNKNOWN holds for the cluster at `#position` of its log. */
export class PodClass {
  readonly filters: readonly NodeFilter[];
  /** Of a plugin that refuses the pod whatever the node. */
  readonly refusal: Status | undefined;
  /** No other node can be right. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Plugins that named nodes. */
  readonly namingPlugins: readonly string[];
  readonly #cluster: ClusterState;
  readonly #profile: Profile;
  readonly #pod: PodInfo;
  readonly #epoch: number;
  readonly #nodeFilters: readonly NodeFilter[];
  readonly #clusterFilters: readonly NodeFilter[];
  /** Those of them that have something to refuse at present. */
  #activeFilters: readonly NodeFilter[];
  readonly #statuses: (Status | undefined)[] = [];
  readonly #known: Uint8Array;
  readonly #scored: Uint8Array;
  #scorings: Scorings | undefined;
  #position: number;

  constructor(pod: PodInfo, profile: Profile, cluster: ClusterState) {
    this.#pod = pod;
    this.#profile = profile;
    this.#cluster = cluster;
    this.#epoch = cluster.epoch;
    this.#position = cluster.log.position;
    this.#known = new Uint8Array(cluster.slotCount);
    this.#scored = new Uint8Array(cluster.slotCount);
    const prepared = prepareFilters(pod, profile, cluster);
    this.filters = prepared.filters;
    this.refusal = prepared.refusal;
    this.nodeNames = prepared.nodeNames;
    this.namingPlugins = prepared.namingPlugins;
    // The first refusal is the one that is told, so what stands after a filter on the cluster is asked after it.
    const first = this.filters.findIndex(({ scope }) => scope === 'cluster');
    this.#nodeFilters = first === -1 ? this.filters : this.filters.slice(0, first);
    this.#clusterFilters = first === -1 ? [] : this.filters.slice(first);
    this.#activeFilters = this.#clusterFilters.filter((filter) => filter.isIdle?.() !== true);
  }

  /** Takes in what happened since; false when all must be made anew. */
  refresh(): boolean {
    const cluster = this.#cluster;
    if (cluster.epoch !== this.#epoch || cluster.slotCount !== this.#known.length) return false;
    const changes = cluster.log.since(this.#position);
    if (changes === undefined) return false;
    const watchers = [...this.filters, ...(this.#scorings?.relative ?? []).map(({ score }) => score)].filter(
      ({ scope }) => scope === 'cluster',
    );
    for (const { slot, pod, sign } of changes) {
      if (sign === 0 && watchers.length > 0) return false;
      this.#known[slot] = UNKNOWN;
      this.#scored[slot] = 0;
      if (pod !== undefined && sign !== 0) for (const watcher of watchers) watcher.podChanged?.(slot, pod, sign);
    }
    this.#position = cluster.log.position;
    this.#activeFilters = this.#clusterFilters.filter((filter) => filter.isIdle?.() !== true);
    return true;
  }

  /** Why not the node in `slot`; `undefined` if it may be. */
  check(slot: number): Status | undefined {
    if (this.#known[slot] === UNKNOWN) {
      const status = firstRefusal(this.#nodeFilters, slot);
      this.#statuses[slot] = status;
      this.#known[slot] = status === undefined ? FEASIBLE : INFEASIBLE;
    }
    if (this.#known[slot] === INFEASIBLE) return this.#statuses[slot];
    return this.#activeFilters.length === 0 ? undefined : firstRefusal(this.#activeFilters, slot);
  }

  /** Writes the slots of all nodes that pass into `slots`, in order; gives their number. */
  collect(slots: Int32Array): number {
    const { nodes, slotCount } = this.#cluster;
    const known = this.#known;
    const isDecided = this.#activeFilters.length === 0;
    let count = 0;
    for (let slot = 0; slot < slotCount; slot++) {
      if (known[slot] === INFEASIBLE || nodes[slot] === undefined) continue;
      if ((isDecided && known[slot] === FEASIBLE) || this.check(slot) === undefined) slots[count++] = slot;
    }
    return count;
  }

  /** As `check`, without what is kept: for trials. */
  checkAnew(slot: number): Status | undefined {
    return firstRefusal(this.filters, slot);
  }

  /** What scores the pod, with raw and fixed scores of `slots` made anew where a node changed. */
  scorings(slots: Int32Array, count: number): Scorings {
    const scorings = (this.#scorings ??= prepareScorings(this.#pod, this.#profile, this.#cluster));
    const { own, fixed } = scorings;
    const scored = this.#scored;
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      if (scored[slot] === 1) continue;
      fixed[slot] = 0;
      for (const { score, normalize, weight, raw } of own) {
        raw[slot] = score.score(slot);
        if (normalize === 'none') fixed[slot] = (fixed[slot] as number) + weight * (raw[slot] as number);
      }
      scored[slot] = 1;
    }
    return scorings;
  }
}

export function firstRefusal(filters: readonly NodeFilter[], slot: number): Status | undefined {
  for (const filter of filters) {
    const status = filter.check(slot);
    if (status !== undefined) return status;
  }
  return undefined;
}

interface PreparedFilters {
  readonly filters: readonly NodeFilter[];
  readonly refusal: Status | undefined;
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly namingPlugins: readonly string[];
}

/** Source: RunPreFilterPlugins. */
function prepareFilters(pod: PodInfo, profile: Profile, cluster: ClusterState): PreparedFilters {
  const filters: NodeFilter[] = [];
  const namingPlugins: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  let refusal: Status | undefined;
  for (const plugin of profile.filter) {
    const result = plugin.preFilter?.(pod, cluster) ?? { kind: 'skip' };
    if (result.kind === 'skip') continue;
    if (result.kind === 'rejected') {
      refusal = result.status;
      // One that evicting pods may answer is told only after all were asked.
      if (refusal.code === 'UnschedulableAndUnresolvable' || refusal.code === 'Error') break;
      continue;
    }
    filters.push(result.filter);
    if (result.nodeNames === undefined) continue;
    namingPlugins.push(plugin.name);
    nodeNames = nodeNames === undefined ? result.nodeNames : nodeNames.intersection(result.nodeNames);
    if (nodeNames.size === 0) return { filters, refusal: contradiction(namingPlugins), nodeNames, namingPlugins };
  }
  return { filters, refusal, nodeNames, namingPlugins };
}

function contradiction(plugins: readonly string[]): Status {
  const sorted = plugins.toSorted();
  const reason =
    sorted.length === 1
      ? `node(s) didn't satisfy plugin ${sorted[0]}`
      : `node(s) didn't satisfy plugin(s) [${sorted.join(' ')}] simultaneously`;
  return { code: 'UnschedulableAndUnresolvable', reasons: [reason], plugin: '' };
}

function prepareScorings(pod: PodInfo, profile: Profile, cluster: ClusterState): Scorings {
  const scorings: Scoring[] = [];
  for (const { plugin, weight } of profile.score) {
    const score = plugin.preScore?.(pod, cluster);
    if (score === undefined) continue;
    scorings.push({ score, normalize: score.normalize, weight, raw: new Float64Array(score.scope === 'node' ? cluster.slotCount : 0) });
  }
  const own = scorings.filter(({ score }) => score.scope === 'node');
  const relative = scorings.filter(({ score, normalize }) => score.scope === 'cluster' || normalize !== 'none');
  return { own, relative, fixed: new Float64Array(cluster.slotCount) };
}
