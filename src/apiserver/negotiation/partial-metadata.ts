// PartialObjectMetadata: an object without anything but its metadata. Pure.
import type { KubeObject } from '#api/types.ts';

export function metadataOnly(
  { metadata }: KubeObject,
  apiVersion: string,
): { readonly kind: string; readonly apiVersion: string; readonly metadata: KubeObject['metadata'] } {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata };
}
