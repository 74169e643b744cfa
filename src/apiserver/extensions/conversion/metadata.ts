// pure
// What a conversion webhook may change of metadata: labels and annotations, and nothing else.
// Source: webhook_converter.go validateConvertedObject, restoreObjectMeta.
import type { KubeObject } from '#api/types.ts';
import { validateLabels } from '#api/validation/label-selectors.ts';
import { validateAnnotations } from '#api/validation/metadata.ts';
import { Problems } from '#api/validation/problems.ts';
import { aggregateText } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goType } from '#apimachinery/go-format.ts';
import { deepEqual, isObject, type JsonObject } from '#apimachinery/json-value.ts';

/** Why `converted` is not `original` in another version; undefined when it is. */
export function differentObject({ kind, metadata }: KubeObject, converted: JsonObject): string | undefined {
  const own = isObject(converted['metadata']) ? converted['metadata'] : {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  for (const [what, expected, found] of [
    ['kind', kind, text(converted['kind'])],
    // One that is being created may have no name and no UID yet.
    ['name', text(metadata.name), text(own['name'])],
    ['namespace', text(metadata.namespace), text(own['namespace'])],
    ['UID', text(metadata.uid), text(own['uid'])],
  ] as const) {
    if (expected !== found) return `must have the same ${what}: ${expected} != ${found}`;
  }
  return undefined;
}

type Restored = { readonly object: KubeObject } | { readonly problem: string };

/** `converted` with the metadata of `original` but its own labels and annotations. */
export function restoredMetadata(original: KubeObject, converted: JsonObject): Restored {
  const { metadata } = converted;
  if (metadata === undefined) return { problem: 'missing metadata in converted object' };
  if (!isObject(metadata)) return { problem: `invalid metadata of type ${goType(metadata)} in converted object` };
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata;
  const changed: Record<string, unknown> = {};
  for (const part of ['labels', 'annotations'] as const) {
    const value = metadata[part];
    if (value === undefined || value === null) continue;
    const problem = mapProblem(part, value, original.metadata[part]);
    if (problem !== undefined) return { problem };
    changed[part] = value;
  }
  return { object: { ...converted, metadata: { ...kept, ...changed } } as unknown as KubeObject };
}

function mapProblem(
  part: 'labels' | 'annotations',
  value: unknown,
  before: Readonly<Record<string, string>> | undefined,
): string | undefined {
  if (!isObject(value)) return `invalid metadata.${part} of type ${goType(value)} in converted object`;
  for (const [key, one] of Object.entries(value)) {
    if (typeof one !== 'string') return `metadata.${part}[${key}] must be a string, but is ${goType(one)} in converted object`;
  }
  if (deepEqual(value, before ?? {})) return undefined;
  const out = new Problems();
  const texts = value as Readonly<Record<string, string>>;
  if (part === 'labels') validateLabels(out, Path.of('metadata', 'labels'), texts);
  else validateAnnotations(out, Path.of('metadata', 'annotation'), texts);
  return out.none ? undefined : aggregateText(out.list);
}
