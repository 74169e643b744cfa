// PUT of an object, or of a subresource that is the whole object (status, approval, finalize, …).
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { inNamespace } from '../registry/metadata.ts';
import { update } from '../registry/update.ts';
import { fieldChange, toServed, toStored } from '../registry/write-call.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { hooksOf } from './hooks.ts';
import { checkInput, checkName, namespaceOf, readObject, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { withUniqueOwners } from '../registry/owner-references.ts';

export async function handleUpdate(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  if (request.info.name === '') throw badRequest('name must be provided');
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'UpdateOptions');
  const call = writeCall(operation, options);
  const given = withUniqueOwners(await readObject<KubeObject>(operation, served.info, options, deps), request);
  checkName(operation, inNamespace(given, namespaceOf(operation)));
  const { registry } = deps;
  const change = fieldChange(call, registry);
  const updated = await update(
    call,
    {
      next: async (current) => toStored(call, await registry.fieldManager.update(toServed(call, current), given, change)),
      mayCreate: call.subresource === '' && call.stored.strategy.allowCreateOnUpdate === true,
      uid: (given.metadata.uid as string | undefined) ?? '',
      hooks: hooksOf(call),
    },
    registry,
  );
  return { kind: 'stored', code: updated.created ? 201 : 200, served, object: updated.object };
}
