// Takes a protecting finalizer off what is being deleted, once nobody uses it.
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
  const isAwaited = ({ metadata }: T): boolean =>
    metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
  const look = (object: T): void => {
    if (isAwaited(object)) queue.add(keyOf(object));
  };
  informer.addHandlers({ added: look, updated: look });
  return async (key) => {
    const object = informer.byKey(key);
    if (object === undefined || !isAwaited(object) || (await isUsed(object))) return;
    const finalizers = object.metadata.finalizers?.filter((name) => name !== finalizer);
    try {
      await client.update(resource, { ...object, metadata: { ...object.metadata, finalizers } } as unknown as New<T>);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  };
}
