// The fields a configuration states. Source: structured-merge-diff TypedValue.ToFieldSet.
import { isObject } from '../json-value.ts';
import { memberSchema, type ListSchema, type TypeSchema } from '../type-schema.ts';
import { FieldSetBuilder, type FieldSet } from './field-set.ts';
import { isAtomic, isField, itemElements, shapeOf } from './list-items.ts';
import { fieldElement } from './path-element.ts';

/**
 * Every field that `value` sets: scalars, atomic values, items of lists and keys of maps, and what is explicitly empty.
 * @throws TypedError where a list item has no key
 */
export function fieldsOf(schema: TypeSchema, value: unknown): FieldSet {
  const builder = new FieldSetBuilder();
  visit(builder, schema, value, []);
  return builder.build();
}

function visit(out: FieldSetBuilder, schema: TypeSchema, value: unknown, path: string[]): void {
  const shape = shapeOf(schema, value);
  if (shape === 'scalar' || isAtomic(schema, shape)) out.insert(path);
  else if (shape === 'map') visitMap(out, schema, value, path);
  else if (Array.isArray(value)) visitList(out, schema as ListSchema, value, path);
}

function visitMap(out: FieldSetBuilder, schema: TypeSchema, value: unknown, path: string[]): void {
  if (!isObject(value)) return;
  for (const name of Object.keys(value)) {
    const type = memberSchema(schema, name);
    const child = value[name];
    if (type === undefined || child === undefined) continue;
    path.push(fieldElement(name));
    visit(out, type, child, path);
    if (child === null || (isObject(child) && Object.keys(child).length === 0) || !isField(schema, name)) out.insert(path);
    path.pop();
  }
}

/** Items that share a key are owned together, without their fields. */
function visitList(out: FieldSetBuilder, list: ListSchema, items: readonly unknown[], path: string[]): void {
  const elements = itemElements(list, items);
  const counts = new Map<string, number>();
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1);
  elements.forEach((element, i) => {
    path.push(element);
    if (counts.get(element) === 1) visit(out, list.items, items[i], path);
    out.insert(path);
    path.pop();
  });
}
