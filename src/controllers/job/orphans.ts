// Lets go of pods that no Job will count any more: their Job is gone or finished. Source: syncOrphanPod.
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerOf, refersToKind } from '#api/owner-references.ts';
import { jobs, pods } from '#api/resources.ts';
import type { Job, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { isJobFinished } from './assess.ts';
import { JOB_KIND } from './new-pod.ts';
import { isTracked } from './pods.ts';
import { JOB_CONTROLLER } from './reconcile.ts';
import { jobOf, releasePod } from './shared.ts';

export const jobOrphanController: Controller = {
  name: 'job-controller',
  queue: 'job_orphan_pod',
  serviceAccount: 'job-controller',
  reads: [jobs, pods],
  writes: ['pods'],
  workers: 1,
  setUp({ informers, queue, client }) {
    const jobInformer = informers.informer(jobs);
    const podInformer = informers.informer(pods);
    indexByController(podInformer);
    const sweep = ({ metadata }: Job): void => {
      for (const pod of controlledBy(podInformer, metadata.uid)) if (isTracked(pod)) queue.add(keyOf(pod));
    };
    const look = (pod: Pod): void => {
      if (isTracked(pod) && mayBeAbandoned(pod, jobOf(pod, jobInformer))) queue.add(keyOf(pod));
    };
    jobInformer.addHandlers({
      updated: (job) => void (isJobFinished(job) && sweep(job)),
      deleted: sweep,
    });
    podInformer.addHandlers({ added: look, updated: look });
    return async (key) => {
      const pod = podInformer.byKey(key);
      if (pod === undefined || !isTracked(pod) || !mayBeAbandoned(pod, jobOf(pod, jobInformer))) return;
      // As it was looked at: a Job may adopt it meanwhile.
      if (await isAbandoned(pod, client)) await releasePod(client, pod, pod.metadata.resourceVersion);
    };
  },
};

/** As far as the informers know: they may show a pod before its Job. */
function mayBeAbandoned(pod: Pod, job: Job | undefined): boolean {
  const reference = controllerOf(pod);
  if (reference === undefined) return true;
  return refersToKind(reference, JOB_KIND) && (job === undefined || isJobFinished(job));
}

async function isAbandoned(pod: Pod, client: Client): Promise<boolean> {
  const reference = controllerOf(pod);
  if (reference === undefined) return true;
  try {
    const job = await client.get(jobs, { name: reference.name, namespace: pod.metadata.namespace });
    if (job.metadata.uid !== reference.uid) return true;
    return isJobFinished(job) && (job.spec.managedBy ?? JOB_CONTROLLER) === JOB_CONTROLLER;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return true;
    throw error;
  }
}
