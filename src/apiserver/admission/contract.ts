// What may be written. Plugins fill this folder; the write path (../registry) runs the mutating ones in order, then validates
// the object against its schema and strategy, then runs the validating ones.
import type { GroupVersionKind, GroupVersionResource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { RequestContext } from '../request.ts';

/** Source: admission.Operation. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/**
 * One write as plugins see it. Objects are complete (defaults applied) and immutable: a mutating plugin answers with
 * a changed copy. Which objects are present:
 *
 * | operation | object | oldObject |
 * |---|---|---|
 * | CREATE | the new object (for a subresource with its own kind, that: Binding, Eviction, TokenRequest) | – |
 * | UPDATE | the object as it would be stored | the stored object |
 * | DELETE | – | the stored object; those of a collection one by one, without `name` |
 * | CONNECT | the subresource's options: PodExecOptions, NodeProxyOptions, … | – |
 *
 * Source: admission.Attributes.
 */
export interface AdmissionAttributes<T = KubeObject> {
  readonly operation: Operation;
  /** Empty on CREATE with generateName, whose name is made after mutation, and on DELETE of a collection. */
  readonly name: string;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly resource: GroupVersionResource;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Kind of `object` as the client wrote it. */
  readonly kind: GroupVersionKind;
  readonly object: T | undefined;
  readonly oldObject: T | undefined;
  /** CreateOptions, UpdateOptions or DeleteOptions of meta/v1, as the operation is, with kind and apiVersion; undefined on CONNECT. */
  readonly options: Readonly<Record<string, unknown>> | undefined;
  /** Nothing will be stored; a plugin without a dry-run form of its side effects must refuse. */
  readonly dryRun: boolean;
  readonly user: UserInfo;
  /** For warnings, audit annotations and the abort signal. */
  readonly request: RequestContext;
  /** Where plugins are run by rounds: what concerns all rounds of this one mutation. Absent where nothing can be mutated. */
  readonly rounds?: MutationRounds;
}

/**
 * A webhook that changed the object has plugins before it look again: all mutating plugins then run a second time, and a
 * webhook only if it wants to. There is no third time. Source: admission.ReinvocationContext.
 */
export interface MutationRounds {
  readonly round: 0 | 1;
  /** Asks for the second round. */
  runAgain(): void;
  /** What plugins keep from the first round for the second, by their name. */
  readonly memory: Map<string, unknown>;
}

export interface AdmissionPlugin {
  /** Upstream's name: `NamespaceLifecycle`, `ServiceAccount`, … */
  readonly name: string;
  /** Asked once when the chain is built; the plugin is called only for these. */
  readonly operations: readonly Operation[];
  /**
   * Resolves when the plugin can judge (its caches are filled); until then writes wait, for at most 10 s, and are
   * then refused with `not yet ready to handle request`. Absent: always ready.
   */
  ready?(): boolean | Promise<void>;
}

/**
 * Returns the changed object, or undefined for no change. Refuses by throwing StatusError (usually `forbidden`).
 * May be called more than once for one request (conflict retry, reinvocation), so it must be idempotent.
 */
export interface MutatingPlugin extends AdmissionPlugin {
  admit(attributes: AdmissionAttributes): KubeObject | undefined | Promise<KubeObject | undefined>;
}

/** Refuses by throwing StatusError; never changes anything. Called after all mutation, once for each attempt to store. */
export interface ValidatingPlugin extends AdmissionPlugin {
  validate(attributes: AdmissionAttributes): void | Promise<void>;
}

/** Plugins in the order they run. A plugin of both kinds is listed in both. */
export interface AdmissionChain {
  readonly mutating: readonly MutatingPlugin[];
  readonly validating: readonly ValidatingPlugin[];
}

/** Admits everything. */
export const NO_ADMISSION: AdmissionChain = { mutating: [], validating: [] };
