// What a value of the API looks like: the one description that decoding, pruning, defaulting, strategic merge and
// server-side apply work from. Built-in tables and CRD schemas both produce it; nodes are shared and never change.

/**
 * A graph, not a tree: a node that refers to itself (JSONSchemaProps) is the same object again. References are
 * resolved when the graph is built, so every property is a plain read.
 */
export type TypeSchema = ObjectSchema | MapSchema | ListSchema | ScalarSchema | AnySchema;

interface Node {
  /**
   * The value an absent member gets; `undefined` for none. Never changed: copy before storing where it may be edited.
   * Key fields of an associative list use it too: a list item without `protocol` has the key `protocol="TCP"`.
   */
  readonly default: unknown;
  /** A null is a value and is kept (CRD `nullable`). In built-in types null always means absent. */
  readonly nullable: boolean;
}

/** A struct: a fixed set of named fields. */
export interface ObjectSchema extends Node {
  readonly shape: 'object';
  /** `io.k8s.api.core.v1.Pod`; empty for an object of a CRD. The part after the last dot is the Go type. */
  readonly name: string;
  /** In Go declaration order, which is the order on the wire; a CRD's fields in alphabetical order. */
  readonly fields: ReadonlyMap<string, FieldSchema>;
  /** `keep`: fields outside `fields` are kept as they are (x-kubernetes-preserve-unknown-fields). */
  readonly unknownFields: 'drop' | 'keep';
  /** `atomic`: server-side apply replaces it as a whole. */
  readonly mapType: 'granular' | 'atomic';
  /** A whole Kubernetes object with its own apiVersion, kind and metadata (x-kubernetes-embedded-resource). */
  readonly embedded: boolean;
}

export interface FieldSchema {
  /** JSON name. */
  readonly name: string;
  readonly type: TypeSchema;
  readonly required: boolean;
  /** A required list or map that an accepted object may have empty: written as null then. Others are never met empty. */
  readonly mayBeNull: boolean;
  /** An empty list is not the same as none until validation, which refuses it: accepted objects never have one. */
  readonly tellsEmpty: boolean;
  /** On the wire even when empty: an unset list, map or time as null, a struct as `{}`, a scalar as its zero. */
  readonly always: boolean;
  /** A present zero (`""`, 0, false, `{}`) is kept; without it a zero is the same as absent. */
  readonly pointer: boolean;
  /** Strategic merge; empty for none, which replaces lists and merges objects. */
  readonly patchStrategy: readonly PatchStrategy[];
  /** The field that identifies an item of a merged list of objects. */
  readonly patchMergeKey: string | undefined;
}

export type PatchStrategy = 'merge' | 'replace' | 'retainKeys';

/** Any string keys, values of one type. */
export interface MapSchema extends Node {
  readonly shape: 'map';
  readonly values: TypeSchema;
  readonly mapType: 'granular' | 'atomic';
}

export interface ListSchema extends Node {
  readonly shape: 'list';
  readonly items: TypeSchema;
  readonly listType: 'atomic' | 'set' | 'map';
  /** JSON names of the fields that identify an item; empty unless `listType` is `map`. */
  readonly listMapKeys: readonly string[];
}

/**
 * `bytes`: base64. `time`, `microTime`: RFC 3339, null when unset. `duration`: Go's `1h2m3s`. `number`: a double.
 * `intOrString`: either JSON type, kept as written.
 */
export type ScalarKind =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'number'
  | 'bytes'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'quantity'
  | 'intOrString';

export interface ScalarSchema extends Node {
  readonly shape: 'scalar';
  readonly scalar: ScalarKind;
  /** The values known for a string; decoding takes others too, validation decides. */
  readonly enum: readonly string[] | undefined;
}

/** A value of no stated type, kept as it is. */
export interface AnySchema extends Node {
  readonly shape: 'any';
  /** The definition it comes from (`…v1.JSONSchemaPropsOrBool`), where it has one. */
  readonly name?: string;
  /**
   * `object`: RawExtension (ControllerRevision.data, webhook objects). `fieldsV1`: managed fields.
   * `json`: whatever JSON can say (defaults in a CRD, fields below x-kubernetes-preserve-unknown-fields).
   */
  readonly content: 'json' | 'object' | 'fieldsV1';
  /** Of custom resources: nothing is known of objects in it, so they keep no members. */
  readonly bare?: true;
}

/** For values nothing is known about. */
export const ANY: AnySchema = { shape: 'any', content: 'json', default: undefined, nullable: true };

/**
 * The schema of member `name` of an object or map; ANY below ANY and for kept unknown fields; undefined where the
 * schema has no such member.
 */
export function memberSchema(schema: TypeSchema, name: string): TypeSchema | undefined {
  switch (schema.shape) {
    case 'object':
      return schema.fields.get(name)?.type ?? (schema.unknownFields === 'keep' ? ANY : undefined);
    case 'map':
      return schema.values;
    case 'any':
      return ANY;
    default:
      return undefined;
  }
}
