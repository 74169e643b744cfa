// How values are told apart in lists, and which branch of a schema a value takes. Source: structured-merge-diff typed helpers.
import { goQuote } from '../go-format.ts';
import { isObject, member } from '../json-value.ts';
import { type ListSchema, type TypeSchema } from '../type-schema.ts';
import { zeroScalar } from './empty-object.ts';
import { keyElement, sortKeys, valueElement } from './path-element.ts';

/** An object that does not fit its schema. Source: typed.ValidationErrors. */
export class TypedError extends Error {
  override readonly name = 'TypedError';
}

export type Shape = 'map' | 'list' | 'scalar';

/** What a value is walked as. A value of no stated type is what it is; nothing counts as an object without members. */
export function shapeOf(schema: TypeSchema, value: unknown): Shape {
  switch (schema.shape) {
    case 'object':
    case 'map':
      return 'map';
    case 'list':
    case 'scalar':
      return schema.shape;
    case 'any':
      if (Array.isArray(value)) return 'list';
      return value === undefined || value === null || typeof value === 'object' ? 'map' : 'scalar';
  }
}

/** Owned and replaced as a whole. */
export function isAtomic(schema: TypeSchema, shape: Shape): boolean {
  switch (schema.shape) {
    case 'object':
    case 'map':
      return schema.mapType === 'atomic';
    case 'list':
      return schema.listType === 'atomic';
    case 'any':
      return shape === 'list' || schema.content === 'object';
    case 'scalar':
      return true;
  }
}

/** Whether a member is one of a struct's fields, not a key of a map. */
export const isField = (schema: TypeSchema, name: string): boolean => schema.shape === 'object' && schema.fields.has(name);

/** A key that is always on the wire is its zero where a client leaves it out. */
function keyDefault({ items }: ListSchema, name: string): unknown {
  const field = items.shape === 'object' ? items.fields.get(name) : undefined;
  if (field === undefined || field.type.default !== undefined) return field?.type.default;
  return field.always && !field.pointer && field.type.shape === 'scalar' ? zeroScalar(field.type.scalar) : undefined;
}

function keyed(list: ListSchema, item: unknown): string {
  if (item === null || item === undefined) throw new TypedError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new TypedError('associative list with keys may not have non-map elements');
  const keys: (readonly [string, unknown])[] = [];
  for (const name of list.listMapKeys) {
    const value = member(item, name) ?? keyDefault(list, name);
    if (value !== undefined) keys.push([name, value]);
  }
  if (keys.length > 0) return keyElement(sortKeys(keys));
  const names = `[${list.listMapKeys.map(goQuote).join(' ')}]`;
  throw new TypedError(
    `associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
  );
}

function valued(item: unknown): string {
  if (isObject(item)) throw new TypedError("associative list without keys has an element that's a map type");
  if (Array.isArray(item)) throw new TypedError('not supported: associative list with lists as elements');
  if (item === null || item === undefined) throw new TypedError("associative list without keys has an element that's an explicit null");
  return valueElement(item);
}

/**
 * The path element of an item of a list that is not atomic.
 * @throws TypedError
 */
export const itemElement = (list: ListSchema, item: unknown): string => (list.listType === 'map' ? keyed(list, item) : valued(item));

/**
 * The elements of all items.
 * @throws TypedError with the index of the item
 */
export function itemElements(list: ListSchema, items: readonly unknown[]): readonly string[] {
  return items.map((item, i) => {
    try {
      return itemElement(list, item);
    } catch (error) {
      if (error instanceof TypedError) throw new TypedError(`element ${i}: ${error.message}`, { cause: error });
      throw error;
    }
  });
}
