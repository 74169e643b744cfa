// The ConfigMaps and Secrets of the pods on this node.
import { configmaps, secrets } from '#api/resources.ts';
import type { ConfigMap, Pod, Secret } from '#api/types.ts';
import type { References } from '../env/variables.ts';
import { ObjectCache, type ObjectCacheDeps } from './object-cache.ts';
import { referencedBy } from './referenced.ts';

export class PodReferences implements References {
  readonly #configMaps: ObjectCache<ConfigMap>;
  readonly #secrets: ObjectCache<Secret>;

  constructor(deps: ObjectCacheDeps) {
    this.#configMaps = new ObjectCache(configmaps, deps);
    this.#secrets = new ObjectCache(secrets, deps);
  }

  configMap(namespace: string, name: string): Promise<ConfigMap> {
    return this.#configMaps.get(namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret> {
    return this.#secrets.get(namespace, name);
  }

  /** Watches what the pod refers to, until it is released. */
  hold({ metadata: { uid, namespace }, spec }: Pod): void {
    const referenced = referencedBy(spec);
    this.#configMaps.hold(uid, namespace, referenced.configMaps);
    this.#secrets.hold(uid, namespace, referenced.secrets);
  }

  release(podUid: string): void {
    this.#configMaps.release(podUid);
    this.#secrets.release(podUid);
  }

  stop(): void {
    this.#configMaps.stop();
    this.#secrets.stop();
  }
}
