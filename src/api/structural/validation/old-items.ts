// Which item of an old list an item of a new one was. Source: apiserver pkg/cel/common CorrelatedObject.Index, MapList.
import { isJsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { NO_OLD } from './run.ts';

const NONE = (): unknown => NO_OLD;

/** Only items that keys identify have a counterpart, the first of the old ones with these: the item at `index` of `list`, or NO_OLD. */
export function oldItems(props: Props, list: readonly unknown[], old: unknown): (index: number) => unknown {
  if (props['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return NONE;
  const keys = props['x-kubernetes-list-map-keys'] ?? [];
  let known: ReadonlyMap<string, unknown> | undefined;
  return (index) => {
    known ??= firstByKeys(old, keys);
    const identity = identityOf(list[index], keys);
    return identity === undefined ? NO_OLD : (known.get(identity) ?? NO_OLD);
  };
}

function firstByKeys(items: readonly unknown[], keys: readonly string[]): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const item of items) {
    const identity = identityOf(item, keys);
    if (identity !== undefined && !found.has(identity)) found.set(identity, item);
  }
  return found;
}

/** Undefined for an item that lacks a key, or has one that is neither a text, a number nor a truth. Source: CompositeKeyFor. */
function identityOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isJsonObject(item)) return undefined;
  const values = keys.map((key) => (Object.hasOwn(item, key) ? item[key] : undefined));
  return values.every(isScalar) ? JSON.stringify(values.map((value) => (typeof value === 'bigint' ? `${value}n` : value))) : undefined;
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
