// Writes that change nothing but times of ownership change nothing. Source: IgnoreManagedFieldsTimestampsTransformer.
import { deepEqual, isObject, type JsonObject } from '../json-value.ts';
import type { ManagedFieldsEntry } from './owners.ts';

interface Managed {
  readonly metadata?: { readonly managedFields?: readonly ManagedFieldsEntry[] };
}

const entriesOf = (object: JsonObject): readonly ManagedFieldsEntry[] => (object as Managed).metadata?.managedFields ?? [];

const timeless = (entries: readonly ManagedFieldsEntry[]): readonly object[] => entries.map(({ time: _time, ...entry }) => entry);

/** The object without its owners. */
function content(object: JsonObject): JsonObject {
  const { metadata, ...rest } = object;
  if (!isObject(metadata)) return object;
  const { managedFields: _managedFields, ...meta } = metadata;
  return { ...rest, metadata: meta };
}

/**
 * `live` itself when `updated` differs from it in nothing but times of managed fields, so that the write is none;
 * `updated` otherwise.
 */
export function withoutTimeChanges<T extends JsonObject>(live: T, updated: T): T {
  const before = entriesOf(live);
  const after = entriesOf(updated);
  if (after.length === 0 || before.length !== after.length) return updated;
  if (after.every(({ time }, i) => time === before[i]?.time)) return updated;
  if (!deepEqual(timeless(before), timeless(after))) return updated;
  return deepEqual(content(live), content(updated)) ? live : updated;
}
