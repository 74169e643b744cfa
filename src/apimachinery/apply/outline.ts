// Whether two objects state the same fields, whatever their values.
import { isObject, type JsonObject } from '../json-value.ts';
import { memberSchema, type ListSchema, type TypeSchema } from '../type-schema.ts';
import { isAtomic, itemElement, shapeOf, TypedError } from './list-items.ts';

/**
 * True when whoever creates `b` owns what whoever creates `a` owns. False may also mean that it is not worth telling: members
 * in another order, or a value that is Go's zero in only one of them, which a struct may have without anyone owning it.
 */
export function sameOutline(schema: TypeSchema, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isZero(a) || isZero(b)) return false;
  const shape = shapeOf(schema, b);
  if (shapeOf(schema, a) !== shape) return false;
  // A struct that is owned as a whole may hold nothing but zeros.
  if (shape === 'scalar' || isAtomic(schema, shape)) return schema.shape !== 'object';
  if (shape === 'map') return isObject(a) && isObject(b) && sameMembers(schema, a, b);
  return Array.isArray(a) && Array.isArray(b) && sameItems(schema as ListSchema, a, b);
}

/** Also of what is empty: that is compared as a whole. */
function isZero(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value === '' || value === '0' || value === '0s';
    case 'object':
      if (value === null) return true;
      return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
    default:
      return value === undefined || value === 0 || value === false;
  }
}

function sameMembers(schema: TypeSchema, a: JsonObject, b: JsonObject): boolean {
  const names = Object.keys(b);
  const others = Object.keys(a);
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (others[i] !== name) return false;
    const type = memberSchema(schema, name);
    if (type !== undefined && !sameOutline(type, a[name], b[name])) return false;
  }
  return true;
}

/** Items with the same keys in the same order. */
function sameItems(list: ListSchema, a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  try {
    return b.every(
      (item, i) => a[i] === item || (itemElement(list, a[i]) === itemElement(list, item) && sameOutline(list.items, a[i], item)),
    );
  } catch (error) {
    if (error instanceof TypedError) return false;
    throw error;
  }
}
