// What mutating admission policies make: `Object{spec: Object.spec{replicas: 2}}` and `JSONPatch{op: "add", …}`.
// Source: apiserver pkg/cel/mutation, library/jsonpatch.go.
import type { StructType } from '../check/scope.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { overload, type Library } from '../functions.ts';
import { DYN, objectOf, STRING, type ObjectType } from '../types.ts';
import { equal } from '../values/equality.ts';
import { itemsOf, membersOf, OpaqueValue, typeNameOf, type Members } from '../values/values.ts';

export const JSON_PATCH = objectOf('JSONPatch', { op: STRING, path: STRING, from: STRING, value: DYN });
export const OBJECT: ObjectType = objectOf('Object', {});

/** An object an expression made; fields in the order they were written. */
export class StructValue extends OpaqueValue implements Members {
  readonly type: ObjectType;
  readonly fields: ReadonlyMap<string, Value>;

  constructor(type: ObjectType, fields: ReadonlyMap<string, Value>) {
    super();
    this.type = type;
    this.fields = fields;
  }

  get size(): number {
    return this.fields.size;
  }

  get(key: Value): Value | undefined {
    return typeof key === 'string' ? this.fields.get(key) : undefined;
  }

  keys(): Iterable<Value> {
    return this.fields.keys();
  }

  equals(other: Value): boolean {
    if (!(other instanceof StructValue) || other.type.name !== this.type.name || other.size !== this.size) return false;
    return Array.from(this.fields).every(([name, value]) => {
      const theirs = other.get(name);
      return theirs !== undefined && equal(value, theirs);
    });
  }
}

/** `Object`, `Object.spec`, … have any fields; JSONPatch has its four. */
export function patchStruct(name: string): StructType | undefined {
  if (name === JSON_PATCH.name) return { type: JSON_PATCH, fieldType: (field) => JSON_PATCH.fields.get(field)?.type };
  if (name !== OBJECT.name && !name.startsWith('Object.')) return undefined;
  return { type: objectOf(name, {}), fieldType: () => DYN };
}

export function constructPatch(name: string, fields: ReadonlyMap<string, Value>): Value {
  const struct = patchStruct(name) ?? fail(`unknown type: ${name}`);
  for (const field of name === JSON_PATCH.name ? ['op', 'path', 'from'] : []) {
    const value = fields.get(field);
    if (value !== undefined && typeof value !== 'string') fail(`unexpected type ${typeNameOf(value)} for JSONPatchType '${field}' field`);
  }
  return new StructValue(struct.type as ObjectType, fields);
}

/** Every nested object must have the type its place says: `Object.spec` below `spec`. The message of each that has not. */
export function misnamed(value: Value, path = 'Object'): readonly string[] {
  if (value instanceof StructValue) {
    const wrong = `unexpected type name "${value.type.name}", expected "${path}", which matches field name path from root Object type`;
    const nested = Array.from(value.fields, ([name, field]) => misnamed(field, `${path}.${name}`)).flat();
    return value.type.name === path ? nested : [wrong, ...nested];
  }
  const items = itemsOf(value);
  if (items !== undefined) return items.flatMap((item) => misnamed(item, path));
  const members = membersOf(value);
  return members === undefined ? [] : Array.from(members.keys()).flatMap((key) => misnamed(members.get(key) as Value, path));
}

const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

export const PATCHES: Library = {
  functions: { 'jsonpatch.escapeKey': [overload('string_jsonpatch_escapeKey_string', [STRING], STRING, escapeKey)] },
};
