// Field sets seen through a schema.
import { memberSchema, type TypeSchema } from '../type-schema.ts';
import { below, elementsOf, isMember, type FieldSet } from './field-set.ts';
import { isField } from './list-items.ts';
import { fieldName, isKey } from './path-element.ts';

const LEAF: FieldSet = {};

/** The schema of what a step leads to; undefined where the schema knows nothing of it. */
function schemaBelow(schema: TypeSchema | undefined, element: string): TypeSchema | undefined {
  if (schema === undefined) return undefined;
  const name = fieldName(element);
  if (name !== undefined) return memberSchema(schema, name);
  return isKey(element) && schema.shape === 'list' ? schema.items : undefined;
}

/**
 * A set in which every struct field that has something below it is a member too.
 * Source: Set.EnsureNamedFieldsAreMembers.
 */
export function withNamedFields(set: FieldSet, schema: TypeSchema | undefined): FieldSet {
  let out: Record<string, FieldSet> | undefined;
  for (const element of elementsOf(set)) {
    const node = below(set, element);
    const children = withNamedFields(node, schemaBelow(schema, element));
    const name = fieldName(element);
    const named = name !== undefined && schema !== undefined && isField(schema, name) && !isMember(node);
    const changed = named ? { '.': LEAF, ...children } : children;
    if (changed === node) continue;
    out ??= { ...set };
    out[element] = changed;
  }
  return out ?? set;
}

/** Maps without a stated type never change between granular and atomic. Source: isUntypedDeducedMap. */
const isUntyped = (schema: TypeSchema): boolean => schema.shape === 'any' && schema.content !== 'object';

const isAtomicNow = (schema: TypeSchema): boolean => {
  if (schema.shape === 'list') return schema.listType === 'atomic';
  if (schema.shape === 'any') return schema.content === 'object';
  return schema.shape !== 'scalar' && schema.mapType === 'atomic';
};

const known = new WeakMap<TypeSchema, WeakMap<FieldSet, FieldSet>>();

/**
 * Ownership from before a list or map became atomic, as ownership of the whole.
 * Source: ReconcileFieldSetWithSchema.
 */
export function reconciled(set: FieldSet, schema: TypeSchema): FieldSet {
  let ofSchema = known.get(schema);
  if (ofSchema === undefined) known.set(schema, (ofSchema = new WeakMap()));
  let out = ofSchema.get(set);
  if (out === undefined) ofSchema.set(set, (out = reconcile(set, schema)));
  return out;
}

function reconcile(set: FieldSet, schema: TypeSchema): FieldSet {
  if (schema.shape === 'scalar' || isUntyped(schema)) return set;
  let out: Record<string, FieldSet> | undefined;
  for (const element of elementsOf(set)) {
    const node = below(set, element);
    const type = schema.shape === 'list' ? schema.items : schemaBelow(schema, element);
    if (type === undefined) continue;
    const whole = elementsOf(node).length > 0 && isAtomicNow(type);
    const changed = whole ? LEAF : reconcile(node, type);
    if (changed === node) continue;
    out ??= { ...set };
    out[element] = changed;
  }
  return out ?? set;
}
