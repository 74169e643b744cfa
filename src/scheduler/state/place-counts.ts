// Numbers by place: a label key and one of its values. Nodes with that value are in the place.
import type { ClusterState } from './cluster-state.ts';
import type { Topology } from './topology.ts';

interface Column {
  readonly topology: Topology;
  readonly counts: Float64Array;
  /** Entries that are not 0. */
  used: number;
  /** Places whose number became positive, or is not any more, since `takeCrossed`. */
  readonly crossed: Set<number>;
}

/** Holds for one epoch, and until a node's labels change. */
export class PlaceCounts {
  readonly #cluster: ClusterState;
  readonly #columns = new Map<string, Column>();

  constructor(cluster: ClusterState) {
    this.#cluster = cluster;
  }

  /** Every number is 0. */
  get isEmpty(): boolean {
    for (const { used } of this.#columns.values()) if (used > 0) return false;
    return true;
  }

  /** Adds `value` to the place that the node in `slot` is in, if it is in one. */
  add(key: string, slot: number, value: number): void {
    const column = this.#column(key);
    const place = column.topology.of(slot);
    if (place < 0 || value === 0) return;
    const before = column.counts[place] as number;
    column.counts[place] = before + value;
    if (before > 0 !== before + value > 0) column.crossed.add(place);
    if (before === 0) column.used++;
    else if (before + value === 0) column.used--;
  }

  hasPlace(key: string, slot: number): boolean {
    return this.#column(key).topology.of(slot) >= 0;
  }

  at(key: string, slot: number): number {
    const { topology, counts } = this.#column(key);
    const place = topology.of(slot);
    return place < 0 ? 0 : (counts[place] as number);
  }

  /** Whether any place of the node has a positive number. */
  anyAt(slot: number): boolean {
    for (const { topology, counts, used } of this.#columns.values()) {
      if (used === 0) continue;
      const place = topology.of(slot);
      if (place >= 0 && (counts[place] as number) > 0) return true;
    }
    return false;
  }

  /** Slots of the nodes in places whose number became positive, or is not any more, since this was last called. */
  takeCrossed(into: number[]): void {
    for (const { topology, crossed } of this.#columns.values()) {
      if (crossed.size === 0) continue;
      for (const place of crossed) for (const slot of topology.slotsIn(place)) into.push(slot);
      crossed.clear();
    }
  }

  /** Over all places of the node. */
  sumAt(slot: number): number {
    let sum = 0;
    for (const { topology, counts } of this.#columns.values()) {
      const place = topology.of(slot);
      if (place >= 0) sum += counts[place] as number;
    }
    return sum;
  }

  #column(key: string): Column {
    let column = this.#columns.get(key);
    if (column === undefined) {
      const topology = this.#cluster.topology(key);
      column = { topology, counts: new Float64Array(topology.size), used: 0, crossed: new Set() };
      this.#columns.set(key, column);
    }
    return column;
  }
}
