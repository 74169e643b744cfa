// How a resource is told in labels.

/** `deployments.apps` as group and resource: `['apps', 'deployments']`; the core group is empty. */
export function groupAndResource(name: string): readonly [group: string, resource: string] {
  const dot = name.indexOf('.');
  return dot === -1 ? ['', name] : [name.slice(dot + 1), name.slice(0, dot)];
}
