// POST of an object with a kind of its own to a subresource, or of one that is answered and not stored.
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import type { AdmissionAttributes } from '../admission/contract.ts';
import { inNamespace, wiped } from '../registry/metadata.ts';
import { fieldChange, type WriteOptions } from '../registry/write-call.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import { checkInput, readObject, type HandlerDeps, type Operation } from './operation.ts';

export interface PostedObject<T> {
  readonly object: T;
  readonly options: WriteOptions;
}

/**
 * The body, admitted. Its name and namespace are those of the path; it may leave them out.
 * @throws StatusError
 */
export async function readPosted<T extends KubeObject>(
  operation: Operation,
  kind: GroupVersionKind,
  deps: HandlerDeps,
  accepts: readonly string[] = [],
): Promise<PostedObject<T>> {
  const { served, request, subresource } = operation;
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const given = await readObject<T>(operation, kind, { ...options, accepts }, deps);
  const sent = named(inNamespace(given, served.info.namespaced ? request.info.namespace : ''), request.info.name);
  const placed = subresource === undefined ? await asCreated(operation, sent, options, deps) : sent;
  const { admission } = deps.registry;
  if (!admission.handles('CREATE')) return { object: placed, options };
  const attributes: AdmissionAttributes = {
    operation: 'CREATE',
    name: request.info.name === '' ? (placed.metadata.name ?? '') : request.info.name,
    namespace: request.info.namespace,
    resource: served.info,
    subresource: subresource?.name ?? '',
    kind,
    object: placed,
    oldObject: undefined,
    options: options.object,
    dryRun: options.dryRun,
    user: request.user,
    request,
  };
  const object = ((await admission.mutate(attributes)) ?? placed) as T;
  await admission.validate({ ...attributes, object });
  return { object, options };
}

/** What is answered, not stored, is created all the same: it says who wrote it, nothing that only the server sets. Source: create.go. */
async function asCreated<T extends KubeObject>(
  { served, request }: Operation,
  given: T,
  options: WriteOptions,
  { registry }: HandlerDeps,
): Promise<T> {
  const change = fieldChange({ served, subresource: '', options, request }, registry);
  return (await registry.fieldManager.update(undefined, wiped(given), change)) as T;
}

function named<T extends KubeObject>(object: T, name: string): T {
  const own = object.metadata.name as string | undefined;
  if (name === '' || own === name) return object;
  if (own !== undefined && own !== '') throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  return { ...object, metadata: { ...object.metadata, name } };
}
