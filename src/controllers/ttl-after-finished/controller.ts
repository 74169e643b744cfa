// Deletes Jobs some time after they have finished. Source: pkg/controller/ttlafterfinished.
import { findCondition } from '#api/conditions.ts';
import { jobs } from '#api/resources.ts';
import type { Job } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { parseTime } from '#apimachinery/time.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';

export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished-controller',
  serviceAccount: 'ttl-after-finished-controller',
  reads: [jobs],
  writes: ['jobs'],
  workers: 5, // Source: --concurrent-ttl-after-finished-syncs
  setUp({ client, informers, queue, clock, metrics }) {
    const informer = informers.informer(jobs);
    const look = (job: Job): void => {
      if (expiresAt(job) !== undefined) queue.add(keyOf(job));
    };
    informer.addHandlers({ added: look, updated: look });
    return async (key) => {
      const known = informer.byKey(key);
      const due = known === undefined ? undefined : expiresAt(known);
      if (known === undefined || due === undefined) return undefined;
      if (due > clock.now()) return { afterMs: due - clock.now() };
      try {
        // Its time may have been put off since the informer saw it.
        const job = await client.get(jobs, known.metadata);
        const expiry = expiresAt(job);
        if (job.metadata.uid !== known.metadata.uid || expiry === undefined) return undefined;
        if (expiry > clock.now()) return { afterMs: expiry - clock.now() };
        await client.delete(jobs, job.metadata, {
          propagationPolicy: 'Foreground',
          preconditions: { uid: job.metadata.uid, resourceVersion: job.metadata.resourceVersion },
        });
        metrics.ttlAfterFinished.deletionSeconds.of().observe((clock.now() - expiry) / 1000);
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      return undefined;
    };
  },
};

/** Milliseconds since the epoch; undefined for a Job that runs, stays, or is being deleted. */
export function expiresAt({ metadata, spec, status }: Job): number | undefined {
  if (metadata.deletionTimestamp !== undefined || spec.ttlSecondsAfterFinished === undefined) return undefined;
  const finished = [findCondition(status.conditions, 'Complete'), findCondition(status.conditions, 'Failed')].find(
    (condition) => condition?.status === 'True',
  );
  const at = finished?.lastTransitionTime;
  return at === undefined || at === null ? undefined : parseTime(at) + spec.ttlSecondsAfterFinished * 1000;
}
