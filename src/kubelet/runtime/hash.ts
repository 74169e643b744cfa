// pure
// The part of a container spec whose change restarts the container.
import { fnv1a32 } from '#base/fnv.ts';
import type { Container } from '#api/types.ts';

/**
 * Hexadecimal hash over name and image, the only fields whose change restarts a container.
 * Source: kubecontainer.HashContainer, pickFieldsToHash.
 */
export function hashContainer({ name, image }: Pick<Container, 'name' | 'image'>): string {
  return fnv1a32(Buffer.from(JSON.stringify({ image, name }), 'utf8')).toString(16);
}
