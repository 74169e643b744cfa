// One request for a resource, as handlers get it.
import { decodeBody } from '#api/decode-body.ts';
import { applyDefaults } from '#api/defaults.ts';
import type { Schema, SubresourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { badRequest, methodNotSupported, notFound } from '#apimachinery/errors.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { inputEncoding, readDocument, type Body } from '../negotiation/input.ts';
import type { ProtobufCodec } from '../negotiation/protobuf.ts';
import type { ServedResource, StoredResource } from '../registry/catalog.ts';
import { withEmptyOwners } from '../registry/metadata.ts';
import type { Registry, WriteCall, WriteOptions } from '../registry/write-call.ts';
import type { RequestContext } from '../request.ts';

export interface HandlerDeps {
  readonly registry: Registry;
  readonly schema: Schema;
  readonly protobuf: ProtobufCodec | undefined;
}

export interface Operation {
  readonly request: RequestContext;
  readonly served: ServedResource;
  /** Present when the path names one. */
  readonly subresource: SubresourceInfo | undefined;
  readonly body: Body;
}

/** @throws StatusError MethodNotAllowed for a resource that is not stored */
export function storedOf({ served, request }: Operation): StoredResource {
  if (served.stored === undefined) throw methodNotSupported(served.info, request.info.verb);
  return served.stored;
}

/** Namespace of the request where the resource has one. */
export function namespaceOf({ served, request }: Operation): string {
  return served.info.namespaced ? request.info.namespace : '';
}

export function writeCall(operation: Operation, options: WriteOptions): WriteCall {
  return {
    served: operation.served,
    stored: storedOf(operation),
    request: operation.request,
    namespace: namespaceOf(operation),
    name: operation.request.info.name,
    subresource: operation.subresource?.name ?? '',
    options,
  };
}

/**
 * The body as an object of `expected`, complete with defaults, in that version.
 * @throws StatusError UnsupportedMediaType, RequestEntityTooLarge, BadRequest
 */
export async function readObject<T = KubeObject>(
  operation: Operation,
  expected: GroupVersionKind,
  options: Pick<WriteOptions, 'fieldValidation'> & { readonly accepts?: readonly string[] },
  deps: HandlerDeps,
): Promise<T> {
  const { fieldValidation, accepts = [] } = options;
  const { value, duplicates, warnings, text, json } = await readDocument(operation.body, {
    expected,
    strict: fieldValidation !== 'Ignore',
    protobuf: deps.protobuf,
  });
  const repeated = fieldValidation === 'Warn' ? (warnings ?? duplicates) : duplicates;
  const decoded = decodeBody<T>(value, deps.schema, { expected, accepts, fieldValidation, duplicates: repeated, text, json });
  for (const warning of decoded.warnings) operation.request.warnings.add(warning);
  const type = deps.schema.kind(expected);
  if (type === undefined) throw notFound({ group: expected.group, resource: expected.kind }, '');
  return applyDefaults(withEmptyOwners(decoded.object, value), type, deps.registry.clock.now());
}

/** Refuses a media type before the body is read. */
export function checkInput({ body, served, subresource }: Operation): void {
  if (body.kind === 'bytes') inputEncoding(body.contentType, served.info.origin === 'custom' && subresource?.name !== 'scale');
}

/** The object says the name and namespace of its path, or none. Source: handlers checkName. */
export function checkName({ request, served }: Operation, object: KubeObject): void {
  const { name, namespace } = request.info;
  const { name: ownName = '', namespace: ownNamespace = '' } = object.metadata as Partial<KubeObject['metadata']>;
  if (ownName === '') {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (ownName !== name) throw badRequest(`the name of the object (${ownName}) does not match the name on the URL (${name})`);
  if (served.info.namespaced && ownNamespace !== '' && ownNamespace !== namespace) {
    throw badRequest(`the namespace of the object (${ownNamespace}) does not match the namespace on the request (${namespace})`);
  }
}
