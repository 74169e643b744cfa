// Applies defaulters to a whole object: a struct first, then the structs inside it, as upstream's generated code does.
// Compiled once a type: subtrees in which nothing is ever defaulted are not visited. What is added stands at the end of
// its struct; whoever calls puts it in order.
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { FieldSchema, ObjectSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { ZERO } from '../decode/scalars.ts';
import type { JsonObject } from '../json-object.ts';
import { definitions } from '../schema/tables.ts';
import type { DefaulterTable } from './fill.ts';

/** The same value when nothing was added. */
export type Step = (value: unknown, now: number) => unknown;

/** Compiles the walks of a defaulter table; null: nothing in the type is ever defaulted. */
export class DefaultsCompiler {
  readonly #table: DefaulterTable;
  readonly #steps = new Map<TypeSchema, Step | null>();

  constructor(table: DefaulterTable) {
    this.#table = table;
  }

  step(schema: TypeSchema): Step | null {
    const known = this.#steps.get(schema);
    if (known !== undefined) return known;
    this.#steps.set(schema, null); // a type inside itself is not followed: only JSONSchemaProps is, and has no defaults
    const compiled = this.#compile(schema);
    this.#steps.set(schema, compiled);
    return compiled;
  }

  #compile(schema: TypeSchema): Step | null {
    switch (schema.shape) {
      case 'object':
        return this.#compileObject(schema);
      case 'list': {
        const item = this.step(schema.items);
        return item === null ? null : (value, now) => mapList(value as readonly unknown[], (member) => item(member, now));
      }
      case 'map': {
        const member = this.step(schema.values);
        return member === null ? null : (value, now) => mapMembers(value as JsonObject, (one) => member(one, now));
      }
      default:
        return null;
    }
  }

  #compileObject(schema: ObjectSchema): Step | null {
    const own = this.#table[schema.name];
    const constants = [...schema.fields.values()].filter(hasEffectiveDefault);
    const children = [...schema.fields.values()].flatMap((field) => {
      const step = isResourceList(schema, field) ? roundResources : this.step(field.type);
      return step === null ? [] : [{ name: field.name, step }];
    });
    if (own === undefined && constants.length === 0 && children.length === 0) return null;

    return (value, now) => {
      const before = value as JsonObject;
      let after = (own === undefined ? before : own(before, now)) as JsonObject;
      let shared = true;
      const set = (name: string, member: unknown): void => {
        if (shared) after = { ...after };
        shared = false;
        after[name] = member;
      };
      for (const field of constants) if (isUnset(after[field.name], field)) set(field.name, field.type.default);
      for (const { name, step } of children) {
        const member = after[name];
        if (member === undefined || member === null) continue;
        const defaulted = step(member, now);
        if (defaulted !== member) set(name, defaulted);
      }
      return after;
    };
  }
}

/** A default that equals Go's zero of a plain field adds nothing. */
function hasEffectiveDefault({ type, pointer }: FieldSchema): boolean {
  if (type.default === undefined) return false;
  return pointer || type.shape !== 'scalar' || type.default !== ZERO[type.scalar];
}

function isUnset(value: unknown, { always, pointer, type }: FieldSchema): boolean {
  if (value === undefined || value === null) return true;
  return always && !pointer && type.shape === 'scalar' && value === ZERO[type.scalar];
}

/** node.k8s.io has no defaulting at all upstream. */
function isResourceList(schema: ObjectSchema, field: FieldSchema): boolean {
  return definitions[schema.name]?.fields[field.name]?.go === 'v1.ResourceList' && !schema.name.startsWith('io.k8s.api.node.');
}

const MILLI = -3;

/** Nothing finer than a thousandth is kept. Source: SetDefaults_ResourceList. */
function roundResources(value: unknown): unknown {
  return mapMembers(value as JsonObject, (text) => {
    const rounded = parseQuantity(text as string)
      .roundUp(MILLI)
      .toString();
    return rounded === text ? text : rounded;
  });
}

function mapList(list: readonly unknown[], change: (member: unknown) => unknown): readonly unknown[] {
  let out: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const member = change(list[i]);
    if (member === list[i]) continue;
    out ??= [...list];
    out[i] = member;
  }
  return out ?? list;
}

function mapMembers(object: JsonObject, change: (member: unknown) => unknown): JsonObject {
  let out: JsonObject | undefined;
  for (const key of Object.keys(object)) {
    const member = change(object[key]);
    if (member === object[key]) continue;
    out ??= { ...object };
    out[key] = member;
  }
  return out ?? object;
}
