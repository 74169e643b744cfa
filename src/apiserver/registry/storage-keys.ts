// Where objects lie in the store: upstream's layout, so that tools which know it find their way.

/** Resources whose place is not their own name. Source: kube-apiserver SpecialDefaultResourcePrefixes. */
const SPECIAL: Readonly<Record<string, string>> = {
  replicationcontrollers: 'controllers',
  endpoints: 'services/endpoints',
  services: 'services/specs',
  nodes: 'minions',
  'ingresses.networking.k8s.io': 'ingress',
};

/** Groups served apart from the core server upstream, which store below their group's name. */
const GROUPED = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

/**
 * `/registry/pods/`, `/registry/deployments/`, `/registry/apiextensions.k8s.io/customresourcedefinitions/`,
 * `/registry/example.com/widgets/` for custom resources.
 */
export function storagePrefix({ group, resource }: { readonly group: string; readonly resource: string }, custom = false): string {
  const place =
    SPECIAL[group === '' ? resource : `${resource}.${group}`] ?? (custom || GROUPED.has(group) ? `${group}/${resource}` : resource);
  return `/registry/${place}/`;
}

/** Key within a resource: `namespace/name`, or `name`. */
export function objectKey(name: string, namespace: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
