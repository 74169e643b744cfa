// What both controllers of this folder do with a pod.
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerOf, refersToKind } from '#api/owner-references.ts';
import { pods } from '#api/resources.ts';
import type { Job, Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import type { Lister } from '#client/informer-contract.ts';
import { JOB_KIND } from './new-pod.ts';

/** The Job that controls a pod, if it is known. */
export function jobOf(pod: Pod, jobs: Lister<Job>): Job | undefined {
  const reference = controllerOf(pod);
  if (reference === undefined || !refersToKind(reference, JOB_KIND)) return undefined;
  const job = jobs.get(reference.name, pod.metadata.namespace);
  return job?.metadata.uid === reference.uid ? job : undefined;
}

/**
 * Takes the tracking finalizer off a pod; the uid keeps another of its name from losing its own.
 * @param resourceVersion when given, only of the pod as it was then
 * @throws StatusError, NotFound and that of another uid apart
 */
export async function releasePod(client: Client, { metadata }: Pod, resourceVersion?: string): Promise<void> {
  const { uid } = metadata;
  const expected = resourceVersion === undefined ? { uid } : { uid, resourceVersion };
  const body = { metadata: { ...expected, '$deleteFromPrimitiveList/finalizers': [FINALIZER.jobTracking] } };
  try {
    await client.patch(pods, metadata, { type: 'strategic', body });
  } catch (error) {
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Invalid')) return;
    throw error;
  }
}
