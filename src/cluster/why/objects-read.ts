// ConfigMaps and Secrets that a pod reads, and when each was last written.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { configmaps, secrets } from '#api/resources.ts';
import type { ConfigMap, KubeObject, Pod, Secret } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

export interface ObjectRead {
  /** `ConfigMap settings`. */
  readonly object: string;
  /** RFC 3339. */
  readonly time: string;
}

/** What is not there, or may not be read, is left out. */
export async function objectsRead(pod: Pod, client: Client): Promise<readonly ObjectRead[]> {
  const { namespace } = pod.metadata;
  const names = namesRead(pod);
  const read = async <T extends KubeObject>(resource: Resource<T>, name: string): Promise<readonly ObjectRead[]> => {
    try {
      return [{ object: `${resource.kind} ${name}`, time: lastWritten(await client.get(resource, { namespace, name })) }];
    } catch (error) {
      if (isStatusError(error, 'NotFound') || isStatusError(error, 'Forbidden')) return [];
      throw error;
    }
  };
  const found = [
    ...[...names.configMaps].map((name) => read<ConfigMap>(configmaps, name)),
    ...[...names.secrets].map((name) => read<Secret>(secrets, name)),
  ];
  return (await Promise.all(found)).flat();
}

function namesRead({ spec }: Pod): { readonly configMaps: ReadonlySet<string>; readonly secrets: ReadonlySet<string> } {
  const configMapNames = new Set<string | undefined>();
  const secretNames = new Set<string | undefined>();
  for (const volume of spec.volumes ?? []) {
    configMapNames.add(volume.configMap?.name);
    secretNames.add(volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      configMapNames.add(source.configMap?.name);
      secretNames.add(source.secret?.name);
    }
  }
  for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const { configMapRef, secretRef } of envFrom) {
      configMapNames.add(configMapRef?.name);
      secretNames.add(secretRef?.name);
    }
    for (const { valueFrom } of env) {
      configMapNames.add(valueFrom?.configMapKeyRef?.name);
      secretNames.add(valueFrom?.secretKeyRef?.name);
    }
  }
  const named = (names: ReadonlySet<string | undefined>) => new Set([...names].filter((name) => name !== undefined));
  return { configMaps: named(configMapNames), secrets: named(secretNames) };
}

function lastWritten({ metadata }: KubeObject): string {
  const times = (metadata.managedFields ?? []).flatMap(({ time }) => (time === undefined || time === null ? [] : [time]));
  return times.toSorted().at(-1) ?? metadata.creationTimestamp ?? '';
}
