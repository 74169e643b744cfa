// An object that a cluster begins with.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { New } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

/** Written where it is missing; what somebody made of it meanwhile stays. */
export async function ensure<T>(client: Client, resource: Resource<T>, object: New<T>): Promise<void> {
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
