// Discovery documents one path at a time, as every client since 1.0 reads them. Pure.
import { createHash } from 'node:crypto';
import type { GroupInfo, ResourceInfo, Schema } from '#api/schema.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';

interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly storageVersionHash?: string;
}

interface GroupVersion {
  readonly groupVersion: string;
  readonly version: string;
}

export interface ApiGroup {
  readonly name: string;
  readonly versions: readonly GroupVersion[];
  readonly preferredVersion: GroupVersion;
}

/** `/api`. */
export function apiVersions(schema: Schema, serverAddress: string): object {
  const core = schema.groups().find(({ name }) => name === '');
  return {
    kind: 'APIVersions',
    versions: core?.versions ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`. */
export function apiGroupList(groups: readonly GroupInfo[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(apiGroup) };
}

export function apiGroup({ name, versions }: GroupInfo): ApiGroup {
  const all = versions.map((version) => ({ groupVersion: apiVersionOf({ group: name, version }), version }));
  return { name, versions: all, preferredVersion: all[0] as GroupVersion };
}

/** `/api/v1`, `/apis/apps/v1`; undefined when nobody serves it. */
export function apiResourceList(schema: Schema, group: string, version: string): object | undefined {
  const resources = [...schema.resources()].filter((info) => info.group === group && info.version === version);
  const known = schema.groups().some(({ name, versions }) => name === group && versions.includes(version));
  if (!known) return undefined;
  // Built-in parts stand in the order of their names, those of custom resources in that of their definition.
  const byName = resources.toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
  const rows = byName.flatMap(resourceRows);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: rows,
  };
}

function resourceRows(info: ResourceInfo): readonly ApiResource[] {
  const { group, version } = info;
  const own: ApiResource = {
    name: info.resource,
    singularName: info.singular,
    namespaced: info.namespaced,
    kind: info.kind,
    verbs: verbsOf(info),
    ...(info.shortNames.length === 0 ? {} : { shortNames: info.shortNames }),
    ...(info.categories.length === 0 ? {} : { categories: info.categories }),
    ...(info.verbs.includes('delete') ? { storageVersionHash: storageVersionHash(info) } : {}),
  };
  const parts = [...info.subresources.values()].map(({ name, kind, verbs }): ApiResource => ({
    name: `${info.resource}/${name}`,
    singularName: '',
    namespaced: info.namespaced,
    ...(kind.group === group && kind.version === version ? {} : { group: kind.group, version: kind.version }),
    kind: kind.kind,
    verbs,
  }));
  return [own, ...parts];
}

/** Nothing is created or changed any more while its definition goes. Source: DiscoveryController.sync. */
export function verbsOf({ verbs, custom }: ResourceInfo): readonly string[] {
  return custom?.terminating === true ? verbs.filter((verb) => !['patch', 'create', 'update'].includes(verb)) : verbs;
}

/**
 * Versions that upstream stores although there is a newer one, which the release before would not understand. Clients
 * compare hashes only, and are shown the same as there; what this store holds is the newest.
 * Source: NewStorageFactoryConfigEffectiveVersion; for definitions CreateAPIExtensionsConfig.
 */
const STORED_OLDER: Readonly<Record<string, string>> = {
  'customresourcedefinitions.apiextensions.k8s.io': 'v1beta1',
  'devicetaintrules.resource.k8s.io': 'v1alpha3',
  'mutatingadmissionpolicies.admissionregistration.k8s.io': 'v1beta1',
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': 'v1beta1',
};

/** Source: discovery.StorageVersionHash. */
function storageVersionHash({ origin, storage }: ResourceInfo): string {
  const older = origin === 'builtin' ? STORED_OLDER[groupResourceString(storage)] : undefined;
  const gvk = `${storage.group}/${older ?? storage.version}/${storage.kind}`;
  return createHash('sha256').update(gvk).digest().subarray(0, 8).toString('base64');
}
