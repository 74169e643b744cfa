// Which item of an old list an item of a new one was. Source: apiserver pkg/cel/common CorrelatedObject.Index, MapList.
import { isJsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { NO_OLD } from './run.ts';

const NONE = (): unknown => NO_OLD;

/** Only items that keys identify have a counterpart: the item at `index` of `list`, or NO_OLD. */
export function oldItems(props: Props, list: readonly unknown[], old: unknown): (index: number) => unknown {
  if (props['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return NONE;
  const keys = props['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string => JSON.stringify(isJsonObject(item) ? keys.map((key) => item[key] ?? null) : null);
  let known: Map<string, unknown> | undefined;
  return (index) => {
    known ??= new Map(old.map((item: unknown) => [keyOf(item), item]));
    return known.get(keyOf(list[index])) ?? NO_OLD;
  };
}
