// An object without some of its fields. Source: structured-merge-diff TypedValue.RemoveItems.
import { isObject, ObjectDraft, type JsonObject } from '../json-value.ts';
import { memberSchema, type ListSchema, type TypeSchema } from '../type-schema.ts';
import { below, hasElement, isEmptySet, type FieldSet } from './field-set.ts';
import { isAtomic, itemElements, shapeOf } from './list-items.ts';
import { fieldElement } from './path-element.ts';

/**
 * `value` without the fields in `fields`. A map or list that loses what it held stays, empty. Undefined where a value
 * that has nothing to lose was to lose something.
 * @throws TypedError where a list item has no key
 */
export function removeFields(schema: TypeSchema, value: unknown, fields: FieldSet): unknown {
  const shape = shapeOf(schema, value);
  if (shape === 'scalar') return value;
  if (isAtomic(schema, shape)) return undefined;
  if (shape === 'map') return isObject(value) ? fromMap(schema, value, fields) : undefined;
  return Array.isArray(value) ? fromList(schema as ListSchema, value, fields) : undefined;
}

/** Source: removingWalker.doMap: what is gone altogether leaves its empty form. */
function within(schema: TypeSchema, value: unknown, fields: FieldSet): unknown {
  const left = removeFields(schema, value, fields);
  if (left !== undefined && left !== null) return left;
  if (Array.isArray(value)) return [];
  return isObject(value) ? {} : null;
}

function fromMap(schema: TypeSchema, value: JsonObject, fields: FieldSet): unknown {
  const names = Object.keys(value);
  if (names.length === 0) return undefined;
  const draft = new ObjectDraft(value);
  let matched = false;
  for (const name of names) {
    const element = fieldElement(name);
    const type = memberSchema(schema, name);
    if (hasElement(fields, element)) draft.delete(name);
    else if (type !== undefined && !isEmptySet(below(fields, element))) {
      matched = true;
      draft.set(name, within(type, value[name], below(fields, element)));
    }
  }
  return matched || Object.keys(draft.current).length > 0 ? draft.current : undefined;
}

function fromList(list: ListSchema, items: readonly unknown[], fields: FieldSet): unknown {
  if (items.length === 0) return undefined;
  const elements = itemElements(list, items);
  const out: unknown[] = [];
  let changed = false;
  let matched = false;
  items.forEach((item, i) => {
    const element = elements[i] as string;
    if (hasElement(fields, element)) {
      changed = true;
      return;
    }
    const inner = below(fields, element);
    if (isEmptySet(inner)) return out.push(item);
    matched = true;
    const left = within(list.items, item, inner);
    changed ||= left !== item;
    return out.push(left);
  });
  if (!changed) return items;
  return matched || out.length > 0 ? out : undefined;
}
