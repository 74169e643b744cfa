// pure
// What devices of one claim must have in common. Source: structured matchAttributeConstraint,
// distinctAttributeConstraint, lookupAttribute.
import { ownValue } from '#api/json-object.ts';
import type { DeviceAttribute, DeviceConstraint } from '#api/gen/resource-v1.ts';
import type { PublishedDevice } from './pools.ts';
import type { Wanted } from './requests.ts';

export interface Constraint {
  /** Whether the device fits those that were added before; if so it is one of them from now on. */
  add(wanted: Wanted, published: PublishedDevice): boolean;
  /** Takes back the latest `add` that was true. */
  remove(wanted: Wanted): void;
}

/** `undefined` for a constraint of a kind that is not known. */
export function constraintOf({ requests = [], matchAttribute, distinctAttribute }: DeviceConstraint): Constraint | undefined {
  const concerned = new Set(requests);
  const concerns = ({ name, parent }: Wanted): boolean => concerned.size === 0 || concerned.has(parent) || concerned.has(name);
  if (matchAttribute !== undefined) return constraint(matchAttribute, concerns, (values, value) => values[0] === value);
  if (distinctAttribute !== undefined) return constraint(distinctAttribute, concerns, (values, value) => !values.includes(value));
  return undefined;
}

/** `fits`: whether a value may join others; there is at least one of them. */
function constraint(
  name: string,
  concerns: (wanted: Wanted) => boolean,
  fits: (values: readonly string[], value: string) => boolean,
): Constraint {
  const values: string[] = [];
  return {
    add(wanted, published) {
      if (!concerns(wanted)) return true;
      const attribute = attributeOf(published, name);
      const value = attribute === undefined ? undefined : comparable(attribute);
      if (value === undefined || (values.length > 0 && !fits(values, value))) return false;
      values.push(value);
      return true;
    },
    remove(wanted) {
      if (concerns(wanted)) values.pop();
    },
  };
}

/** An attribute without a domain is the driver's own. */
function attributeOf({ device, slice }: PublishedDevice, name: string): DeviceAttribute | undefined {
  const own = `${slice.spec.driver}/`;
  return ownValue(device.attributes, name) ?? (name.startsWith(own) ? ownValue(device.attributes, name.slice(own.length)) : undefined);
}

/** Equal for attributes of one type and value. */
function comparable({ string, int, bool, version }: DeviceAttribute): string | undefined {
  const present = { string, int, bool, version };
  const [type] = (['string', 'int', 'bool', 'version'] as const).filter((name) => present[name] !== undefined);
  return type === undefined ? undefined : JSON.stringify([type, present[type]]);
}
