// A creation whose answer was lost may have been carried out. Who chose the name can ask again: one object can have it.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { controllerOf } from '#api/owner-references.ts';
import type { KubeObject, New } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

/**
 * The object, whether this request created it or one before. `present` is told of one that was there: it may differ.
 * @throws StatusError AlreadyExists when the name belongs to an object of another controller
 */
export async function createOnce<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  object: New<T>,
  present?: (object: T) => void,
): Promise<T> {
  try {
    return await client.create(resource, object);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const { name, namespace } = (object as KubeObject).metadata;
    // Controllers may list what they may not get.
    const { items } = await client.list(resource, {
      fieldSelector: `metadata.name=${name}`,
      ...(namespace === undefined ? {} : { namespace }),
    });
    const owner = controllerOf(object as KubeObject)?.uid;
    const ours = items.find((item) => owner !== undefined && controllerOf(item)?.uid === owner);
    if (ours === undefined) throw error;
    present?.(ours);
    return ours;
  }
}
