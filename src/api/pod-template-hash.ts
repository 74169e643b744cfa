// The short name of a pod template's content, by which a ReplicaSet or revision is known. Source: controller.ComputeHash.
import { fnv1a32 } from '#base/fnv.ts';
import type { PodTemplateSpec } from './gen/core-v1.ts';

/** No vowels, no digits that look like them. Source: util/rand SafeEncodeString. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * Five to ten characters. Equal templates give equal names, in every release of Proa; upstream hashes a Go value, so
 * its names differ. `collisions`: how often the name was found taken by another template.
 */
export function podTemplateHash(template: PodTemplateSpec, collisions?: number): string {
  let hash = fnv1a32(Buffer.from(JSON.stringify(template)));
  if (collisions !== undefined) {
    const count = Buffer.alloc(8);
    count.writeUInt32LE(collisions);
    hash = fnv1a32(count, hash);
  }
  return safeEncode(String(hash));
}

/** Text in an alphabet without vowels, one character each. Source: SafeEncodeString. */
export function safeEncode(text: string): string {
  return Array.from(Buffer.from(text), (byte) => SAFE[byte % SAFE.length] as string).join('');
}
