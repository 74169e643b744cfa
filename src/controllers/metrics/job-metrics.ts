// What the controllers of Jobs and CronJobs count. Source: metrics of pkg/controller/job, cronjob and ttlafterfinished.
import { CounterFamily, exponentialBuckets, HistogramFamily } from '#base/metrics.ts';

const SYNC = ['completion_mode', 'result', 'action'];
const MODE = ['completion_mode', 'result'];

export const jobMetrics = () =>
  ({
    syncSeconds: new HistogramFamily(
      'job_controller_job_sync_duration_seconds',
      '[STABLE] The time it took to sync a job',
      SYNC,
      exponentialBuckets(0.004, 2, 15),
    ),
    syncs: new CounterFamily('job_controller_job_syncs_total', '[STABLE] The number of job syncs', SYNC),
    finished: new CounterFamily('job_controller_jobs_finished_total', '[STABLE] The number of finished jobs', [
      'completion_mode',
      'result',
      'reason',
    ]),
    podsFinished: new CounterFamily(
      'job_controller_job_pods_finished_total',
      '[STABLE] The number of finished Pods that are fully tracked',
      MODE,
    ),
    finishedIndexes: new CounterFamily('job_controller_job_finished_indexes_total', 'The number of finished indexes', [
      'status',
      'backoffLimit',
    ]),
    podsCreated: new CounterFamily('job_controller_job_pods_creation_total', 'The number of Pods created, or not, by reason', [
      'reason',
      'status',
    ]),
    external: new CounterFamily(
      'job_controller_jobs_by_external_controller_total',
      'The number of Jobs managed by an external controller',
      ['controller_name'],
    ),
    trackingFinalizers: new CounterFamily(
      'job_controller_terminated_pods_tracking_finalizer_total',
      'Terminated pods that got (add) or lost (delete) the finalizer batch.kubernetes.io/job-tracking',
      ['event'],
    ),
    failuresHandled: new CounterFamily(
      'job_controller_pod_failures_handled_by_failure_policy_total',
      'The number of failed Pods handled by failure policy, by the action of the rule that matched',
      ['action'],
    ),
  }) as const;

export const cronJobMetrics = () =>
  ({
    skewSeconds: new HistogramFamily(
      'cronjob_controller_job_creation_skew_duration_seconds',
      '[STABLE] Time between when a cronjob is scheduled to be run, and when the corresponding job is created',
      [],
      exponentialBuckets(1, 2, 10),
    ),
  }) as const;

export const ttlAfterFinishedMetrics = () =>
  ({
    deletionSeconds: new HistogramFamily(
      'ttl_after_finished_controller_job_deletion_duration_seconds',
      'The time it took to delete the job since it became eligible for deletion',
      [],
      exponentialBuckets(0.1, 2, 14),
    ),
  }) as const;
