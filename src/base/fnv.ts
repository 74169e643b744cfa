// FNV, for short names of contents; not for security.

const OFFSET_32 = 0x811c9dc5;
const PRIME_32 = 0x01000193;

/** 32 bits, unsigned. */
export function fnv1a32(bytes: Uint8Array, seed: number = OFFSET_32): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME_32);
  return hash >>> 0;
}

/** The older order, which multiplies before it mixes. Source: Go's fnv.New32. */
export function fnv32(bytes: Uint8Array): number {
  let hash = OFFSET_32;
  for (const byte of bytes) hash = Math.imul(hash, PRIME_32) ^ byte;
  return hash >>> 0;
}
