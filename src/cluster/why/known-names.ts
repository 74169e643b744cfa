// Names that could stand in place of one that is missing.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { configmaps, priorityclasses, secrets, serviceaccounts, storageclasses } from '#api/resources.ts';
import type { ConfigMap, KubeObject, Node, Secret } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Missing } from './remedies.ts';

/** None where the client may not look. */
export async function knownNames(
  { kind, name, key }: Missing,
  namespace: string,
  node: Node | undefined,
  client: Client,
): Promise<readonly string[]> {
  if (name === '') return [];
  try {
    switch (kind) {
      case 'Image':
        return node?.status?.images?.flatMap(({ names }) => names ?? []) ?? [];
      case 'ConfigMap':
        return key === undefined
          ? await namesOf(configmaps, namespace, client)
          : await keysOf<ConfigMap>(configmaps, { namespace, name }, client);
      case 'Secret':
        return key === undefined ? await namesOf(secrets, namespace, client) : await keysOf<Secret>(secrets, { namespace, name }, client);
      case 'ServiceAccount':
        return await namesOf(serviceaccounts, namespace, client);
      case 'PriorityClass':
        return await namesOf(priorityclasses, undefined, client);
      case 'StorageClass':
        return await namesOf(storageclasses, undefined, client);
    }
  } catch (error) {
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Forbidden')) return [];
    throw error;
  }
}

async function namesOf<T extends KubeObject>(
  resource: Resource<T>,
  namespace: string | undefined,
  client: Client,
): Promise<readonly string[]> {
  const { items } = await client.list(resource, namespace === undefined ? {} : { namespace });
  return items.map(({ metadata }) => metadata.name ?? '');
}

async function keysOf<T extends ConfigMap | Secret>(
  resource: Resource<T>,
  place: { readonly namespace: string; readonly name: string },
  client: Client,
): Promise<readonly string[]> {
  const { data = {} } = await client.get(resource, place);
  return Object.keys(data);
}
