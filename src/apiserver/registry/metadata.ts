// What the server does to metadata of every kind. Pure: each function gives a copy.
import { badRequest } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { KubeObject } from '#api/types.ts';
import type { Ids } from '#base/ids.ts';

export type Metadata = KubeObject['metadata'];

/**
 * The object with what `changes` says about its metadata; undefined takes a field out.
 */
export function withMetadata<T extends KubeObject>(object: T, changes: { readonly [K in keyof Metadata]?: Metadata[K] | undefined }): T {
  const metadata: Record<string, unknown> = { ...object.metadata, ...changes };
  for (const name in changes) if (metadata[name] === undefined) delete metadata[name];
  return { ...object, metadata: metadata as unknown as Metadata };
}

/**
 * The object in the namespace of the request.
 * @throws StatusError BadRequest when it says another one. Source: EnsureObjectNamespaceMatchesRequestNamespace.
 */
export function inNamespace<T extends KubeObject>(object: T, namespace: string): T {
  const own = object.metadata.namespace ?? '';
  if (own === namespace) return object;
  if (own !== '' && namespace !== '')
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  return withMetadata(object, { namespace: namespace === '' ? undefined : namespace });
}

/** Takes out what only the server sets. Source: WipeObjectMetaSystemFields. */
export function wiped<T extends KubeObject>(object: T): T {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, selfLink } = object.metadata;
  if (!uid && !creationTimestamp && deletionTimestamp === undefined && deletionGracePeriodSeconds === undefined && selfLink === undefined)
    return object;
  return withMetadata(object, {
    uid: undefined,
    creationTimestamp: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    selfLink: undefined,
  });
}

/** Source: FillObjectMetaSystemFields. */
export function born<T extends KubeObject>(object: T, { ids, now }: { readonly ids: Ids; readonly now: number }): T {
  return withMetadata(object, { uid: ids.uuid(), creationTimestamp: formatTime(now) });
}

export function needsName(object: KubeObject): boolean {
  return (object.metadata.name ?? '') === '' && (object.metadata.generateName ?? '') !== '';
}

/**
 * `object`, decoded from `given`, with the empty list of owners that `given` may have. Decoding takes it for none, but by it a
 * client asks to forget the owners. Source: isResetManagedFields.
 */
export function withEmptyOwners<T>(object: T, given: unknown): T {
  const { managedFields } = (given as { readonly metadata?: { readonly managedFields?: unknown } | null } | null)?.metadata ?? {};
  if (!Array.isArray(managedFields) || managedFields.length > 0) return object;
  return withMetadata(object as KubeObject, { managedFields: [] }) as T;
}

/** Finalizers that the garbage collector acts on. Source: metav1.FinalizerOrphanDependents, FinalizerDeleteDependents. */
export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

/** Metadata a status-like endpoint may not change stays as it was. Source: metav1.ResetObjectMetaForStatus. */
export function resetForStatus<M extends Metadata>(metadata: M, old: M): M {
  const { managedFields, resourceVersion } = metadata;
  return {
    ...old,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
}
