// pure
// The files of ConfigMap, Secret and downward API volumes. Pure.
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from '#api/types.ts';
import { DownwardError, fieldValue, resourceValue, type DownwardFacts } from '../env/downward.ts';
import type { FileContent, Payload } from './atomic-writer.ts';
import { VolumeError } from './plugin.ts';

/** Used where the API server put no default. Source: v1.ConfigMapVolumeSourceDefaultMode and its like. */
export const DEFAULT_MODE = 0o644;

export interface KeyedSource {
  readonly items?: readonly KeyToPath[];
  readonly mode: number;
  readonly optional: boolean;
}

/** @throws VolumeError for a key that is missing; Source: configmap MakePayload */
export function configMapPayload(configMap: Pick<ConfigMap, 'data' | 'binaryData'>, source: KeyedSource): Payload {
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(configMap.data ?? {})) data.set(key, Buffer.from(text, 'utf8'));
  for (const [key, base64] of Object.entries(configMap.binaryData ?? {})) data.set(key, Buffer.from(base64, 'base64'));
  return select(data, source, (key) => `configmap references non-existent config key: ${key}`);
}

/** @throws VolumeError for a key that is missing; Source: secret MakePayload */
export function secretPayload(secret: Pick<Secret, 'data'>, source: KeyedSource): Payload {
  const data = new Map(Object.entries(secret.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
  return select(data, source, (key) => `references non-existent secret key: ${key}`);
}

function select(data: ReadonlyMap<string, Uint8Array>, { items, mode, optional }: KeyedSource, missing: (key: string) => string): Payload {
  const out = new Map<string, FileContent>();
  if (items === undefined || items.length === 0) {
    for (const [key, bytes] of data) out.set(key, { data: bytes, mode });
    return out;
  }
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) out.set(item.path, { data: bytes, mode: item.mode ?? mode });
    else if (!optional) throw new VolumeError(missing(item.key));
  }
  return out;
}

/** @throws VolumeError listing what cannot be resolved; Source: downwardapi CollectData */
export function downwardPayload(items: readonly DownwardAPIVolumeFile[], pod: Pod, facts: DownwardFacts, mode: number): Payload {
  const out = new Map<string, FileContent>();
  const errors: string[] = [];
  for (const item of items) {
    try {
      const text =
        item.fieldRef !== undefined
          ? fieldValue(item.fieldRef, pod, facts)
          : item.resourceFieldRef === undefined
            ? ''
            : resourceValue(item.resourceFieldRef, pod, undefined, facts);
      out.set(item.path, { data: Buffer.from(text, 'utf8'), mode: item.mode ?? mode });
    } catch (error) {
      if (!(error instanceof DownwardError)) throw error;
      errors.push(error.message);
    }
  }
  if (errors.length > 0) throw new VolumeError(errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`);
  return out;
}
