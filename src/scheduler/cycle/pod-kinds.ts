// What is kept of pods like the one at hand, and what concerns it alone: a pod with volumes of its own shares everything with
// its like but the filters that look at those volumes.
import { Lru } from '#base/lru.ts';
import type { NodeFilter, Plugin } from '../framework/plugin.ts';
import { type Profile, signatureOf } from '../framework/profile.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { NodeAnswers } from './node-answers.ts';
import { PodClass } from './pod-class.ts';

export interface PodKind {
  readonly kind: 'pod';
  /** Shared with other pods, unless no other is like this one. */
  readonly like: PodClass;
  /** Whether `like` is kept, so that little of it has changed since it was last asked. */
  readonly isKept: boolean;
  /** Whether `like` was made for a pod before. */
  readonly isReused: boolean;
  /** Filters of plugins that find the pod like no other; a node must pass these, too. */
  readonly own: readonly NodeFilter[];
  /** Plugins that `own` is of; the same list for each combination. */
  readonly particular: readonly string[];
}

/** Kinds of pods whose results are kept: as many as roll out side by side in a large cluster. */
const KEPT_CLASSES = 1024;

const NO_PLUGINS: readonly string[] = [];

/** The profile without some plugins that only filter, and those. */
interface Split {
  readonly rest: Profile;
  readonly names: readonly string[];
}

export class PodKinds {
  readonly #profile: Profile;
  readonly #cluster: ClusterState;
  readonly #answers: NodeAnswers;
  readonly #classes = new Lru<string, PodClass>(KEPT_CLASSES);
  /** By the names of the plugins that are apart. */
  readonly #splits = new Map<string, Split>();

  constructor({ profile, cluster }: { readonly profile: Profile; readonly cluster: ClusterState }) {
    this.#profile = profile;
    this.#cluster = cluster;
    this.#answers = new NodeAnswers(cluster);
  }

  of(pod: PodInfo): PodKind {
    const signature = signatureOf(this.#profile, pod.pod, this.#cluster);
    const own = signature === undefined ? undefined : this.#ownFilters(pod, signature.particular);
    if (signature === undefined || own === undefined) return this.#unlike(pod);
    const { alike, particular } = signature;
    const { rest, names } = particular.length === 0 ? { rest: this.#profile, names: NO_PLUGINS } : this.#without(particular);
    const { like, isReused } = this.#kept(pod, alike, rest);
    // The first plugin of all that refuses the pod is told, so they are asked together.
    return like.refusal !== undefined && particular.length > 0
      ? this.#unlike(pod)
      : { kind: 'pod', like, isKept: like.nodeNames === undefined, isReused, own, particular: names };
  }

  /** All plugins asked about this one pod, and nothing kept. */
  alone(pod: PodInfo): PodClass {
    return new PodClass(pod, this.#profile, this.#cluster);
  }

  #unlike(pod: PodInfo): PodKind {
    return { kind: 'pod', like: this.alone(pod), isKept: false, isReused: false, own: [], particular: NO_PLUGINS };
  }

  /** `undefined` when one refuses the pod whatever the node, or names its nodes: then order among all plugins counts. */
  #ownFilters(pod: PodInfo, particular: readonly Plugin[]): readonly NodeFilter[] | undefined {
    const filters: NodeFilter[] = [];
    for (const plugin of particular) {
      const result = plugin.preFilter?.(pod, this.#cluster) ?? { kind: 'skip' };
      if (result.kind === 'rejected' || (result.kind === 'filter' && result.nodeNames !== undefined)) return undefined;
      if (result.kind === 'filter') filters.push(result.filter);
    }
    return filters;
  }

  #kept(pod: PodInfo, alike: string, profile: Profile): Pick<PodKind, 'like' | 'isReused'> {
    // Whom a pod yields to and may evict depends on its priority.
    const key = `${pod.priority}${alike}`;
    const kept = this.#classes.get(key);
    if (kept?.refresh() === true) return { like: kept, isReused: true };
    const made = new PodClass(pod, profile, this.#cluster, this.#answers);
    // A pod that names its nodes looks at few, and hardly any other names the same.
    if (made.nodeNames === undefined) this.#classes.set(key, made);
    return { like: made, isReused: false };
  }

  #without(particular: readonly Plugin[]): Split {
    const names = particular.map(({ name }) => name);
    const key = names.join();
    let split = this.#splits.get(key);
    if (split === undefined) {
      split = { rest: { ...this.#profile, filter: this.#profile.filter.filter((plugin) => !particular.includes(plugin)) }, names };
      this.#splits.set(key, split);
    }
    return split;
  }
}
