// Everything discovery has to say in one document each for `/api` and `/apis`. Pure. Source: apidiscovery.k8s.io/v2.
import type { ResourceInfo, Schema, SubresourceInfo } from '#api/schema.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { verbsOf } from './legacy.ts';
import { NO_REMOTE_GROUPS, type RemoteGroups } from './remote-groups.ts';
import type { APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery, APISubresourceDiscovery } from '#api/gen/apidiscovery-v2.ts';

/** @param part `core`: what `/api` shows; `named`: what `/apis` shows */
export function groupDiscovery(schema: Schema, part: 'core' | 'named', remote: RemoteGroups = NO_REMOTE_GROUPS): APIGroupDiscoveryList {
  const byVersion = Map.groupBy(schema.resources(), ({ group, version }) => `${group}/${version}`);
  const groups = remote.merge(schema.groups()).filter(({ name }) => (name === '') === (part === 'core'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }): APIGroupDiscovery => {
      const metadata = name === '' ? {} : { name };
      return {
        // Items carry no type of their own, as upstream's.
        ...({} as Pick<APIGroupDiscovery, 'kind' | 'apiVersion'>),
        metadata: { ...metadata },
        versions: versions.map(
          (version) =>
            remote.version(name, version) ?? {
              version,
              resources: (byVersion.get(`${name}/${version}`) ?? []).map(resource).toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
              freshness: 'Current',
            },
        ),
      };
    }),
  };
}

function resource(info: ResourceInfo): APIResourceDiscovery {
  const { shortNames, categories, subresources } = info;
  return {
    resource: info.resource,
    responseKind: responseKind(info, info),
    scope: info.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: info.singular,
    verbs: verbsOf(info),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(subresources.size === 0 ? {} : { subresources: [...subresources.values()].map((one) => subresource(one, info)) }),
  };
}

const subresource = ({ name, kind, verbs }: SubresourceInfo, parent: ResourceInfo): APISubresourceDiscovery => ({
  subresource: name,
  responseKind: responseKind(kind, parent),
  verbs,
});

/** Built-in kinds of the group version at hand have it left empty; clients fill it in. Source: ConvertGroupVersionIntoToDiscovery. */
function responseKind({ group, version, kind }: GroupVersionKind, parent: ResourceInfo): GroupVersionKind {
  const own = parent.origin === 'builtin' && group === parent.group && version === parent.version;
  return own ? { group: '', version: '', kind } : { group, version, kind };
}
