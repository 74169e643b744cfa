// The rows of types.json and resources.json, typed. README.md in this folder says where each fact comes from.
import resourceTable from './resources.json' with { type: 'json' };
import typeTable from './types.json' with { type: 'json' };

/** A field, a list element or a map value. Exactly one of `ref`, `items`, `map`, or a `t` alone says what it holds. */
export interface FieldRow {
  /** JSON type; absent beside `ref`. `any`: unconstrained. */
  readonly t?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'any';
  /** `int32`, `int64`, `double`, `byte`. */
  readonly format?: string;
  /** A definition's name. */
  readonly ref?: string;
  /** Element of a list. */
  readonly items?: FieldRow;
  /** Value of a map. */
  readonly map?: FieldRow;
  /** Go type where it has a name of its own: `v1.Protocol`; for error texts. */
  readonly go?: string;
  /** Go type of a map's key, where it is not plain string. */
  readonly goKey?: string;
  /** Required. */
  readonly req?: boolean;
  /** On the wire even when empty. */
  readonly always?: boolean;
  /** Required, but validation lets it be empty; null then. */
  readonly nil?: boolean;
  /** Validation refuses this list where it was given empty, and not (or otherwise) where it was not given. */
  readonly empty?: boolean;
  /** A Go pointer: a present zero is kept. */
  readonly ptr?: boolean;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  /** Absent: atomic. */
  readonly listType?: 'set' | 'map' | 'atomic';
  readonly listMapKeys?: readonly string[];
  /** Absent: granular. */
  readonly mapType?: 'atomic';
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  /** Name in the protobuf message, where it differs. */
  readonly protoName?: string;
  /** The message field (dotted: nested) whose message carries this field. */
  readonly protoIn?: string;
}

export interface GvkRow {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface DefinitionRow {
  /** The kinds this is the type of; options kinds belong to many versions. */
  readonly gvk?: readonly GvkRow[];
  /** Present when it is no struct: a scalar in JSON, or `any`. */
  readonly t?: 'string' | 'any';
  readonly format?: string;
  /** Holds wherever the definition is used. */
  readonly mapType?: 'atomic';
  readonly unions?: readonly unknown[];
  /** Protobuf message where it is not the definition's name with another prefix; empty: it has none. */
  readonly proto?: string;
  /** In Go declaration order. */
  readonly fields: Readonly<Record<string, FieldRow>>;
}

export interface SubresourceRow {
  readonly name: string;
  /** Kind of the body. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  /** Absent: the body is a query (`connect`). */
  readonly def?: string;
  /** Upgraded or proxied. */
  readonly connect?: boolean;
  /** Takes a trailing path. */
  readonly pathSuffix?: boolean;
  /** Query parameters and their JSON types. */
  readonly params?: Readonly<Record<string, string>>;
}

export interface ResourceRow {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly def: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly listKind?: string;
  readonly listDef?: string;
  readonly subresources?: readonly SubresourceRow[];
  readonly lifecycle?: Readonly<Record<string, unknown>>;
}

export interface GroupRow {
  /** Empty for the core group. */
  readonly name: string;
  /** By priority. */
  readonly versions: readonly string[];
  readonly preferred: string;
}

export const definitions = typeTable as unknown as Readonly<Record<string, DefinitionRow>>;
export const resourceRows = resourceTable.resources as unknown as readonly ResourceRow[];
/** In the order of `/apis`. */
export const groupRows = resourceTable.groups as readonly GroupRow[];

/** `Deployment` for `io.k8s.api.apps.v1.Deployment`. */
export function shortName(definition: string): string {
  return definition.slice(definition.lastIndexOf('.') + 1);
}
