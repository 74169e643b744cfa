// Which fields differ between two versions of an object. Source: structured-merge-diff TypedValue.Compare.
import { deepEqual, isObject, member, type JsonObject } from '../json-value.ts';
import { memberSchema, type ListSchema, type TypeSchema } from '../type-schema.ts';
import { FieldSetBuilder, type FieldSet } from './field-set.ts';
import { isAtomic, itemElements, shapeOf, type Shape } from './list-items.ts';
import { fieldElement } from './path-element.ts';

export interface Comparison {
  readonly removed: FieldSet;
  readonly modified: FieldSet;
  readonly added: FieldSet;
}

interface Builders {
  readonly removed: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly added: FieldSetBuilder;
}

/** @throws TypedError where a list item has no key */
export function compare(schema: TypeSchema, before: unknown, after: unknown): Comparison {
  const out: Builders = { removed: new FieldSetBuilder(), modified: new FieldSetBuilder(), added: new FieldSetBuilder() };
  visit(out, schema, before, after, []);
  return { removed: out.removed.build(), modified: out.modified.build(), added: out.added.build() };
}

const size = (value: unknown): number => (Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0);

function visit(out: Builders, schema: TypeSchema, before: unknown, after: unknown, path: string[]): void {
  if (before === after) return;
  const from = shapeOf(schema, before);
  const to = shapeOf(schema, after);
  const shape = after === undefined ? from : to;
  if (before !== undefined && after !== undefined && from !== to) visitAs(out, from, schema, before, after, path);
  const whole = visitAs(out, shape, schema, before, after, path);
  if (whole) return;
  if (before === undefined) out.added.insert(path);
  else if (after === undefined) out.removed.insert(path);
}

/** True when the value was compared as a whole. */
function visitAs(out: Builders, shape: Shape, schema: TypeSchema, before: unknown, after: unknown, path: string[]): boolean {
  if (shape === 'scalar' || isAtomic(schema, shape) || (size(before) === 0 && size(after) === 0)) {
    if (before === undefined) out.added.insert(path);
    else if (after === undefined) out.removed.insert(path);
    else if (!deepEqual(before, after)) out.modified.insert(path);
    return true;
  }
  if (shape === 'map') visitMap(out, schema, isObject(before) ? before : {}, isObject(after) ? after : {}, path);
  else visitList(out, schema as ListSchema, Array.isArray(before) ? before : [], Array.isArray(after) ? after : [], path);
  return false;
}

function visitMap(out: Builders, schema: TypeSchema, before: JsonObject, after: JsonObject, path: string[]): void {
  for (const name of Object.keys(before)) visitMember(out, schema, name, before[name], member(after, name), path);
  for (const name of Object.keys(after)) {
    if (!Object.hasOwn(before, name)) visitMember(out, schema, name, undefined, after[name], path);
  }
}

function visitMember(out: Builders, schema: TypeSchema, name: string, before: unknown, after: unknown, path: string[]): void {
  const type = memberSchema(schema, name);
  if (type === undefined || before === after) return;
  path.push(fieldElement(name));
  visit(out, type, before, after, path);
  path.pop();
}

/** Items by their element, in the order of first appearance. */
function grouped(list: ListSchema, items: readonly unknown[]): ReadonlyMap<string, readonly unknown[]> {
  const elements = itemElements(list, items);
  const groups = new Map<string, unknown[]>();
  elements.forEach((element, i) => {
    const group = groups.get(element);
    if (group === undefined) groups.set(element, [items[i]]);
    else group.push(items[i]);
  });
  return groups;
}

function visitList(out: Builders, list: ListSchema, before: readonly unknown[], after: readonly unknown[], path: string[]): void {
  // Most writes leave most lists as they are, and to see that costs a tenth of naming all items twice.
  if (deepEqual(before, after)) return;
  const left = grouped(list, before);
  const right = grouped(list, after);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    path.push(element);
    visitItems(out, list, left.get(element) ?? [], right.get(element) ?? [], path);
    path.pop();
  }
}

/** Items that share a key are compared together. */
function visitItems(out: Builders, list: ListSchema, before: readonly unknown[], after: readonly unknown[], path: string[]): void {
  if (before.length <= 1 && after.length <= 1) visit(out, list.items, before[0], after[0], path);
  else if (before.length >= 2 && after.length >= 2) {
    if (!deepEqual(before, after)) out.modified.insert(path);
  } else if (before.length >= 2) {
    if (after.length > 0) visit(out, list.items, undefined, after[0], path);
    out.removed.insert(path);
  } else {
    if (before.length > 0) visit(out, list.items, before[0], undefined, path);
    out.added.insert(path);
  }
}
