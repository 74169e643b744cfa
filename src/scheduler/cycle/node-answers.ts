// What plugins that look at one node alone say of it, kept until the node changes and shared by all kinds of pods that these
// plugins treat alike: a thousand Deployments that differ in how they are spread ask about each node once.
import { Lru } from '#base/lru.ts';
import type { NodeFilter, NodeScore, Plugin } from '../framework/plugin.ts';
import { UNLIKE_ANY } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import type { PreparedScore } from './prepare.ts';

/** Sets of plugins and what they read of a pod, whose answers are kept, of either sort. */
const KEPT_ANSWERS = 256;

/** Knows the slots that were looked at since they changed. Holds for one epoch. */
abstract class AnswersBySlot {
  readonly #cluster: ClusterState;
  readonly #epoch: number;
  readonly #isSeen: Uint8Array;
  #position: number;

  constructor(cluster: ClusterState) {
    this.#cluster = cluster;
    this.#epoch = cluster.epoch;
    this.#position = cluster.log.position;
    this.#isSeen = new Uint8Array(cluster.slotCount);
  }

  /** Takes in what happened since it was last called; false when all must be made anew. */
  refresh(): boolean {
    const cluster = this.#cluster;
    if (cluster.epoch !== this.#epoch || cluster.slotCount !== this.#isSeen.length) return false;
    const changes = cluster.log.since(this.#position);
    if (changes === undefined) return false;
    for (const { slot } of changes) this.#isSeen[slot] = 0;
    this.#position = cluster.log.position;
    return true;
  }

  /** Whether the slot is looked at for the first time since it changed. */
  protected isNew(slot: number): boolean {
    if (this.#isSeen[slot] === 1) return false;
    this.#isSeen[slot] = 1;
    return true;
  }
}

/** The first refusal of filters of the scope `node`, without any pod that is nominated. */
export class NodeVerdicts extends AnswersBySlot {
  readonly #filters: readonly NodeFilter[];
  readonly #slotCount: number;
  /** Made when a node is first asked about: many a pod is refused before. */
  #statuses: (Status | undefined)[] | undefined;

  constructor(filters: readonly NodeFilter[], cluster: ClusterState) {
    super(cluster);
    this.#filters = filters;
    this.#slotCount = cluster.slotCount;
  }

  of(slot: number): Status | undefined {
    const statuses = (this.#statuses ??= Array.from({ length: this.#slotCount }));
    if (this.isNew(slot)) statuses[slot] = firstRefusal(this.#filters, slot);
    return statuses[slot];
  }
}

/** Of a plugin of the scope `node`. */
export interface NodeScoring {
  readonly score: NodeScore;
  readonly weight: number;
  /** By slot. */
  readonly raw: Float64Array;
}

/** What plugins of the scope `node` score. */
export class NodeScores extends AnswersBySlot {
  readonly scorings: readonly NodeScoring[];
  /** Of them, those that are normalised by the greatest of the feasible nodes. */
  readonly relative: readonly NodeScoring[];
  /** By slot, the weighted sum of those that need not be. */
  readonly fixed: Float64Array;

  constructor(scores: readonly PreparedScore[], cluster: ClusterState) {
    super(cluster);
    this.scorings = scores.map(({ score, weight }) => ({ score, weight, raw: new Float64Array(cluster.slotCount) }));
    this.relative = this.scorings.filter(({ score: { normalize } }) => normalize === 'ascending' || normalize === 'descending');
    this.fixed = new Float64Array(cluster.slotCount);
  }

  /** Makes the scores of the node in `slot`. */
  make(slot: number): void {
    if (!this.isNew(slot)) return;
    let fixed = 0;
    for (const { score, weight, raw } of this.scorings) {
      raw[slot] = score.score(slot);
      if (score.normalize === 'none') fixed += weight * (raw[slot] as number);
    }
    this.fixed[slot] = fixed;
  }
}

/** What is shared, by what it depends on. */
export class NodeAnswers {
  readonly #cluster: ClusterState;
  readonly #verdicts = new Lru<string, NodeVerdicts>(KEPT_ANSWERS);
  readonly #scores = new Lru<string, NodeScores>(KEPT_ANSWERS);

  constructor(cluster: ClusterState) {
    this.#cluster = cluster;
  }

  /** Of `filters` for the pod; `plugins`: of each in order. */
  verdicts(pod: PodInfo, plugins: readonly Plugin[], filters: readonly NodeFilter[]): NodeVerdicts {
    return kept(this.#verdicts, this.#key(pod, plugins), () => new NodeVerdicts(filters, this.#cluster));
  }

  scores(pod: PodInfo, scores: readonly PreparedScore[]): NodeScores {
    const plugins = scores.map(({ plugin }) => plugin);
    return kept(this.#scores, this.#key(pod, plugins), () => new NodeScores(scores, this.#cluster));
  }

  /** Equal for pods that these plugins treat alike; undefined where one finds the pod like no other. */
  #key({ pod }: PodInfo, plugins: readonly Plugin[]): string | undefined {
    const parts = plugins.map((plugin) => [
      plugin.name,
      plugin.sign === undefined ? UNLIKE_ANY : (plugin.sign(pod, this.#cluster) ?? null),
    ]);
    return parts.some(([, part]) => part === UNLIKE_ANY) ? undefined : JSON.stringify(parts);
  }
}

function kept<T extends AnswersBySlot>(all: Lru<string, T>, key: string | undefined, make: () => T): T {
  const known = key === undefined ? undefined : all.get(key);
  if (known?.refresh() === true) return known;
  const made = make();
  if (key !== undefined) all.set(key, made);
  return made;
}

export function firstRefusal(filters: readonly NodeFilter[], slot: number): Status | undefined {
  for (const filter of filters) {
    const status = filter.check(slot);
    if (status !== undefined) return status;
  }
  return undefined;
}
