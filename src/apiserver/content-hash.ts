import { createHash } from 'node:crypto';

/** Of contents one after the other, in upper-case hexadecimal: what documents are told apart by. Source: kube-openapi computeETag. */
export function contentHash(contents: Iterable<Uint8Array>): string {
  const hash = createHash('sha512');
  for (const content of contents) hash.update(content);
  return hash.digest('hex').toUpperCase();
}
