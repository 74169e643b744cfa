// Types of CEL: what variables are declared with and what the checker works on. Nodes are shared and never change.
// Source: cel-go common/types.Type, apiserver pkg/cel.DeclType.

export type Type = SimpleType | ListType | MapType | ObjectType | OpaqueType | TypeType | TypeParam;

export type SimpleKind =
  | 'dyn'
  | 'any'
  | 'error'
  | 'null_type'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration';

/** What a schema says of sizes, for cost estimates. Source: DeclType.MaxElements. */
interface Sized {
  /** Most characters, bytes, items or members; absent where nothing bounds it. */
  readonly maxElements?: number;
}

export interface SimpleType extends Sized {
  readonly kind: SimpleKind;
}

export interface ListType extends Sized {
  readonly kind: 'list';
  readonly items: Type;
  /** How a schema has its lists compared and added: `set` without order, `map` by `keys`. */
  readonly semantics?: 'set' | 'map';
  readonly mapKeys?: readonly string[];
}

export interface MapType extends Sized {
  readonly kind: 'map';
  readonly keys: Type;
  readonly values: Type;
}

/** A struct with known fields. Two are the same when their names are. */
export interface ObjectType extends Sized {
  readonly kind: 'object';
  readonly name: string;
  /** By the name expressions use, which is the JSON name escaped (`escapeName`). */
  readonly fields: ReadonlyMap<string, ObjectField>;
  /** A field that is null is as good as absent. Source: common unstructuredMap.Find. */
  readonly omitsNull?: boolean;
}

export interface ObjectField {
  /** Name in JSON. */
  readonly json: string;
  readonly type: Type;
}

/** A type only functions know what to do with: `optional_type(T)`, `kubernetes.URL`, `kubernetes.Quantity`. */
export interface OpaqueType extends Sized {
  readonly kind: 'opaque';
  readonly name: string;
  readonly params: readonly Type[];
}

/** The type of a type. */
export interface TypeType extends Sized {
  readonly kind: 'type';
  readonly of: Type | undefined;
}

/** Stands for any one type within one declaration. */
export interface TypeParam extends Sized {
  readonly kind: 'param';
  readonly name: string;
}

const simple = (kind: SimpleKind): SimpleType => ({ kind });

export const DYN = simple('dyn');
export const ANY = simple('any');
export const ERROR_TYPE = simple('error');
export const NULL_TYPE = simple('null_type');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const TIMESTAMP = simple('timestamp');
export const DURATION = simple('duration');

export const OPTIONAL_NAME = 'optional_type';

export const listOf = (items: Type): ListType => ({ kind: 'list', items });
export const mapOf = (keys: Type, values: Type): MapType => ({ kind: 'map', keys, values });
export const optionalOf = (type: Type): OpaqueType => opaque(OPTIONAL_NAME, type);
export const opaque = (name: string, ...params: readonly Type[]): OpaqueType => ({ kind: 'opaque', name, params });
export const typeOf = (of?: Type): TypeType => ({ kind: 'type', of });
export const typeParam = (name: string): TypeParam => ({ kind: 'param', name });

/** An object whose JSON names are what expressions use. */
export function objectOf(name: string, fields: Readonly<Record<string, Type>>): ObjectType {
  return { kind: 'object', name, fields: new Map(Object.entries(fields).map(([json, type]) => [json, { json, type }])) };
}

export function isOptional(type: Type): type is OpaqueType {
  return type.kind === 'opaque' && type.name === OPTIONAL_NAME;
}

/** The name a value's type has at run time. Source: Type.TypeName. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'any':
      return 'google.protobuf.Any';
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'object':
    case 'opaque':
    case 'param':
      return type.name;
    default:
      return type.kind;
  }
}

/** The types a type is made with: of a list its items. */
export function typeParams(type: Type): readonly Type[] {
  switch (type.kind) {
    case 'list':
      return [type.items];
    case 'map':
      return [type.keys, type.values];
    case 'opaque':
      return type.params;
    case 'type':
      return type.of === undefined ? [] : [type.of];
    default:
      return [];
  }
}

/** Exactly the same, parameters included. Source: IsExactType. */
export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || typeName(a) !== typeName(b)) return false;
  const [left, right] = [typeParams(a), typeParams(b)];
  return left.length === right.length && left.every((param, i) => sameType(param, right[i] as Type));
}

/** As messages about result types print it: `list(string)`, `map(string, dyn)`. Source: Type.String. */
export function showType(type: Type): string {
  const params = typeParams(type);
  return params.length === 0 ? typeName(type) : `${typeName(type)}(${params.map(showType).join(', ')})`;
}
