// pure
// Simple JSON paths of a definition: `.spec.replicas`, as the scale subresource and field selectors use them.
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';

/** `.spec.replicas` → `['spec', 'replicas']`. Source: splitReplicasPath. */
export const segmentsOf = (path: string): readonly string[] => path.replace(/^\./, '').split('.');

export function valueAt(object: unknown, segments: readonly string[]): unknown {
  let value = object;
  for (const segment of segments) {
    if (!isObject(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

/** A copy with `value` at the path; parents that are missing are made. */
export function withValueAt(object: JsonObject, [head, ...rest]: readonly string[], value: unknown): JsonObject {
  if (head === undefined) return object;
  const child = object[head];
  return { ...object, [head]: rest.length === 0 ? value : withValueAt(isObject(child) ? child : {}, rest, value) };
}
