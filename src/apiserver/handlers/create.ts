// POST to a collection.
import type { KubeObject } from '#api/types.ts';
import { create } from '../registry/create.ts';
import { wiped } from '../registry/metadata.ts';
import { withUniqueOwners } from '../registry/owner-references.ts';
import { fieldChange, toStored } from '../registry/write-call.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { checkInput, readObject, writeCall, type HandlerDeps, type Operation } from './operation.ts';

export async function handleCreate(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const call = writeCall(operation, options);
  const given = withUniqueOwners(wiped(await readObject<KubeObject>(operation, served.info, options, deps)), request);
  const owned = await deps.registry.fieldManager.update(undefined, given, fieldChange(call, deps.registry));
  const object = await create(call, toStored(call, owned), deps.registry);
  return { kind: 'stored', code: 201, served, object };
}
