// Decides where one pod goes: filters, then scores, then the best node, by chance among equals. Every node is looked at.
// Source: schedule_one.go schedulePod, findNodesThatFitPod, prioritizeNodes.
import { Lru } from '#base/lru.ts';
import type { Diagnosis } from '../framework/fit-error.ts';
import type { Refusal } from '../framework/plugin.ts';
import { type Profile, signatureOf } from '../framework/profile.ts';
import { isRejected, type Status, statusMessage, unresolvable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { PodClass } from './pod-class.ts';
import { Trial } from '../state/trial.ts';
import { bestNode, NodeScratch } from './score-nodes.ts';

export type Decision =
  | { readonly kind: 'placed'; readonly node: string; readonly feasible: number }
  | { readonly kind: 'no-nodes' }
  /** `plugins`: whose events wake the pod. */
  | { readonly kind: 'refused'; readonly diagnosis: Diagnosis; readonly plugins: ReadonlySet<string>; readonly refusal: Refusal }
  /** A plugin failed, which says nothing of the pod. */
  | { readonly kind: 'failed'; readonly message: string };

/** Pods that are expected on a node once their victims are gone. */
export interface Nominations {
  readonly size: number;
  /** Node names with the pods nominated to them. */
  entries(): Iterable<readonly [string, readonly PodInfo[]]>;
}

export interface PlacerOptions {
  readonly profile: Profile;
  readonly cluster: ClusterState;
  readonly nominations: Nominations;
  /** In [0, 1): chooses among equally good nodes. */
  readonly fraction: () => number;
}

/** Kinds of pods whose results are kept. */
const KEPT_CLASSES = 64;

export class PodPlacer {
  readonly #options: PlacerOptions;
  readonly #classes = new Lru<string, PodClass>(KEPT_CLASSES);
  readonly #scratch = new NodeScratch();
  /** By slot, the pods nominated to it that the pod at hand yields to. */
  #ahead: ReadonlyMap<number, readonly PodInfo[]> = new Map();

  constructor(options: PlacerOptions) {
    this.#options = options;
  }

  place(pod: PodInfo): Decision {
    const { cluster } = this.#options;
    if (cluster.nodeCount === 0) return { kind: 'no-nodes' };
    this.#ahead = this.#nominatedSlots(pod);
    const kind = this.#classOf(pod);
    if (kind.refusal !== undefined) return this.#refusedBeforeNodes(pod, kind, kind.refusal);

    const nominated = this.#nominatedNode(pod, kind);
    if (nominated !== undefined) return { kind: 'placed', node: nominated, feasible: 1 };

    const count = kind.nodeNames === undefined ? this.#collect(kind) : this.#collectNamed(kind, kind.nodeNames);
    if (count === 0) return this.#refused(pod, kind);
    const { slots } = this.#scratch;
    const best = count === 1 ? (slots[0] as number) : bestNode(kind, this.#scratch, count, this.#options.fraction);
    return { kind: 'placed', node: cluster.nodes[best]?.metadata.name as string, feasible: count };
  }

  #classOf(pod: PodInfo): PodClass {
    const { profile, cluster } = this.#options;
    const signature = signatureOf(profile, pod.pod, cluster);
    const kept = signature === undefined ? undefined : this.#classes.get(signature);
    if (kept?.refresh() === true) return kept;
    const made = new PodClass(pod, profile, cluster);
    // A pod that names its nodes looks at few, and hardly any other names the same.
    if (signature !== undefined && made.nodeNames === undefined) this.#classes.set(signature, made);
    return made;
  }

  /** The node that was made free for the pod, if it takes it now: hardly another will. */
  #nominatedNode(pod: PodInfo, kind: PodClass): string | undefined {
    const name = pod.pod.status?.nominatedNodeName ?? '';
    const slot = name === '' ? undefined : this.#options.cluster.slotOf(name);
    return slot !== undefined && this.#statusOf(kind, slot) === undefined ? name : undefined;
  }

  #collect(kind: PodClass): number {
    const slots = this.#scratch.reserve(this.#options.cluster.slotCount);
    const count = kind.collect(slots);
    if (this.#ahead.size === 0) return count;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      if (!this.#ahead.has(slot) || this.#statusOf(kind, slot) === undefined) slots[kept++] = slot;
    }
    return kept;
  }

  #collectNamed(kind: PodClass, names: ReadonlySet<string>): number {
    const slots = this.#scratch.reserve(names.size);
    let count = 0;
    for (const name of names) {
      const slot = this.#options.cluster.slotOf(name);
      if (slot !== undefined && this.#statusOf(kind, slot) === undefined) slots[count++] = slot;
    }
    return count;
  }

  /**
   * The pod must fit both with and without the pods nominated to the node that are as important or more. Source:
   * RunFilterPluginsWithNominatedPods.
   */
  #statusOf(kind: PodClass, slot: number): Status | undefined {
    const ahead = this.#ahead.get(slot);
    return (ahead === undefined ? undefined : tryWith(this.#options.cluster, kind, slot, ahead)) ?? kind.check(slot);
  }

  #nominatedSlots({ uid, priority }: PodInfo): ReadonlyMap<number, readonly PodInfo[]> {
    const { cluster, nominations } = this.#options;
    const found = new Map<number, readonly PodInfo[]>();
    for (const [name, pods] of nominations.entries()) {
      const slot = cluster.slotOf(name);
      const ahead = pods.filter((other) => other.priority >= priority && other.uid !== uid && cluster.nodeOf(other.uid) === undefined);
      if (slot !== undefined && ahead.length > 0) found.set(slot, ahead);
    }
    return found;
  }

  #refusedBeforeNodes(pod: PodInfo, kind: PodClass, status: Status): Decision {
    if (!isRejected(status)) return { kind: 'failed', message: statusMessage(status) };
    return {
      kind: 'refused',
      plugins: new Set(status.plugin === '' ? kind.namingPlugins : [status.plugin]),
      diagnosis: { nodeCount: this.#options.cluster.nodeCount, statuses: new Map(), preFilterMessage: statusMessage(status) },
      refusal: this.#refusal(pod, kind, () => status),
    };
  }

  #refused(pod: PodInfo, kind: PodClass): Decision {
    const { cluster } = this.#options;
    const statuses = new Map<Status, number>();
    const bySlot: Status[] = Array.from({ length: cluster.slotCount });
    const plugins = new Set<string>(kind.namingPlugins);
    const elsewhere = unresolvable('', `node(s) didn't satisfy plugin(s) [${kind.namingPlugins.toSorted().join(' ')}]`);
    const statusOf = (slot: number): Status => {
      const name = cluster.nodes[slot]?.metadata.name ?? '';
      if (kind.nodeNames?.has(name) === false) return elsewhere;
      return this.#statusOf(kind, slot) ?? elsewhere;
    };
    for (let slot = 0; slot < cluster.slotCount; slot++) {
      if (cluster.nodes[slot] === undefined) continue;
      const status = statusOf(slot);
      if (status.code === 'Error') return { kind: 'failed', message: statusMessage(status) };
      bySlot[slot] = status;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status.plugin !== '') plugins.add(status.plugin);
    }
    const diagnosis = { nodeCount: cluster.nodeCount, statuses };
    // Plugins that look for a way out ask again about every node: with many nominated pods that is dear.
    return { kind: 'refused', diagnosis, plugins, refusal: this.#refusal(pod, kind, (slot) => bySlot[slot] ?? elsewhere) };
  }

  #refusal(pod: PodInfo, kind: PodClass, statusOf: Refusal['statusOf']): Refusal {
    const { cluster } = this.#options;
    const checkNow = (slot: number): Status | undefined => {
      const ahead = this.#ahead.get(slot);
      return (ahead === undefined ? undefined : tryWith(cluster, kind, slot, ahead)) ?? kind.checkAnew(slot);
    };
    return { pod, statusOf, checkNow, watchers: kind.filters };
  }
}

/** The first refusal with `others` on the node. */
function tryWith(cluster: ClusterState, kind: PodClass, slot: number, others: readonly PodInfo[]): Status | undefined {
  const trial = new Trial(cluster, slot, kind.filters);
  for (const pod of others) trial.add(pod);
  try {
    return kind.checkAnew(slot);
  } finally {
    trial.undo();
  }
}
