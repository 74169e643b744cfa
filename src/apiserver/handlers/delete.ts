// DELETE of one object.
import { badRequest } from '#apimachinery/errors.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { readDocument } from '../negotiation/input.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import type { ServedResource } from '../registry/catalog.ts';
import { deleteObject } from '../registry/delete.ts';
import { returnsDeleted } from '../registry/returns-deleted.ts';
import { deleteWriteOptions, parseDeleteOptions, type DeleteOptions } from '../registry/delete-options.ts';
import type { Answer } from './answer.ts';
import { writeCall, type HandlerDeps, type Operation } from './operation.ts';

export async function handleDelete(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served } = operation;
  const options = await readDeleteOptions(operation, deps);
  const call = writeCall(operation, deleteWriteOptions(options));
  const deleted = await deleteObject(call, options, deps.registry);
  // 202 only for the older form of cascading: other clients expect 200. Source: DeleteResource.
  const code = deleted.kind === 'deleting' && options.orphanDependents === false ? 202 : 200;
  if (deleted.kind === 'deleting' || returnsDeleted(groupResourceString(served.info)))
    return { kind: 'stored', code, served, object: deleted.object };
  return { kind: 'object', code, object: successStatus(served, deleted.object) };
}

/** Source: finalizeDelete. */
function successStatus({ info }: ServedResource, { object: { metadata } }: StoredObject): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: metadata.name, ...(info.group === '' ? {} : { group: info.group }), kind: info.resource, uid: metadata.uid },
  };
}

/** From the body where there is one, else from the query. @throws StatusError */
export async function readDeleteOptions({ body, request }: Operation, { protobuf }: HandlerDeps): Promise<DeleteOptions> {
  if (body.kind === 'value') return parseDeleteOptions(body.value, request.query);
  const bytes = await body.read(MAX_BODY_BYTES);
  if (bytes.length === 0) return parseDeleteOptions(undefined, request.query);
  const again = { ...body, read: () => Promise.resolve(bytes) };
  const expected = { group: '', version: 'v1', kind: 'DeleteOptions' };
  const { value } = await readDocument(again, { expected, strict: false, protobuf, refuse: badRequest });
  return parseDeleteOptions(value, request.query);
}
