import type { KubeObject } from './types.ts';

/** For readers that never look at who owns which field: that is half of a pod. Source: kube-controller-manager trim. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
