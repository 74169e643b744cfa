// Pods that are expected on a node once the pods evicted for them are gone. Source: backend/queue nominator.go.
import type { Pod } from '#api/types.ts';
import type { Nominations } from '../cycle/place-pod.ts';
import type { PodInfo } from '../state/pod-info.ts';

export class Nominator implements Nominations {
  readonly #infoOf: (pod: Pod) => PodInfo;
  readonly #nodeOf = new Map<string, string>();
  readonly #podsOn = new Map<string, Map<string, PodInfo>>();

  constructor(infoOf: (pod: Pod) => PodInfo) {
    this.#infoOf = infoOf;
  }

  get size(): number {
    return this.#nodeOf.size;
  }

  *entries(): Iterable<readonly [string, readonly PodInfo[]]> {
    for (const [node, pods] of this.#podsOn) yield [node, [...pods.values()]];
  }

  podsOn(node: string): readonly PodInfo[] {
    return [...(this.#podsOn.get(node)?.values() ?? [])];
  }

  /** On `node`, or on the one its status names; nowhere when neither does. A pod with a node of its own is not nominated. */
  nominate(pod: Pod, node = pod.status?.nominatedNodeName ?? ''): void {
    this.remove(pod.metadata.uid);
    if (node === '' || (pod.spec.nodeName ?? '') !== '') return;
    this.#nodeOf.set(pod.metadata.uid, node);
    const pods = this.#podsOn.get(node) ?? new Map<string, PodInfo>();
    pods.set(pod.metadata.uid, this.#infoOf(pod));
    this.#podsOn.set(node, pods);
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
    const pods = this.#podsOn.get(node);
    pods?.delete(uid);
    if (pods?.size === 0) this.#podsOn.delete(node);
  }
}
