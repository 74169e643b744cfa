// Runs pods until enough of them have succeeded, or too many failed. Source: pkg/controller/job.
import { isStatusError } from '#apimachinery/errors.ts';
import { type LabelSelectorObject, selectorFromObject } from '#apimachinery/labels.ts';
import { controllerOf } from '#api/owner-references.ts';
import { jobs, pods } from '#api/resources.ts';
import type { Job, Pod } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import { creationPace } from '../runtime/pod-pace.ts';
import { claimMembers, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { createOnce } from '../runtime/create-once.ts';
import { Expectations } from '../runtime/expectations.ts';
import { Creations } from '../runtime/creations.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { isJobFinished } from './assess.ts';
import { JobMetrics } from './metrics.ts';
import { JOB_KIND } from './new-pod.ts';
import { isTracked } from './pods.ts';
import { type Deps, JOB_CONTROLLER, reconcileJob } from './reconcile.ts';
import { Releases } from './releases.ts';
import { jobOf, releasePod } from './shared.ts';

const BY_NAMESPACE = 'job-namespace';

/** Milliseconds in which what happens to a Job's pods is gathered into one pass. Source: SyncJobBatchPeriod. */
const BATCH_MS = 1000;

export const jobController: Controller = {
  name: 'job-controller',
  serviceAccount: 'job-controller',
  reads: [jobs, pods],
  writes: ['pods', 'jobs/status', 'events'],
  workers: 5, // Source: --concurrent-job-syncs
  setUp(context) {
    const { informers, queue, clock } = context;
    const jobInformer = informers.informer(jobs);
    const podInformer = informers.informer(pods);
    const expectations = new Expectations(clock);
    const creations = new Creations({ shown: podInformer, ids: context.ids, expectations });
    const releases = new Releases();
    const figures = new JobMetrics(context.metrics, clock);
    indexByController(podInformer);
    jobInformer.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace]);

    const soon = (job: Job): void => queue.addAfter(keyOf(job), BATCH_MS);
    jobInformer.addHandlers({
      added(job) {
        figures.appeared(job, JOB_CONTROLLER);
        queue.add(keyOf(job));
      },
      updated: (job, previous) => (job.metadata.generation === previous.metadata.generation ? soon(job) : queue.add(keyOf(job))),
      deleted: (job) => queue.add(keyOf(job)),
    });
    /** An orphan may be adopted by any Job that selects it. */
    const wakeAdopters = (pod: Pod): void => {
      for (const job of jobInformer.byIndex(BY_NAMESPACE, pod.metadata.namespace)) {
        if (selectorFromObject(selectorOf(job)).matches(pod.metadata.labels)) soon(job);
      }
    };
    const deleted = (pod: Pod, gone: boolean): void => {
      const job = jobOf(pod, jobInformer);
      if (job === undefined) return;
      expectations.deletionObserved(keyOf(job), pod.metadata.uid);
      if (gone || !isTracked(pod)) releases.observed(keyOf(job), pod.metadata.uid);
      soon(job);
    };
    podInformer.addHandlers({
      added(pod) {
        figures.podChanged(pod, undefined);
        const job = jobOf(pod, jobInformer);
        if (job !== undefined) creations.observed(keyOf(job), pod.metadata.name);
        if (pod.metadata.deletionTimestamp !== undefined) return deleted(pod, false);
        if (job !== undefined) {
          soon(job);
        } else if (controllerOf(pod) === undefined) {
          wakeAdopters(pod);
        }
      },
      updated(pod, previous) {
        figures.podChanged(pod, previous);
        const before = jobOf(previous, jobInformer);
        const job = jobOf(pod, jobInformer);
        if (before !== undefined && before !== job) {
          releases.observed(keyOf(before), pod.metadata.uid);
          soon(before);
        }
        if (pod.metadata.deletionTimestamp !== undefined) return deleted(pod, false);
        if (job !== undefined) {
          if (!isTracked(pod)) releases.observed(keyOf(job), pod.metadata.uid);
          soon(job);
        } else if (
          controllerOf(pod) === undefined &&
          (controllerOf(previous) !== undefined || pod.metadata.labels !== previous.metadata.labels)
        ) {
          wakeAdopters(pod);
        }
      },
      deleted(pod) {
        figures.podChanged(undefined, pod);
        deleted(pod, true);
      },
    });

    const deps = { ...realDeps(context, figures), expectations, creations, releases };
    return (key) => {
      const job = deps.find(key);
      const counted = job === undefined || isJobFinished(job) ? undefined : job;
      return figures.timed(key, counted, expectations.satisfied(key), () => reconcileJob(key, deps));
    };
  },
};

/** The server gives every Job one. */
const selectorOf = ({ spec }: Job): LabelSelectorObject => spec.selector ?? {};

function realDeps(context: ControllerContext, figures: JobMetrics): Omit<Deps, 'expectations' | 'creations' | 'releases'> {
  const { client, informers, events, clock, signal } = context;
  const jobInformer = informers.informer(jobs);
  const podInformer = informers.informer(pods);
  const pace = creationPace({ pods: podInformer, clock, signal });
  return {
    backoffs: new Map(),
    now: () => clock.now(),
    event: (job, type, reason, message) => events.event(job, type, reason, message),
    find: (key) => jobInformer.byKey(key),
    pods: (job) =>
      claimMembers({
        owner: job,
        gvk: JOB_KIND,
        selector: selectorFromObject(selectorOf(job)),
        members: podInformer,
        resource: pods,
        client,
        finalizers: [FINALIZER.jobTracking],
        fresh: async () => {
          try {
            return await client.get(jobs, job.metadata);
          } catch (error) {
            if (isStatusError(error, 'NotFound')) return undefined;
            throw error;
          }
        },
      }),
    async createPod(job, pod) {
      try {
        const { metadata } = await pace.run(job.metadata.uid, () => createOnce(client, pods, pod));
        figures.created(job, keyOf(job), 'succeeded');
        events.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`);
      } catch (error) {
        figures.created(job, keyOf(job), 'failed');
        if (isStatusError(error) && !isNamespaceTerminating(error))
          events.event(job, 'Warning', 'FailedCreate', `Error creating: ${error.message}`);
        throw error;
      }
    },
    async deletePod(job, pod) {
      try {
        figures.deleted(keyOf(job));
        await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
        events.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return; // gone, or another of its name
        if (isStatusError(error)) events.event(job, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`);
        throw error;
      }
    },
    async releasePod(pod) {
      await releasePod(client, pod);
      figures.released(pod, jobOf(pod, jobInformer));
    },
    async writeStatus(job, status) {
      const written = await client.update(jobs, { ...job, status }, { subresource: 'status' });
      figures.wrote(job, status);
      return written;
    },
  };
}
