// What names mean while an expression is checked: the environment's, and variables of comprehensions above them.
import type { Overload } from '../functions.ts';
import type { ObjectType, Type } from '../types.ts';
import type { TypeValue } from '../values/values.ts';

/** What the checker needs of an environment. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  /** Names of types, `int` or `google.protobuf.Timestamp`, as values. */
  readonly typeNames: ReadonlyMap<string, TypeValue>;
  /** The type that `name{…}` makes; undefined for none. */
  structType(name: string): StructType | undefined;
}

export interface StructType {
  readonly type: Type;
  /** undefined for a field it does not have. */
  fieldType(field: string): Type | undefined;
}

export class Scope {
  readonly #outer: Scope | undefined;
  readonly #variables: ReadonlyMap<string, Type>;

  constructor(variables: ReadonlyMap<string, Type>, outer?: Scope) {
    this.#variables = variables;
    this.#outer = outer;
  }

  find(name: string): Type | undefined {
    return this.#variables.get(name) ?? this.#outer?.find(name);
  }
}

/** A field of a typed object; Kubernetes also takes names that are reserved words as they are. Source: FindStructFieldType. */
export function fieldOf(type: ObjectType, name: string): { readonly json: string; readonly type: Type } | undefined {
  return type.fields.get(name) ?? type.fields.get(`__${name}__`);
}
