// From a Client method's arguments to the ApiRequest that carries them: names, query parameters and bodies. Pure.
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import type {
  ApiRequest,
  DeleteOptions,
  ListOptions,
  ObjectRef,
  Patch,
  SubresourceOptions,
  WatchOptions,
  WriteOptions,
} from './contract.ts';

type Query = Readonly<Record<string, string>>;

/** Source: apimachinery types.PatchType. */
export const PATCH_CONTENT_TYPE = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const satisfies Readonly<Record<Patch['type'], string>>;

/** Where the kind of the body is not that of the resource. Source: the `scale` subresource of apps/v1. */
const KIND_OF_SUBRESOURCE: Readonly<Record<string, { readonly apiVersion: string; readonly kind: string }>> = {
  scale: { apiVersion: 'autoscaling/v1', kind: 'Scale' },
};

/** Leaves out what is undefined, so that a query holds strings only. */
function query(values: Readonly<Record<string, string | number | boolean | undefined>>): Query {
  const out: Record<string, string> = {};
  for (const name in values) if (values[name] !== undefined) out[name] = String(values[name]);
  return out;
}

function request(fields: { readonly [K in keyof ApiRequest]: ApiRequest[K] | undefined }): ApiRequest {
  const out: Record<string, unknown> = {};
  for (const name in fields) if (fields[name as keyof ApiRequest] !== undefined) out[name] = fields[name as keyof ApiRequest];
  return out as unknown as ApiRequest;
}

const selection = (options: WatchOptions): Record<string, string | undefined> => ({
  labelSelector: options.labelSelector === '' ? undefined : options.labelSelector,
  fieldSelector: options.fieldSelector === '' ? undefined : options.fieldSelector,
  resourceVersion: options.resourceVersion,
  resourceVersionMatch: options.resourceVersionMatch,
});

const writing = (options: WriteOptions): Query =>
  query({
    dryRun: options.dryRun === true ? 'All' : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.fieldValidation,
  });

interface Metadata {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

const metadataOf = (object: unknown): Metadata => (object as { readonly metadata?: Metadata | undefined } | null)?.metadata ?? {};

/** The body as it travels: `apiVersion` and `kind` are filled in where the caller left them out. */
function typed(resource: Resource, object: unknown, subresource?: string): unknown {
  const given = object as { readonly apiVersion?: string; readonly kind?: string };
  if (given.apiVersion !== undefined && given.kind !== undefined) return object;
  const own = subresource === undefined ? undefined : KIND_OF_SUBRESOURCE[subresource];
  return { ...given, ...(own ?? { apiVersion: apiVersionOf(resource), kind: resource.kind }) };
}

export interface GetOptions {
  readonly subresource?: string;
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

export function getRequest(resource: Resource, ref: ObjectRef, options: GetOptions): ApiRequest {
  return request({
    verb: 'get',
    resource,
    ...ref,
    subresource: options.subresource,
    query: query({ resourceVersion: options.resourceVersion }),
    signal: options.signal,
  });
}

export function listRequest(resource: Resource, options: ListOptions): ApiRequest {
  const parameters = query({ ...selection(options), limit: options.limit, continue: options.continue });
  const { namespace, managedFields, signal } = options;
  return request({ verb: 'list', resource, namespace, query: parameters, managedFields, signal });
}

export function watchRequest(resource: Resource, options: WatchOptions): ApiRequest {
  const { allowWatchBookmarks, sendInitialEvents, timeoutSeconds, namespace, managedFields, signal } = options;
  const parameters = query({ ...selection(options), allowWatchBookmarks, sendInitialEvents, timeoutSeconds });
  return request({ verb: 'watch', resource, namespace, query: parameters, managedFields, signal });
}

export function createRequest(resource: Resource, object: unknown, options: WriteOptions): ApiRequest {
  const { namespace } = metadataOf(object);
  return request({ verb: 'create', resource, namespace, query: writing(options), body: typed(resource, object), signal: options.signal });
}

/** @throws TypeError when the object has no name: such a request has no address */
export function updateRequest(resource: Resource, object: unknown, options: SubresourceOptions): ApiRequest {
  const { name, namespace } = metadataOf(object);
  if (name === undefined || name === '') throw new TypeError(`update of ${resource.resource}: metadata.name is required`);
  const { subresource, signal } = options;
  return request({
    verb: 'update',
    resource,
    namespace,
    name,
    subresource,
    query: writing(options),
    body: typed(resource, object, subresource),
    signal,
  });
}

export function patchRequest(resource: Resource, ref: ObjectRef, patch: Patch, options: SubresourceOptions): ApiRequest {
  const parameters =
    patch.type === 'apply' ? { ...writing(options), ...query({ fieldManager: patch.fieldManager, force: patch.force }) } : writing(options);
  return request({
    verb: 'patch',
    resource,
    ...ref,
    subresource: options.subresource,
    query: parameters,
    body: patch.body,
    contentType: PATCH_CONTENT_TYPE[patch.type],
    signal: options.signal,
  });
}

/** DeleteOptions travel in the body. Source: client-go typed clients' Delete. */
function deleteBody(options: DeleteOptions): unknown {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dryRun === true ? { dryRun: ['All'] } : {}),
  };
}

export function deleteRequest(resource: Resource, ref: ObjectRef, options: DeleteOptions): ApiRequest {
  return request({ verb: 'delete', resource, ...ref, body: deleteBody(options), signal: options.signal });
}

export function deleteCollectionRequest(resource: Resource, list: ListOptions, options: DeleteOptions): ApiRequest {
  const parameters = query({ ...selection(list), limit: list.limit, continue: list.continue });
  const signal = options.signal ?? list.signal;
  return request({ verb: 'deletecollection', resource, namespace: list.namespace, query: parameters, body: deleteBody(options), signal });
}

export function createSubresourceRequest(
  resource: Resource,
  ref: ObjectRef,
  subresource: string,
  body: unknown,
  options: WriteOptions,
): ApiRequest {
  return request({ verb: 'create', resource, ...ref, subresource, query: writing(options), body, signal: options.signal });
}
