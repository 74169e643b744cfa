// GET of one object, or of a subresource that shows the whole object (status).
import { get } from '../registry/get.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { Answer } from './answer.ts';
import { namespaceOf, storedOf, type HandlerDeps, type Operation } from './operation.ts';

export function handleGet(operation: Operation, { registry }: HandlerDeps): Answer | Promise<Answer> {
  const { served, request } = operation;
  const found = get(
    {
      served,
      stored: storedOf(operation),
      request,
      namespace: namespaceOf(operation),
      name: request.info.name,
      resourceVersion: request.query.get('resourceVersion') ?? '',
    },
    registry,
  );
  const answer = (object: StoredObject): Answer => ({ kind: 'stored', code: 200, served, object });
  return found instanceof Promise ? found.then(answer) : answer(found);
}
