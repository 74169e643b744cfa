// Decides where one pod goes: filters, then scores, then the best node, by chance among equals. Every node is looked at.
// Source: schedule_one.go schedulePod, findNodesThatFitPod, prioritizeNodes.
import type { Node } from '#api/types.ts';
import type { Diagnosis } from '../framework/fit-error.ts';
import type { NodeFilter, Refusal } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { isRejected, type Status, statusMessage, unresolvable } from '../framework/status.ts';
import type { EvaluationPoint, FrameworkTimes, Point } from '../metrics/times.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { NodeRanking } from './node-ranking.ts';
import type { PodClass } from './pod-class.ts';
import { type PodKind, PodKinds } from './pod-kinds.ts';
import { bestNode, bestRanked, NodeScratch } from './score-nodes.ts';

export type Decision =
  | { readonly kind: 'placed'; readonly node: string; readonly feasible: number }
  | { readonly kind: 'no-nodes' }
  /** `plugins`: whose events wake the pod. */
  | { readonly kind: 'refused'; readonly diagnosis: Diagnosis; readonly plugins: ReadonlySet<string>; readonly refusal: Refusal }
  /** A plugin failed, which says nothing of the pod. */
  | { readonly kind: 'failed'; readonly message: string };

export type NotPlaced = Exclude<Decision, { kind: 'placed' }>;

/** What is said outside the scheduler of nodes that have room for a pod. */
export interface Opinion {
  /** The nodes that are left, each with what is to be added to its score. */
  readonly passed: ReadonlyMap<string, number>;
  readonly refused: ReadonlyMap<string, Status>;
}

export interface PlacerOptions {
  readonly profile: Profile;
  readonly cluster: ClusterState;
  /** In [0, 1): chooses among equally good nodes. */
  readonly fraction: () => number;
  /** Absent: nothing is timed. */
  readonly times?: FrameworkTimes;
}

const NO_NODE = { code: 'Unschedulable' } as const;

export class PodPlacer {
  readonly #options: PlacerOptions;
  readonly #kinds: PodKinds;
  readonly #scratch = new NodeScratch();

  constructor(options: PlacerOptions) {
    this.#options = options;
    this.#kinds = new PodKinds(options);
  }

  /** The nodes that have room for the pod, for others to judge; or what is decided without them. */
  feasible(pod: PodInfo): readonly Node[] | NotPlaced {
    const { cluster } = this.#options;
    const begun = this.#begin(pod);
    if (begun.kind !== 'pod') return begun;
    const count = this.#collectAll(pod, begun);
    if (count === 0) return this.#refused(pod, begun);
    return Array.from(this.#scratch.slots.subarray(0, count), (slot) => cluster.nodes[slot] as Node);
  }

  /** `opinion`: of the nodes that were feasible before; no other is chosen. */
  place(pod: PodInfo, opinion?: Opinion): Decision {
    const { cluster, fraction } = this.#options;
    const begun = this.#begin(pod);
    if (begun.kind !== 'pod') return begun;

    const nominated = this.#nominatedNode(pod, begun);
    if (nominated !== undefined && opinion?.passed.has(nominated) !== false) return { kind: 'placed', node: nominated, feasible: 1 };

    const ranking = opinion === undefined ? this.#ranking(pod, begun) : undefined;
    if (ranking !== undefined) return ranking.count === 0 ? this.#refused(pod, begun) : this.#placeRanked(begun.like, ranking);
    const count = this.#leave(this.#collectAll(pod, begun), opinion);
    if (count === 0) return this.#refused(pod, begun, opinion);
    const { slots } = this.#scratch;
    const best =
      count === 1
        ? (slots[0] as number)
        : this.#timed('Score', () => bestNode(begun.like, this.#scratch, count, { fraction, ...this.#extra(opinion) }));
    if (count > 1) this.#scored(begun.like);
    return { kind: 'placed', node: cluster.nodes[best]?.metadata.name as string, feasible: count };
  }

  /** What is kept in step of the nodes for the pod, where its kind decides all. */
  #ranking(pod: PodInfo, { like, isKept, own }: PodKind): NodeRanking | undefined {
    if (!isKept || !like.isRanked || own.length > 0 || this.#ownSlot(pod) !== undefined) return undefined;
    this.#asked('Filter', like.asked.Filter);
    return this.#timed(
      'Filter',
      () => like.ranking(),
      ({ count }) => (count === 0 ? NO_NODE : undefined),
    );
  }

  #placeRanked(like: PodClass, ranking: NodeRanking): Decision {
    const { cluster, fraction } = this.#options;
    const best = this.#timed('Score', () => bestRanked(like, ranking, this.#scratch, { fraction }));
    if (ranking.count > 1) this.#scored(like);
    return { kind: 'placed', node: cluster.nodes[best]?.metadata.name as string, feasible: ranking.count };
  }

  #begin(pod: PodInfo): PodKind | NotPlaced {
    if (this.#options.cluster.nodeCount === 0) return { kind: 'no-nodes' };
    const found = this.#timed(
      'PreFilter',
      () => this.#kinds.of(pod),
      ({ like }) => like.refusal,
    );
    this.#asked('PreFilter', found.like.asked.PreFilter, found.particular);
    this.#options.times?.batched(this.#options.profile.schedulerName, found.isReused);
    return found.like.refusal === undefined ? found : this.#refusedBeforeNodes(pod, found.like, found.like.refusal);
  }

  #collectAll(pod: PodInfo, { like, own, particular }: PodKind): number {
    this.#asked('Filter', like.asked.Filter, particular);
    const collect = (): number => {
      const count = like.nodeNames === undefined ? this.#collect(pod, like) : this.#collectNamed(pod, like, like.nodeNames);
      return own.length === 0 ? count : this.#leaveOwn(pod, like, own, count);
    };
    return this.#timed('Filter', collect, (found) => (found === 0 ? NO_NODE : undefined));
  }

  /** Of the slots collected, those that filters of this pod alone pass too. */
  #leaveOwn({ uid }: PodInfo, like: PodClass, own: readonly NodeFilter[], count: number): number {
    const { slots } = this.#scratch;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      if (like.checkAlso(own, slot, uid) === undefined) slots[kept++] = slot;
    }
    return kept;
  }

  /** Of the slots collected, those that others left. */
  #leave(count: number, opinion: Opinion | undefined): number {
    if (opinion === undefined) return count;
    const { slots } = this.#scratch;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      if (opinion.passed.has(this.#options.cluster.nodes[slot]?.metadata.name ?? '')) slots[kept++] = slot;
    }
    return kept;
  }

  #extra(opinion: Opinion | undefined): { readonly extra?: (slot: number) => number } {
    if (opinion === undefined) return {};
    return { extra: (slot) => opinion.passed.get(this.#options.cluster.nodes[slot]?.metadata.name ?? '') ?? 0 };
  }

  #asked(point: EvaluationPoint, ...lists: readonly (readonly string[])[]): void {
    const { times, profile } = this.#options;
    if (times !== undefined) for (const plugins of lists) times.evaluated(point, profile.schedulerName, plugins);
  }

  #scored(like: PodClass): void {
    this.#asked('PreScore', like.asked.PreScore);
    this.#asked('Score', like.scoring);
  }

  #timed<T>(point: Point, work: () => T, statusOf?: (result: T) => Pick<Status, 'code'> | undefined): T {
    const { times, profile } = this.#options;
    return times === undefined ? work() : times.point(point, profile.schedulerName, work, statusOf);
  }

  /** The node that was made free for the pod, if it takes it now: hardly another will. */
  #nominatedNode(pod: PodInfo, { like, own }: PodKind): string | undefined {
    const name = pod.pod.status?.nominatedNodeName ?? '';
    const slot = name === '' ? undefined : this.#options.cluster.slotOf(name);
    if (slot === undefined || this.#statusOf(pod, like, slot) !== undefined) return undefined;
    return like.checkAlso(own, slot, pod.uid) === undefined ? name : undefined;
  }

  #collect(pod: PodInfo, kind: PodClass): number {
    const slots = this.#scratch.reserve(this.#options.cluster.slotCount);
    const count = kind.collect(slots);
    const own = this.#ownSlot(pod);
    if (own === undefined) return count;
    const at = slots.subarray(0, count).indexOf(own);
    const fits = kind.checkAnew(own, pod.uid) === undefined;
    if (fits === (at !== -1)) return count;
    if (fits) slots[count] = own;
    else slots.copyWithin(at, at + 1, count);
    return fits ? count + 1 : count - 1;
  }

  #collectNamed(pod: PodInfo, kind: PodClass, names: ReadonlySet<string>): number {
    const slots = this.#scratch.reserve(names.size);
    let count = 0;
    for (const name of names) {
      const slot = this.#options.cluster.slotOf(name);
      if (slot !== undefined && this.#statusOf(pod, kind, slot) === undefined) slots[count++] = slot;
    }
    return count;
  }

  /** The node the pod is nominated to: it does not yield to itself there, so what is kept of its kind does not hold. */
  #ownSlot({ uid }: PodInfo): number | undefined {
    const { cluster } = this.#options;
    const name = cluster.nominator.nodeOf(uid);
    return name === undefined ? undefined : cluster.slotOf(name);
  }

  #statusOf(pod: PodInfo, kind: PodClass, slot: number): Status | undefined {
    return slot === this.#ownSlot(pod) ? kind.checkAnew(slot, pod.uid) : kind.check(slot);
  }

  #refusedBeforeNodes(pod: PodInfo, kind: PodClass, status: Status): NotPlaced {
    if (!isRejected(status)) return { kind: 'failed', message: `running PreFilter plugin "${status.plugin}": ${statusMessage(status)}` };
    return {
      kind: 'refused',
      plugins: new Set(status.plugin === '' ? kind.namingPlugins : [status.plugin]),
      diagnosis: { nodeCount: this.#options.cluster.nodeCount, statuses: new Map(), preFilterMessage: statusMessage(status) },
      refusal: this.#refusal(pod, kind, () => status, status.code === 'Unschedulable' ? this.#allSlots() : []),
    };
  }

  #allSlots(): readonly number[] {
    return [...this.#options.cluster.nodes.keys()].filter((slot) => this.#options.cluster.nodes[slot] !== undefined);
  }

  #refused(pod: PodInfo, found: PodKind, opinion?: Opinion): NotPlaced {
    // Which plugin refuses a node first is told by asking them all in order, and preemption asks them together.
    const kind = found.own.length === 0 ? found.like : this.#kinds.alone(pod);
    if (kind !== found.like) this.#collectAll(pod, { kind: 'pod', like: kind, isKept: false, isReused: false, own: [], particular: [] });
    if (opinion !== undefined) return this.#refusedOneByOne(pod, kind, opinion);
    const own = this.#ownSlot(pod);
    const plain = own === undefined && kind.nodeNames === undefined ? kind.refusals : undefined;
    if (plain === undefined) return this.#refusedOneByOne(pod, kind);
    const all = this.#scratch.reserve(this.#options.cluster.slotCount);
    const slots = all.subarray(0, kind.collectUnschedulable(all));
    return this.#refusedBy(
      new Map(plain),
      kind,
      this.#refusal(pod, kind, (slot) => kind.check(slot) as Status, slots),
    );
  }

  #refusedOneByOne(pod: PodInfo, kind: PodClass, opinion?: Opinion): NotPlaced {
    const { cluster } = this.#options;
    const elsewhere = unresolvable('', `node(s) didn't satisfy plugin(s) [${kind.namingPlugins.toSorted().join(' ')}]`);
    const statuses = new Map<Status, number>();
    const bySlot: Status[] = Array.from({ length: cluster.slotCount });
    const slots: number[] = [];
    for (let slot = 0; slot < cluster.slotCount; slot++) {
      const node = cluster.nodes[slot];
      if (node === undefined) continue;
      const isNamed = kind.nodeNames?.has(node.metadata.name) !== false;
      const own = isNamed ? this.#statusOf(pod, kind, slot) : elsewhere;
      const status = own ?? opinion?.refused.get(node.metadata.name) ?? elsewhere;
      bySlot[slot] = status;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status.code === 'Unschedulable') slots.push(slot);
    }
    // Plugins that look for a way out ask again about every node.
    return this.#refusedBy(
      statuses,
      kind,
      this.#refusal(pod, kind, (slot) => bySlot[slot] ?? elsewhere, slots),
    );
  }

  #refusedBy(statuses: ReadonlyMap<Status, number>, kind: PodClass, refusal: Refusal): NotPlaced {
    const plugins = new Set<string>(kind.namingPlugins);
    for (const status of statuses.keys()) {
      if (status.code === 'Error') return { kind: 'failed', message: `running "${status.plugin}" filter plugin: ${statusMessage(status)}` };
      if (status.plugin !== '') plugins.add(status.plugin);
    }
    return { kind: 'refused', diagnosis: { nodeCount: this.#options.cluster.nodeCount, statuses }, plugins, refusal };
  }

  #refusal(pod: PodInfo, kind: PodClass, statusOf: Refusal['statusOf'], unschedulable: Refusal['unschedulable']): Refusal {
    const own = this.#ownSlot(pod);
    return {
      pod,
      statusOf,
      unschedulable,
      checkNow: (slot) => kind.checkAnew(slot, slot === own ? pod.uid : ''),
      keep: (owner, slot, work) => (slot === own ? work() : kind.keep(owner, slot, work)),
      isPrepared: (plugin) => kind.prepared.has(plugin),
      watchers: kind.filters,
    };
  }
}
