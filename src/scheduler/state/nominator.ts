// Pods that are expected on a node once the pods evicted for them are gone. Source: backend/queue nominator.go.
import type { Pod } from '#api/types.ts';
import type { PodInfo } from './pod-info.ts';

export interface NominatorOptions {
  readonly infoOf: (pod: Pod) => PodInfo;
  /** The pods nominated to `node` are others from now on. */
  readonly changed: (node: string) => void;
}

const NOBODY: readonly PodInfo[] = [];

/** Invariant: a pod is nominated to one node at most. A node need not be there to have pods nominated to it. */
export class Nominator {
  readonly #options: NominatorOptions;
  readonly #nodeOf = new Map<string, string>();
  /** Lists are replaced, never changed. */
  readonly #podsOn = new Map<string, readonly PodInfo[]>();

  constructor(options: NominatorOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#podsOn.size === 0;
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }

  podsOn(node: string): readonly PodInfo[] {
    return this.#podsOn.get(node) ?? NOBODY;
  }

  /** On `node`, or on the one its status names; nowhere when neither does. A pod with a node of its own is not nominated. */
  nominate(pod: Pod, node = pod.status?.nominatedNodeName ?? ''): void {
    this.remove(pod.metadata.uid);
    if (node === '' || (pod.spec.nodeName ?? '') !== '') return;
    this.#nodeOf.set(pod.metadata.uid, node);
    this.#podsOn.set(node, [...this.podsOn(node), this.#options.infoOf(pod)]);
    this.#options.changed(node);
  }

  /**
   * After a change of the pod. One that was nominated here and has nothing of it in its status yet stays nominated.
   * Source: updateNominatedPodUnlocked.
   */
  update(previous: Pod, pod: Pod): void {
    const kept = this.#nodeOf.get(previous.metadata.uid);
    const named = (p: Pod): string => p.status?.nominatedNodeName ?? '';
    this.remove(previous.metadata.uid);
    this.nominate(pod, named(previous) === '' && named(pod) === '' ? (kept ?? '') : named(pod));
  }

  remove(uid: string): void {
    const node = this.#nodeOf.get(uid);
    if (node === undefined) return;
    this.#nodeOf.delete(uid);
    const left = this.podsOn(node).filter((pod) => pod.uid !== uid);
    if (left.length === 0) this.#podsOn.delete(node);
    else this.#podsOn.set(node, left);
    this.#options.changed(node);
  }
}
