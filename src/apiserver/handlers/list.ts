// GET of a collection.
import { list } from '../registry/list.ts';
import { parseListOptions } from '../registry/list-options.ts';
import type { Answer } from './answer.ts';
import { namespaceOf, storedOf, type HandlerDeps, type Operation } from './operation.ts';

export async function handleList(operation: Operation, { registry }: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const stored = storedOf(operation);
  const options = parseListOptions(request.query, served, 'list');
  return { kind: 'list', served, list: await list({ served, stored, request, namespace: namespaceOf(operation), options }, registry) };
}
