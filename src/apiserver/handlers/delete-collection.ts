// DELETE of a collection: each object on its own, several at a time; the answer lists them.
import { isStatusError } from '#apimachinery/errors.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { deleteObject } from '../registry/delete.ts';
import { deleteWriteOptions } from '../registry/delete-options.ts';
import { list, type ListResult } from '../registry/list.ts';
import { parseListOptions } from '../registry/list-options.ts';
import type { Answer } from './answer.ts';
import { readDeleteOptions } from './delete.ts';
import { namespaceOf, storedOf, writeCall, type HandlerDeps, type Operation } from './operation.ts';

/** Objects deleted at a time; the store groups their commits. */
const WORKERS = 64;

export async function handleDeleteCollection(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const stored = storedOf(operation);
  const listOptions = parseListOptions(request.query, served, 'deletecollection');
  const options = await readDeleteOptions(operation, deps);
  const call = writeCall(operation, deleteWriteOptions(options));
  const found: ListResult = await list({ served, stored, request, namespace: namespaceOf(operation), options: listOptions }, deps.registry);

  const queue = found.items.values();
  const work = async (): Promise<void> => {
    for (const object of queue) {
      request.signal.throwIfAborted();
      await deleteOne(object);
    }
  };
  const deleteOne = async (object: StoredObject): Promise<void> => {
    try {
      await deleteObject({ ...call, collection: true, namespace: object.namespace, name: object.name }, options, deps.registry);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error; // somebody else was faster
    }
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS, found.items.length) }, work));
  return { kind: 'list', served, list: found };
}
