// GET of a collection with `watch`, and the older paths below /watch/.
import { fieldEquals } from '#apimachinery/fields.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { parseListOptions, type ListOptions } from '../registry/list-options.ts';
import { watch } from '../registry/watch.ts';
import type { Answer } from './answer.ts';
import { namespaceOf, storedOf, type HandlerDeps, type Operation } from './operation.ts';

export async function handleWatch(operation: Operation, { registry }: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const stored = storedOf(operation);
  const options = named(parseListOptions(request.query, served, 'watch'), request.info.name);
  return { kind: 'watch', served, watch: await watch({ served, stored, request, namespace: namespaceOf(operation), options }, registry) };
}

/** A name in the path is one more field selector. Source: listOpts. */
function named(options: ListOptions, name: string): ListOptions {
  if (name === '') return options;
  if (options.fieldSelector.empty) return { ...options, fieldSelector: fieldEquals('metadata.name', name) };
  if (options.fieldSelector.requiresExactMatch('metadata.name') !== name)
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  return options;
}
