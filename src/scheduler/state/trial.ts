// What if these pods came to a node, or left it? Counted in for a while, and always taken back.
import type { ClusterState } from './cluster-state.ts';
import type { PodInfo } from './pod-info.ts';

/** Hears of every change, as of a real one. */
interface Watcher {
  readonly podChanged?: ((slot: number, pod: PodInfo, sign: 1 | -1) => void) | undefined;
}

/** While one is open no kept results may be refreshed. Trials may be nested. */
export class Trial {
  readonly #cluster: ClusterState;
  readonly #slot: number;
  readonly #watchers: readonly Watcher[];
  readonly #changes: { readonly pod: PodInfo; readonly sign: 1 | -1 }[] = [];

  constructor(cluster: ClusterState, slot: number, watchers: readonly Watcher[]) {
    this.#cluster = cluster;
    this.#slot = slot;
    this.#watchers = watchers.filter(({ podChanged }) => podChanged !== undefined);
  }

  add(pod: PodInfo): void {
    this.#changes.push({ pod, sign: 1 });
    this.#apply(pod, 1);
  }

  remove(pod: PodInfo): void {
    this.#changes.push({ pod, sign: -1 });
    this.#apply(pod, -1);
  }

  undo(): void {
    for (const { pod, sign } of this.#changes.toReversed()) this.#apply(pod, sign === 1 ? -1 : 1);
    this.#changes.length = 0;
  }

  #apply(pod: PodInfo, sign: 1 | -1): void {
    this.#cluster.countUnlogged(this.#slot, pod, sign);
    for (const watcher of this.#watchers) watcher.podChanged?.(this.#slot, pod, sign);
  }
}
