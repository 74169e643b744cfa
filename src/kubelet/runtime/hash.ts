// pure
// The part of a container spec whose change restarts the container.
import type { Container } from '#api/types.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 32-bit FNV-1a of the UTF-8 bytes of `text`. */
export function fnv32a(text: string): number {
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return hash;
}

/**
 * Hexadecimal hash over name and image, the only fields whose change restarts a container.
 * Source: kubecontainer.HashContainer, pickFieldsToHash.
 */
export function hashContainer({ name, image }: Pick<Container, 'name' | 'image'>): string {
  return fnv32a(JSON.stringify({ image, name })).toString(16);
}
