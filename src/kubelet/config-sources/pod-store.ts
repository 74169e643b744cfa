// The pods this node is to run, whatever their source, and the API objects that stand for them.
import type { Pod } from '#api/types.ts';
import { isMirrorPod } from '#api/pods.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { isStaticPod, podFullName, podKey } from '../pod/identity.ts';

/** Source: pkg/kubelet/pod manager. */
export class PodStore {
  /** By uid; mirror pods among them. */
  readonly #api = new Map<string, Pod>();
  readonly #static = new Map<string, Pod>();
  /** Mirror pods by full name. */
  readonly #mirrors = new Map<string, Pod>();

  setApi(pod: Pod): void {
    this.#api.set(pod.metadata.uid, pod);
    if (isMirrorPod(pod)) this.#mirrors.set(podFullName(pod), pod);
  }

  removeApi(pod: Pod): void {
    this.#api.delete(pod.metadata.uid);
    if (this.#mirrors.get(podFullName(pod))?.metadata.uid === pod.metadata.uid) this.#mirrors.delete(podFullName(pod));
  }

  setStatic(pod: Pod): void {
    this.#static.set(pod.metadata.uid, pod);
  }

  removeStatic(uid: string): void {
    this.#static.delete(uid);
  }

  /** A pod to run, by its uid. */
  get(uid: string): Pod | undefined {
    const pod = this.#static.get(uid) ?? this.#api.get(uid);
    return pod === undefined || isMirrorPod(pod) ? undefined : pod;
  }

  /** Pods to run. */
  *all(): Generator<Pod> {
    yield* this.#static.values();
    for (const pod of this.#api.values()) if (!isMirrorPod(pod)) yield pod;
  }

  statics(): Iterable<Pod> {
    return this.#static.values();
  }

  /** The API's object for a pod to run: itself, or for a static pod its mirror. */
  apiPod(uid: string): Pod | undefined {
    const pod = this.#static.get(uid);
    return pod === undefined ? this.#api.get(uid) : this.mirrorOf(pod);
  }

  /** The static pod a mirror stands for. */
  staticOf(mirror: Pod): Pod | undefined {
    for (const pod of this.#static.values()) if (podFullName(pod) === podFullName(mirror)) return pod;
    return undefined;
  }

  mirrorOf(pod: Pod): Pod | undefined {
    return this.#mirrors.get(podFullName(pod));
  }

  mirrors(): Iterable<Pod> {
    return this.#mirrors.values();
  }

  byName(namespace: string, name: string): Pod | undefined {
    for (const pod of this.all()) if (podKey(pod) === `${namespace}/${name}`) return pod;
    return undefined;
  }
}

/** Whether the mirror shows this static pod as it is now. Source: IsMirrorPodOf. */
export function mirrors(mirror: Pod, pod: Pod): boolean {
  return isStaticPod(pod) && mirror.metadata.annotations?.[ANNOTATION.mirrorPod] === pod.metadata.annotations?.[ANNOTATION.podHash];
}
