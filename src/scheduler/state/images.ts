// pure
// Container images on nodes, by the name the runtime knows them by. Source: imagelocality.normalizedImageName.
import type { Node, Pod } from '#api/types.ts';

/** With `:latest` when there is neither tag nor digest. */
export function normalizedImageName(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}

/** Bytes of each image by each of its names. */
export function imagesOf(node: Node): ReadonlyMap<string, number> {
  const images = new Map<string, number>();
  for (const { names, sizeBytes = 0 } of node.status?.images ?? []) for (const name of names ?? []) images.set(name, Number(sizeBytes));
  return images;
}

/** Names of all images a pod needs, one for each container and image volume. */
export function podImages({ spec }: Pod): readonly string[] {
  const images = [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image ?? '');
  for (const { image } of spec.volumes ?? []) if (image !== undefined) images.push(image.reference ?? '');
  return images.map(normalizedImageName);
}
