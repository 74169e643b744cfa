// Follows the resources that definitions serve, for controllers that look at every kind there is.
import { customResource } from '#api/custom-kinds.ts';
import type { CustomResourceDefinition, KubeObject } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Informer } from '#client/informer-contract.ts';

export interface CustomResourceHandlers {
  /** A resource is served from now on. */
  follow(resource: Resource<KubeObject>): void;
  /** It is served no more, or in another version. `deleted`: its definition as last seen, if that was deleted. */
  leave(resource: Resource<KubeObject>, deleted?: CustomResourceDefinition): void;
}

/** By the events of definitions; one that changes the version that is read is left and followed again. */
export function followCustomResources(definitions: Informer<CustomResourceDefinition>, { follow, leave }: CustomResourceHandlers): void {
  const followed = new Map<string, Resource<KubeObject>>();
  const settle = (name: string, resource: Resource<KubeObject> | undefined, deleted?: CustomResourceDefinition): void => {
    const known = followed.get(name);
    if (known !== undefined && resource !== undefined && known.version === resource.version) return;
    if (known !== undefined) {
      followed.delete(name);
      leave(known, deleted);
    }
    if (resource === undefined) return;
    followed.set(name, resource);
    follow(resource);
  };
  const changed = (crd: CustomResourceDefinition): void => settle(crd.metadata.name, customResource(crd));
  definitions.addHandlers({ added: changed, updated: changed, deleted: (crd) => settle(crd.metadata.name, undefined, crd) });
}
