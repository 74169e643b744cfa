// The resources of CRDs, as clients that follow every kind there is learn of them.
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import type { CustomResourceDefinition } from './gen/apiextensions-v1.ts';
import { isTrue } from './structural/resources.ts';
import type { KubeObject } from './types.ts';

/**
 * The resource a definition serves, in one of its versions: the stored one where that is served. Undefined while it
 * serves nothing.
 */
export function customResource(crd: CustomResourceDefinition): Resource<KubeObject> | undefined {
  if (!isTrue(crd, 'Established')) return undefined;
  const { group, scope, versions } = crd.spec;
  const served = versions.filter((one) => one.served);
  const version = (served.find(({ storage }) => storage) ?? served[0])?.name;
  if (version === undefined) return undefined;
  const { plural: resource, kind } = crd.status.acceptedNames;
  return { group, version, resource, kind, namespaced: scope === 'Namespaced' };
}

/** Whether a reference to `apiVersion` and `kind` means an object of the definition. */
export function definesKind({ spec, status }: CustomResourceDefinition, apiVersion: string, kind: string): boolean {
  return (
    status.acceptedNames.kind === kind &&
    spec.versions.some(({ name, served }) => served && apiVersionOf({ group: spec.group, version: name }) === apiVersion)
  );
}
