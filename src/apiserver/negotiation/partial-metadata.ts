// PartialObjectMetadata: an object without anything but its metadata. Pure.
import { inOrder } from '#api/member-order.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';

const METADATA = schemaOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');

export function metadataOnly(
  { metadata }: KubeObject,
  apiVersion: string,
): { readonly kind: string; readonly apiVersion: string; readonly metadata: KubeObject['metadata'] } {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: inOrder(metadata, METADATA) };
}
