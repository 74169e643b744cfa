// pure. What an aggregated server says it serves, checked. Source: endpoints.ConvertGroupVersionIntoToDiscovery.
import { decodeValue, DecodeError } from '#api/decode.ts';
import type {
  APIGroupDiscoveryList,
  APIResourceDiscovery,
  APISubresourceDiscovery,
  APIVersionDiscovery,
} from '#api/gen/apidiscovery-v2.ts';
import type { APIResource, APIResourceList } from '#api/gen/meta-v1.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';

const GROUPS = schemaOfDefinition('io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList');
const RESOURCES = schemaOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList');

/** It cannot be read; the message says why. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

function read<T>(body: Buffer, schema: ObjectSchema): T {
  try {
    return decodeValue<T>(parseJson(body.toString('utf8')), schema, { fieldValidation: 'Ignore' }).object;
  } catch (error) {
    if (error instanceof JsonError || error instanceof DecodeError) throw new DocumentError(error.message);
    throw error;
  }
}

/** By `group/version`. @throws DocumentError */
export function readGroups(body: Buffer): ReadonlyMap<string, APIVersionDiscovery> {
  const { items } = read<APIGroupDiscoveryList>(body, GROUPS);
  return new Map(
    (items ?? []).flatMap(({ metadata, versions = [] }) => versions.map((one) => [`${metadata.name ?? ''}/${one.version}`, one] as const)),
  );
}

/** The document of one group version as servers before aggregated discovery give it. @throws DocumentError */
export function readResources(body: Buffer, version: string): APIVersionDiscovery {
  const { resources, groupVersion } = read<APIResourceList>(body, RESOURCES);
  const home = parseApiVersion(groupVersion);
  const rows: readonly APIResource[] = resources ?? [];
  const kindOf = ({ group, version: own, kind }: APIResource): APIResourceDiscovery['responseKind'] => ({
    group: group ?? home.group,
    version: own ?? home.version,
    kind,
  });
  const whole = rows.filter(({ name }) => !name.includes('/'));
  return {
    version,
    resources: whole.map((row): APIResourceDiscovery => {
      const parts = rows.filter(({ name }) => name.startsWith(`${row.name}/`));
      const subresources = parts.map((part): APISubresourceDiscovery => ({
        subresource: part.name.slice(row.name.length + 1),
        responseKind: kindOf(part) as NonNullable<APIResourceDiscovery['responseKind']>,
        verbs: part.verbs,
      }));
      return {
        resource: row.name,
        responseKind: kindOf(row) as NonNullable<APIResourceDiscovery['responseKind']>,
        scope: row.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: row.singularName,
        verbs: row.verbs,
        ...(row.shortNames === undefined ? {} : { shortNames: row.shortNames }),
        ...(row.categories === undefined ? {} : { categories: row.categories }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    }),
  };
}
