// Randomness as a dependency: code outside base never asks the global generators.
import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';

export interface Ids {
  /** A random (version 4) UUID, lower case. */
  uuid(): string;
  /** `length` characters of upstream's vowel-free alphabet. Source: apimachinery util/rand SafeEncodeString. */
  suffix(length: number): string;
  /** A float in [0, 1), for jitter and sampling; never for secrets. */
  fraction(): number;
  /** `length` unpredictable bytes, for tokens and keys. */
  bytes(length: number): Uint8Array;
}

const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** Random bytes for suffixes: to fetch many at once costs what it costs to fetch five. */
const drawn = new Uint8Array(4096);
let used = drawn.length;

function randomByte(): number {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  return drawn[used++] as number;
}

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  suffix(length) {
    let out = '';
    for (let i = 0; i < length; i++) out += SUFFIX_ALPHABET[randomByte() % SUFFIX_ALPHABET.length] as string;
    return out;
  },
  fraction: () => Math.random(),
  bytes: (length) => randomBytes(length),
};

/** A reproducible generator: the same seed gives the same ids. For tests and replays only. */
export function seededIds(seed: number): Ids {
  // mulberry32
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const byte = (): number => Math.floor(next() * 256);
  return {
    uuid() {
      const b = Array.from({ length: 16 }, byte);
      b[6] = ((b[6] as number) & 0x0f) | 0x40;
      b[8] = ((b[8] as number) & 0x3f) | 0x80;
      const hex = b.map((v) => v.toString(16).padStart(2, '0')).join('');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
    suffix: (length) => Array.from({ length }, () => SUFFIX_ALPHABET[Math.floor(next() * SUFFIX_ALPHABET.length)]).join(''),
    fraction: next,
    bytes: (length) => Uint8Array.from({ length }, byte),
  };
}
