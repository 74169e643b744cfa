// Takes a protecting finalizer off what is being deleted, once nobody uses it, and puts it on what stays and has lost it.
// Source: IsDeletionCandidate, NeedToAddFinalizer.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject, New } from '#api/types.ts';
import { type ControllerContext, keyOf, type Reconcile } from '../runtime/controller.ts';

export interface Protection<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly finalizer: string;
  isUsed(object: T): Promise<boolean>;
}

/** Adds the handlers of the protected objects; who else wakes them is for the caller to say. */
export function protect<T extends KubeObject>(
  { client, informers, queue }: ControllerContext,
  { resource, finalizer, isUsed }: Protection<T>,
): Reconcile {
  const informer = informers.informer(resource);
  const isHeld = ({ metadata }: T): boolean => metadata.finalizers?.includes(finalizer) === true;
  const isLeaving = ({ metadata }: T): boolean => metadata.deletionTimestamp !== undefined;
  const look = (object: T): void => {
    if (isHeld(object) === isLeaving(object)) queue.add(keyOf(object));
  };
  informer.addHandlers({ added: look, updated: look });
  return async (key) => {
    const object = informer.byKey(key);
    if (object === undefined || isHeld(object) !== isLeaving(object) || (isLeaving(object) && (await isUsed(object)))) return;
    const others = object.metadata.finalizers?.filter((name) => name !== finalizer) ?? [];
    const finalizers = isLeaving(object) ? others : [...others, finalizer];
    try {
      await client.update(resource, { ...object, metadata: { ...object.metadata, finalizers } } as unknown as New<T>);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  };
}
