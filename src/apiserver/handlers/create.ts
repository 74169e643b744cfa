// POST to a collection.
import type { KubeObject } from '#api/types.ts';
import { create } from '../registry/create.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { checkInput, readObject, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { withUniqueOwners } from './owner-references.ts';

export async function handleCreate(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const call = writeCall(operation, options);
  const given = withUniqueOwners(await readObject<KubeObject>(operation, served.info, options, deps), request);
  const object = await create(call, served.conversion === undefined ? given : served.conversion.toStored(given), deps.registry);
  return { kind: 'stored', code: 201, served, object };
}
