// The resources that the server keeps collections of, once a kind: two versions of one object would be two objects.
import type { Resource } from '#apimachinery/resource.ts';
import { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';

/** Those with all of `verbs`; in the order of discovery. */
export function collections(
  verbs: readonly string[],
  wanted: (resource: Resource) => boolean = () => true,
): readonly Resource<KubeObject>[] {
  const seen = new Set<string>();
  return [...new Schema().resources()].flatMap((info) => {
    const key = `${info.storage.group}/${info.storage.resource}`;
    if (seen.has(key) || !verbs.every((verb) => info.verbs.includes(verb)) || !wanted(info)) return [];
    seen.add(key);
    return [info as Resource<KubeObject>];
  });
}
