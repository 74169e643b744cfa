// What names a kind and a resource, everywhere in Proa.

export interface GroupVersionKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
}

/**
 * A served resource with the TypeScript type of its objects: `pods` in `#api/resources.ts` is a `Resource<Pod>`.
 * A custom resource is one too, built from its CRD.
 */
export interface Resource<T = unknown> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never present; carries `T` for inference. */
  readonly __object?: T;
}

/** `v1` for the core group, else `apps/v1`. */
export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The inverse of apiVersionOf; a malformed value gives an empty group and the value as version. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `pods` or `deployments.apps`, as error messages and RBAC name a resource. Source: GroupResource.String. */
export function groupResourceString({ group, resource }: { readonly group: string; readonly resource: string }): string {
  return group === '' ? resource : `${resource}.${group}`;
}
