// pure. Whether a value is what it was, as its schema lets old and new be told together. Source: apiserver pkg/cel/common
// CorrelatedObject.CachedDeepEqual.
import { deepEqual } from '#apimachinery/json-value.ts';
import { isJsonObject, type JsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { oldItems } from './old-items.ts';
import { NO_OLD } from './run.ts';

/** Items that keys identify may have changed places. An object with a member its schema does not describe is never the same. */
export function sameAsBefore(props: Props, value: unknown, old: unknown): boolean {
  if (old === NO_OLD) return false;
  if (Array.isArray(value)) return Array.isArray(old) && sameList(props, value, old);
  if (isJsonObject(value)) return isJsonObject(old) && sameObject(props, value, old);
  return deepEqual(value, old);
}

function sameList(props: Props, list: readonly unknown[], old: readonly unknown[]): boolean {
  if (list.length !== old.length) return false;
  if (props['x-kubernetes-list-type'] !== 'map' || !isJsonObject(props.items)) return deepEqual(list, old);
  const oldItem = oldItems(props, list, old);
  const items = props.items as Props;
  return list.every((item, i) => sameAsBefore(items, item, oldItem(i)));
}

function sameObject({ properties = {}, additionalProperties }: Props, object: JsonObject, old: JsonObject): boolean {
  const names = Object.keys(object);
  if (names.length !== Object.keys(old).length) return false;
  return names.every((name) => {
    const props = Object.hasOwn(properties, name) ? properties[name] : (additionalProperties as Props | boolean | undefined);
    return isJsonObject(props) && Object.hasOwn(old, name) && sameAsBefore(props as Props, object[name], old[name]);
  });
}
