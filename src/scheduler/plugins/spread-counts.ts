// How many pods of one group are on each node and in each place; follows every pod that comes or goes.
import type { Pod } from '#api/types.ts';
import type { PodWatcher } from '../framework/plugin.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { Topology } from '../state/topology.ts';
import { includesNode, type SpreadConstraint } from './spread-constraints.ts';

export interface SpreadCountsOptions {
  readonly constraint: SpreadConstraint;
  /** Whose constraint it is. */
  readonly pod: Pod;
  /** Nodes that lack the key of any of these do not count. */
  readonly requiredKeys: readonly SpreadConstraint[];
}

/** Holds for one epoch, and until a node changes. */
export class SpreadCounts implements PodWatcher {
  readonly topology: Topology;
  /** By slot, whatever the node. */
  readonly onNode: Float64Array;
  /** By place, on the nodes that count. */
  readonly inPlace: Float64Array;
  /** By place: whether a node that counts is in it. */
  readonly isDomain: Uint8Array;
  readonly domains: number;
  readonly #included: Uint8Array;
  readonly #constraint: SpreadConstraint;
  readonly #namespace: string;
  #least: number | undefined;
  #changes = 0;

  constructor(cluster: ClusterState, { constraint, pod, requiredKeys }: SpreadCountsOptions) {
    this.#constraint = constraint;
    this.#namespace = pod.metadata.namespace;
    this.topology = cluster.topology(constraint.topologyKey);
    this.onNode = new Float64Array(cluster.slotCount);
    this.inPlace = new Float64Array(this.topology.size);
    this.isDomain = new Uint8Array(this.topology.size);
    this.#included = new Uint8Array(cluster.slotCount);
    const required = requiredKeys.map(({ topologyKey }) => cluster.topology(topologyKey));
    for (let slot = 0; slot < cluster.slotCount; slot++) {
      const node = cluster.nodes[slot];
      if (node === undefined || required.some((topology) => topology.of(slot) < 0) || !includesNode(constraint, node, pod)) continue;
      this.#included[slot] = 1;
      const place = this.topology.of(slot);
      if (place >= 0) this.isDomain[place] = 1;
    }
    this.domains = this.isDomain.reduce((sum, is) => sum + is, 0);
    for (const { slot, info } of cluster.podsLike(this.#namespace, constraint.selector)) this.podChanged(slot, info, 1);
  }

  podChanged(slot: number, { pod }: PodInfo, sign: 1 | -1): void {
    const { namespace, deletionTimestamp, labels } = pod.metadata;
    const { selector } = this.#constraint;
    if (namespace !== this.#namespace || deletionTimestamp !== undefined || selector.empty || !selector.matches(labels)) return;
    this.onNode[slot] = (this.onNode[slot] as number) + sign;
    const place = this.topology.of(slot);
    if (this.#included[slot] !== 1 || place < 0) return;
    this.inPlace[place] = (this.inPlace[place] as number) + sign;
    this.#least = undefined;
    this.#changes++;
  }

  /** How often a number of `inPlace` changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Least number in any place; Infinity without places. */
  get least(): number {
    if (this.#least === undefined) {
      let least = Infinity;
      for (let place = 0; place < this.inPlace.length; place++) {
        if (this.isDomain[place] === 1 && (this.inPlace[place] as number) < least) least = this.inPlace[place] as number;
      }
      this.#least = least;
    }
    return this.#least;
  }
}

/** Places that take no more pods of the group, as they were told last. */
export class FullPlaces {
  readonly #counts: SpreadCounts;
  readonly #isFull: Uint8Array;
  #seen = -1;

  constructor(counts: SpreadCounts) {
    this.#counts = counts;
    this.#isFull = new Uint8Array(counts.inPlace.length);
  }

  /** Adds the slots in places that became full, or are not any more, since this was last called. */
  takeStale(isFull: (place: number) => boolean, into: number[]): void {
    const { changes, topology } = this.#counts;
    if (changes === this.#seen) return;
    this.#seen = changes;
    for (let place = 0; place < this.#isFull.length; place++) {
      const full = isFull(place) ? 1 : 0;
      if (full === this.#isFull[place]) continue;
      this.#isFull[place] = full;
      for (const slot of topology.slotsIn(place)) into.push(slot);
    }
  }
}
