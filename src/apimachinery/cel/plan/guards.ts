// Whether a value may be given to an overload; of lists and maps the first member is looked at.
// Source: cel-go common/types/types.go defaultIsAssignableRuntimeType.
import type { Value } from '../contract.ts';
import type { Overload } from '../functions.ts';
import { typeName, type Type } from '../types.ts';
import { isDouble, isInt, Uint } from '../values/numbers.ts';
import { Duration, Timestamp } from '../values/times.ts';
import { itemsOf, membersOf, typeNameOf, TypeValue } from '../values/values.ts';

type Guard = (value: Value) => boolean;

const SIMPLE: Readonly<Partial<Record<Type['kind'], Guard>>> = {
  bool: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  int: isInt,
  double: isDouble,
  uint: (value) => value instanceof Uint,
  bytes: (value) => value instanceof Uint8Array,
  null_type: (value) => value === null,
  timestamp: (value) => value instanceof Timestamp,
  duration: (value) => value instanceof Duration,
  type: (value) => value instanceof TypeValue,
};

/** undefined: anything fits. */
function guardOf(type: Type): Guard | undefined {
  switch (type.kind) {
    case 'dyn':
    case 'any':
    case 'param':
    case 'error':
      return undefined;
    case 'list': {
      const inner = guardOf(type.items);
      return (value) => {
        const items = itemsOf(value);
        return items !== undefined && (inner === undefined || items.length === 0 || inner(items[0] as Value));
      };
    }
    case 'map': {
      const [ofKey, ofValue] = [guardOf(type.keys), guardOf(type.values)];
      return (value) => {
        const members = membersOf(value);
        if (members === undefined) return false;
        for (const key of members.keys()) {
          return (ofKey === undefined || ofKey(key)) && (ofValue === undefined || ofValue(members.get(key) as Value));
        }
        return true;
      };
    }
    case 'object':
    case 'opaque': {
      const name = typeName(type);
      return (value) => typeof value === 'object' && value !== null && typeNameOf(value) === name;
    }
    default:
      return SIMPLE[type.kind];
  }
}

/** For the arguments of a call, in order. */
export function guardsOf({ args }: Overload): readonly (Guard | undefined)[] {
  return args.map(guardOf);
}
