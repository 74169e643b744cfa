// Canonical objects as JSON bytes.
import { apiVersionOf, type GroupVersionKind } from '#apimachinery/resource.ts';

/** UTF-8 JSON, compact, in the object's own order, which decoding made the wire's. */
export function encodeJson(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}

/**
 * Bytes between the opening brace of an encoded object and its first member after `kind` and `apiVersion`, for every
 * object of a kind the same: a list leaves them out of its items. `{"kind":"Pod","apiVersion":"v1","metadata":…` is 29.
 */
export function typeMetaPrefixLength(gvk: GroupVersionKind): number {
  return Buffer.byteLength(`"kind":${JSON.stringify(gvk.kind)},"apiVersion":${JSON.stringify(apiVersionOf(gvk))},`);
}
