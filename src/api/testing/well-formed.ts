// Generated values whose lists keep what their types promise: no two items of one identity, and no item without one.
import type { JsonObject } from '#apimachinery/json-value.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import type { FieldSchema, ListSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { memberSchema } from '#apimachinery/type-schema.ts';

/** `value` without items that share their identity with an earlier one, or lack a part of it. */
export function wellFormed<T>(value: T, schema: TypeSchema): T {
  return formed(value, schema, undefined) as T;
}

function formed(value: unknown, schema: TypeSchema, field: FieldSchema | undefined): unknown {
  if (Array.isArray(value)) {
    if (schema.shape !== 'list') return value;
    const keep = identified(
      value.map((item) => formed(item, schema.items, undefined)),
      schema,
      field,
    );
    return keep.length === 0 && value.length > 0 ? undefined : keep;
  }
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) {
    const below = memberSchema(schema, name);
    const inner = schema.shape === 'object' ? schema.fields.get(name) : undefined;
    const kept = below === undefined ? member : formed(member, below, inner);
    if (kept !== undefined) out[name] = kept;
  }
  return Object.fromEntries(Object.entries(out));
}

/** By the keys of server-side apply and by the one of strategic merge, where a list has them. */
function identified(items: readonly unknown[], schema: ListSchema, field: FieldSchema | undefined): readonly unknown[] {
  const mergeKey = field?.patchStrategy.includes('merge') === true ? field.patchMergeKey : undefined;
  const identities = [
    ...(schema.listType === 'map' ? [schema.listMapKeys] : []),
    ...(mergeKey === undefined || mergeKey === '' ? [] : [[mergeKey]]),
  ];
  const isSet = schema.listType === 'set' || (field?.patchStrategy.includes('merge') === true && schema.items.shape === 'scalar');
  return items.filter((item, at) => {
    const earlier = items.slice(0, at);
    if (isSet && earlier.some((other) => deepEqual(other, item))) return false;
    return identities.every((keys) => {
      if (!isObject(item) || keys.some((key) => !Object.hasOwn(item, key))) return false;
      return !earlier.some((other) => keys.every((key) => deepEqual((other as JsonObject)[key], item[key])));
    });
  });
}
