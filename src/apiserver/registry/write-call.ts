// What the verbs of the registry share: who writes what, with which options, and the parts of the server they use.
import { toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import type { FieldValidation } from '#api/decode.ts';
import { inOrder } from '#api/member-order.ts';
import type { KubeObject } from '#api/types.ts';
import type { Capabilities } from '#api/validation/problems.ts';
import { parseApiVersion, type GroupVersionKind } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Store } from '#store/contract.ts';
import type { CacheHub } from '../cache/hub.ts';
import type { EncryptedStore } from '../encryption/store.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Authorizer } from '../authorization/contract.ts';
import type { AdmissionRunner } from './admission.ts';
import type { RequestContext } from '../request.ts';
import type { Catalog, ServedResource, StoredResource } from './catalog.ts';
import type { FieldChange, FieldManager } from './field-manager.ts';
import { managerName } from './manager-name.ts';
import type { TtlLeases } from './ttl-leases.ts';
import type { WriteContext } from './strategy.ts';

export interface Registry {
  readonly store: Store;
  readonly hub: CacheHub;
  readonly catalog: Catalog;
  readonly reader: CacheReader;
  readonly admission: AdmissionRunner;
  readonly fieldManager: FieldManager;
  /** Asked again where one request does what two verbs stand for. */
  readonly authorizer: Authorizer;
  readonly leases: TtlLeases;
  /** The store, where values are encrypted at rest. */
  readonly encrypted?: Pick<EncryptedStore, 'isStale'>;
  /** What objects may ask for. Default all. */
  readonly capabilities?: Capabilities;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export interface WriteOptions {
  readonly kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';
  readonly dryRun: boolean;
  /** Empty: named after the user agent. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  /** As admission sees them. */
  readonly object: Readonly<Record<string, unknown>>;
}

/**
 * What admission is told of options: those of what is done, whatever was asked for; a PATCH creates or updates, and a PUT may
 * create. Source: patchToUpdateOptions, patchToCreateOptions, updateToCreateOptions.
 */
export function optionsOf(operation: 'CreateOptions' | 'UpdateOptions', { kind, object }: WriteOptions): WriteOptions['object'] {
  if (kind === operation) return object;
  const { force: _, ...common } = object;
  return { ...common, kind: operation };
}

/** One write of a stored resource. */
export interface WriteCall {
  readonly served: ServedResource;
  readonly stored: StoredResource;
  readonly request: RequestContext;
  /** Empty when cluster-scoped. */
  readonly namespace: string;
  /** Empty for a create. */
  readonly name: string;
  /** The request deletes a collection and names none of it, so that admission is told no name. Source: handlers DeleteCollection. */
  readonly collection?: boolean;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly options: WriteOptions;
  /**
   * What is written was applied: where it is created, what it says of an older object does not count, and its record of owners
   * cannot be done without.
   */
  readonly applies?: boolean;
  /** Admission sees the write in another form than the object's own: as a Scale. */
  readonly lens?: AdmissionLens;
  /** Admission has seen all of it in the form of a request of its own: a Binding, an Eviction. */
  readonly admitted?: true;
}

/** A part of an object as an object of its own. */
export interface AdmissionLens {
  readonly kind: GroupVersionKind;
  seen(object: KubeObject): KubeObject;
  /** `object` with what was made of the part. */
  withSeen(object: KubeObject, seen: KubeObject): KubeObject;
}

export function writeContext({ request, options }: WriteCall, { clock, ids, reader, capabilities }: Registry): WriteContext {
  return { request, dryRun: options.dryRun, clock, ids, reader, ...(capabilities === undefined ? {} : { capabilities }) };
}

/** @throws StatusError Invalid unless `errors` is empty */
export function refuseInvalid({ served }: WriteCall, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  // A custom object may say that it is another one.
  const { group, kind } = served.info.origin === 'custom' ? { ...parseApiVersion(object.apiVersion), kind: object.kind } : served.info;
  throw toStatusError({ group, kind }, object.metadata.name ?? '', errors);
}

/** A built-in object with its members as its type has them: equal objects have equal bytes, and they are Go's. `old`: as stored. */
export const ordered = ({ stored }: WriteCall, object: KubeObject, old?: KubeObject): KubeObject =>
  stored.form === undefined ? inOrder(object, stored.schema, old) : object;

/** The object as the strategy and the store know it. */
export function toStored({ served }: WriteCall, object: KubeObject): KubeObject {
  return served.conversion === undefined ? object : served.conversion.toStored(object);
}

/** The object as the client knows it. */
export function toServed({ served }: WriteCall, object: KubeObject | undefined): KubeObject | undefined {
  return object === undefined || served.conversion === undefined ? object : served.conversion.toServed(object);
}

/** Who writes what, for the record of owners. */
export function fieldChange(
  { served, subresource, options, request }: Pick<WriteCall, 'served' | 'subresource' | 'options' | 'request'>,
  { clock }: Pick<Registry, 'clock'>,
): FieldChange {
  return { served, subresource, manager: managerName(options.fieldManager, request.userAgent), now: clock.now(), request };
}
