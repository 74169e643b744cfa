// Delete: carries out what ./deletion-plan.ts decides about one object.
import { conflict, notFound, OPTIMISTIC_LOCK_MESSAGE } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { AdmissionAttributes } from '../admission/contract.ts';
import { StoredObject } from '../cache/stored-object.ts';
import { put, remove } from './commit.ts';
import { freshCurrent } from './current.ts';
import type { DeleteOptions } from './delete-options.ts';
import { checkPreconditions, planDeletion } from './deletion-plan.ts';
import { kept, shown } from './storage-form.ts';
import { objectKey } from './storage-keys.ts';
import { writeContext, type Registry, type WriteCall } from './write-call.ts';

const MAX_ATTEMPTS = 50;

export type Deleted =
  /** Gone; `object` as it last was. */
  | { readonly kind: 'removed'; readonly object: StoredObject }
  /** Still there, on its way out. */
  | { readonly kind: 'deleting'; readonly object: StoredObject };

/** @throws StatusError NotFound; Conflict when preconditions fail */
export async function deleteObject(call: WriteCall, options: DeleteOptions, registry: Registry): Promise<Deleted> {
  const key = objectKey(call.name, call.namespace);
  let current = await freshCurrent(call.stored, key, registry, call.request.signal);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (current === undefined) throw notFound(call.served.info, call.name);
    const outcome = await attemptDelete(call, options, current, registry);
    if (outcome.kind !== 'changed') return outcome;
    current = outcome.present;
  }
  throw conflict(call.served.info, call.name, OPTIMISTIC_LOCK_MESSAGE);
}

async function attemptDelete(
  call: WriteCall,
  options: DeleteOptions,
  current: StoredObject,
  registry: Registry,
): Promise<Deleted | { readonly kind: 'changed'; readonly present: StoredObject | undefined }> {
  const { strategy, layout, resource } = call.stored;
  checkPreconditions(current.object, options, resource);
  const { object: old } = await shown(call.stored, current, call.request);
  const plan = planDeletion(old, options, strategy, registry.clock.now());
  if (plan.kind === 'pending') return { kind: 'deleting', object: current };
  if (call.admitted !== true && registry.admission.handles('DELETE')) await registry.admission.judge(deleteAttributes(call, old));

  const context = writeContext(call, registry);
  if (plan.kind === 'mark') {
    const object = strategy.prepareForDelete?.(plan.object, context) ?? plan.object;
    const stored = await kept(call.stored, object, call.request);
    const value = stored.layout.encode(stored.object);
    if (value.equals(current.value)) return { kind: 'deleting', object: current };
    if (call.options.dryRun)
      return { kind: 'deleting', object: new StoredObject(layout, current.key, current.revision, layout.encode(object), object) };
    const result = await put(call, registry, { key: current.key, ...stored, value, expected: current.revision });
    if (result.kind === 'written') return { kind: 'deleting', object: result.object };
    return result.kind === 'changed' ? result : { kind: 'changed', present: current };
  }
  if (call.options.dryRun) return { kind: 'removed', object: current };
  const reservation = await strategy.reserve?.({ object: undefined, oldObject: old }, context);
  let written = false;
  try {
    const result = await remove(call, registry, { object: current, operations: reservation?.operations ?? [] });
    if (result.kind === 'written') {
      written = true;
      return { kind: 'removed', object: result.object };
    }
    return result.kind === 'changed' ? result : { kind: 'changed', present: current };
  } finally {
    reservation?.finish(written ? 'written' : 'abandoned');
  }
}

function deleteAttributes(
  { stored, served, namespace, name, collection = false, subresource, options, request }: WriteCall,
  oldObject: KubeObject,
): AdmissionAttributes {
  return {
    operation: 'DELETE',
    name: collection ? '' : name,
    namespace: stored.resource.resource === 'namespaces' && stored.resource.group === '' ? name : namespace,
    resource: served.info,
    subresource,
    kind: stored.resource,
    object: undefined,
    oldObject,
    options: options.object,
    dryRun: options.dryRun,
    user: request.user,
    request,
  };
}
