// PUT of an object, or of a subresource that is the whole object (status, approval, finalize, …).
import type { KubeObject } from '#api/types.ts';
import { update } from '../registry/update.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { hooksOf } from './hooks.ts';
import { checkInput, checkName, readObject, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { withUniqueOwners } from './owner-references.ts';

export async function handleUpdate(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'UpdateOptions');
  const call = writeCall(operation, options);
  const given = withUniqueOwners(await readObject<KubeObject>(operation, served.info, options, deps), request);
  checkName(operation, given);
  const object = served.conversion === undefined ? given : served.conversion.toStored(given);
  const updated = await update(
    call,
    {
      next: () => object,
      mayCreate: call.subresource === '' && call.stored.strategy.allowCreateOnUpdate === true,
      uid: object.metadata.uid ?? '',
      hooks: hooksOf(call),
    },
    deps.registry,
  );
  return { kind: 'stored', code: updated.created ? 201 : 200, served, object: updated.object };
}
