// pure
// The rows a CRD adds to the table: its resource, once for each version.
// Source: apiextensions crdHandler getOrCreateServingInfoFor, DiscoveryController.sync.
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../gen/apiextensions-v1.ts';
import { compareVersions, schemaOfDefinition, type ResourceInfo, type SubresourceInfo } from '../schema.ts';
import { customObjectSchema } from './from-crd.ts';

export interface CustomVersion {
  readonly info: ResourceInfo;
  readonly served: boolean;
}

/** In the order discovery and OpenAPI show them. Source: DiscoveryController.sync. */
const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const PART_VERBS = ['get', 'patch', 'update'];
const SCALE = 'io.k8s.api.autoscaling.v1.Scale';

export const isTrue = ({ status }: CustomResourceDefinition, type: string): boolean =>
  (status.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');

export const isTerminating = (crd: CustomResourceDefinition): boolean =>
  crd.metadata.deletionTimestamp !== undefined || isTrue(crd, 'Terminating');

/** Name of the version objects are stored in. */
export const storageVersionOf = ({ spec }: CustomResourceDefinition): string => spec.versions.find(({ storage }) => storage)?.name ?? '';

/** Every version a CRD has, by name, under the names that were accepted. */
export function versionsOf(crd: CustomResourceDefinition): ReadonlyMap<string, CustomVersion> {
  return new Map(crd.spec.versions.map((version) => [version.name, { info: resourceOf(crd, version), served: version.served }]));
}

function resourceOf(crd: CustomResourceDefinition, version: CustomResourceDefinitionVersion): ResourceInfo {
  const { group, scope, preserveUnknownFields = false } = crd.spec;
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = crd.status.acceptedNames;
  const props = version.schema?.openAPIV3Schema;
  const schema = customObjectSchema(props, preserveUnknownFields);
  return {
    group,
    version: version.name,
    resource: plural,
    kind,
    namespaced: scope === 'Namespaced',
    singular,
    shortNames,
    categories,
    listKind,
    verbs: VERBS,
    schema,
    subresources: new Map(subresources(crd, version, schema).map((one) => [one.name, one])),
    storage: { group, version: storageVersionOf(crd), resource: plural, kind },
    removedIn: undefined,
    deprecatedIn: undefined,
    origin: 'custom',
    custom: {
      props,
      preserveUnknownFields,
      columns: version.additionalPrinterColumns ?? [],
      selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath),
      deprecationWarning: version.deprecated === true ? (version.deprecationWarning ?? deprecation(crd, version.name)) : undefined,
      terminating: isTerminating(crd),
    },
  };
}

function subresources(
  { spec, status }: CustomResourceDefinition,
  { name, subresources: stated = {} }: CustomResourceDefinitionVersion,
  schema: ResourceInfo['schema'],
): readonly SubresourceInfo[] {
  const common = { verbs: PART_VERBS, connect: false, pathSuffix: false, params: {} };
  const scale: SubresourceInfo = {
    ...common,
    name: 'scale',
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    schema: schemaOfDefinition(SCALE),
  };
  const own: SubresourceInfo = {
    ...common,
    name: 'status',
    kind: { group: spec.group, version: name, kind: status.acceptedNames.kind },
    schema,
  };
  return [...(stated.status === undefined ? [] : [own]), ...(stated.scale === undefined ? [] : [scale])];
}

/** Source: defaultDeprecationWarning. */
function deprecation({ spec }: CustomResourceDefinition, version: string): string {
  const { group, names, versions } = spec;
  const newer = versions
    .filter(({ name, served, deprecated }) => served && deprecated !== true && compareVersions(name, version) < 0)
    .map(({ name }) => name)
    .toSorted(compareVersions);
  const use = newer.length === 0 ? '' : `; use ${group}/${newer[0]} ${names.kind}`;
  return `${group}/${version} ${names.kind} is deprecated${use}`;
}
