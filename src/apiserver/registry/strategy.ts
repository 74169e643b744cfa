// What one resource does differently from every other. A strategy is a literal with `satisfies Strategy<T>`; the generic
// registry (./create.ts, ./update.ts, ./delete.ts, …) calls it. Everything here is pure and synchronous, except `reserve`.
import type { ReplicasPaths } from '#apimachinery/apply/scale.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { Int64, KubeObject } from '#api/types.ts';
import type { Capabilities } from '#api/validation/problems.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Condition, Operation } from '#store/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { RequestContext } from '../request.ts';

export interface WriteContext {
  readonly request: RequestContext;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reader: CacheReader;
  /** Default all. */
  readonly capabilities?: Capabilities;
}

/**
 * The order on create: decode → defaults → mutating admission → defaults → `prepareForCreate` → `reserve` → `validate`
 * → warnings → `canonicalize` → validating admission → transaction. On update the same with the update hooks, once for
 * each attempt. Objects are in the stored version, complete and immutable; hooks that change one return a copy.
 * Source: rest.BeforeCreate, rest.BeforeUpdate.
 */
export interface Strategy<T = KubeObject> extends UpdateHooks<T> {
  /**
   * What a client wrote, as the owners of its fields are found: where upstream keeps as a field what one version has as an
   * annotation, every object comes to have the annotation. Source: conversion functions.
   */
  read?(object: T): T;
  /** Clears what a client may not set on create (usually status) and sets what the server owns. */
  prepareForCreate?(object: T, context: WriteContext): T;
  /** Semantic validation; an empty list accepts. */
  validate?(object: T, context: WriteContext): readonly FieldError[];
  /** What to warn of beside what is known of every object of the kind. `oldObject` absent: it is new. */
  warnings?(object: T, oldObject: T | undefined): readonly string[];
  /** PUT to a name that does not exist creates it. Default false. Source: AllowCreateOnUpdate. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion overwrites whatever is there. Default true. Source: AllowUnconditionalUpdate. */
  readonly allowUnconditionalUpdate?: boolean;
  /**
   * `desired`: generation starts at 1 and rises when anything but metadata and status changes. `fixed`: stays 1.
   * Default: it is not set. Strategies that count otherwise do it in their hooks.
   */
  readonly generation?: 'desired' | 'fixed';
  /** What status holds when nobody has written it; default: its type's empty form. */
  readonly initialStatus?: (object: T, context: WriteContext) => unknown;
  /** Other subresources that update the object itself: `status`, `approval`, `finalize`, `resize`, `ephemeralcontainers`. */
  readonly subresources?: Readonly<Record<string, UpdateHooks<T>>>;
  /**
   * Paths that each endpoint (empty: the object itself) resets, so that nobody comes to own them through it:
   * `{ '': [['status']], status: [['spec']] }`, which is the default where there is a status.
   */
  readonly resetFields?: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Replicas behind `scale`. */
  readonly scale?: ScaleHooks<T>;
  /**
   * Field selectors beside metadata.name and metadata.namespace: label → its value on an object. Values are compared
   * as strings; an unset field is the empty string.
   */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /**
   * Labels of one served version that stand for others: apiVersion → label → selectable field. `only`: the version knows
   * no further ones. Source: AddFieldLabelConversionFunc.
   */
  readonly fieldAliases?: Readonly<Record<string, { readonly only: boolean; readonly labels: Readonly<Record<string, string>> }>>;
  /** The error for a field label that is not selectable, where it is not the general one. */
  readonly unknownFieldLabel?: (label: string) => string;
  /** Secondary indexes of the watch cache, by selectable field: `spec.nodeName` for pods. */
  readonly indexedFields?: readonly string[];
  /**
   * Whole seconds the object stays with a deletionTimestamp before it goes, given what the client asked for; 0 deletes
   * at once. Absent: deletion is never graceful. Source: RESTGracefulDeleteStrategy.CheckGracefulDelete.
   */
  deletionGrace?(object: T, requested: Int64 | undefined): Int64;
  /** Changes an object whose deletion begins (status, say). */
  prepareForDelete?(object: T, context: WriteContext): T;
  /**
   * Whether something beyond metadata.finalizers still holds an object under deletion: spec.finalizers of a namespace.
   * Its deletion is then only marked.
   */
  isHeld?(object: T): boolean;
  /** What happens to dependents when the client does not say. Default background. Source: DefaultGarbageCollectionPolicy. */
  readonly garbageCollection?: 'background' | 'orphan' | 'unsupported';
  /** Seconds an object lives; it is deleted by the store afterwards. Absent or 0: for ever. */
  ttlSeconds?(object: T): number;
  /**
   * Takes what must be unique beyond the object's own key (addresses, ports), in the transaction that stores the
   * object. `object` absent: the stored one is being deleted.
   */
  reserve?(
    change: { readonly object: T | undefined; readonly oldObject: T | undefined },
    context: WriteContext,
  ): Promise<Reservation<T> | undefined>;
}

export interface UpdateHooks<T = KubeObject> {
  /** Puts back what this endpoint may not change: spec on `status`, status on the object itself. */
  prepareForUpdate?(object: T, oldObject: T, context: WriteContext): T;
  validateUpdate?(object: T, oldObject: T, context: WriteContext): readonly FieldError[];
  /** Brings an accepted object to one of several equal forms. */
  canonicalize?(object: T): T;
}

export interface ScaleHooks<T = KubeObject> {
  readonly specReplicas: (object: T) => number;
  readonly statusReplicas: (object: T) => number;
  /** Serialized label selector of the counted pods. */
  readonly selector: (object: T) => string;
  readonly withReplicas: (object: T, replicas: number) => T;
  /** The path of the replicas (`.spec.replicas`) where an object does not have them. */
  readonly missingReplicas?: (object: T) => string | undefined;
  /** Where the object keeps what withReplicas sets, for the owners of that field. */
  readonly replicasPath: readonly string[];
  /** Where each version of a custom resource keeps it, as elements of managed fields. */
  readonly versions?: ReplicasPaths;
}

/** Something held in memory until the transaction's outcome is known. */
export interface Reservation<T = KubeObject> {
  /** The object with what it was given filled in. */
  readonly object: T | undefined;
  /** Added to the transaction; when one of them fails, the reservation is finished as lost and made anew. */
  readonly conditions: readonly Condition[];
  readonly operations: readonly Operation[];
  /** Called exactly once. `lost`: not written, and someone else may hold what was wanted. */
  finish(outcome: 'written' | 'abandoned' | 'lost'): void;
}
