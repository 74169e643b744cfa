// Defaults of batch/v1. Source: pkg/apis/batch/v1/defaults.go.
import type { Job, JobSpec } from '../gen/batch-v1.ts';
import type { New } from '../types.ts';
import { constants, constantsForZero, fill, typed, type DefaulterTable } from './fill.ts';

const BACKOFF_LIMIT = 6;
/** With a limit per index, the total is unbounded. */
const BACKOFF_UNLIMITED = 2 ** 31 - 1;

/** A job without labels takes its template's. A job template inside a CronJob does not. */
function defaultJob(job: New<Job>): New<Job> {
  const labels = job.spec?.template?.metadata?.labels;
  const labelled = labels !== undefined && job.metadata?.labels === undefined ? { ...job, metadata: { ...job.metadata, labels } } : job;
  const spec = defaultJobSpec(labelled.spec ?? {});
  return spec === labelled.spec ? labelled : { ...labelled, spec };
}

function defaultJobSpec(given: New<JobSpec>): New<JobSpec> {
  const counted = fill(given, given.parallelism === undefined ? { parallelism: 1, completions: given.completions ?? 1 } : {});
  return fill(counted, {
    backoffLimit: counted.backoffLimitPerIndex === undefined ? BACKOFF_LIMIT : BACKOFF_UNLIMITED,
    manualSelector: false,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: counted.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
  });
}

const V1 = 'io.k8s.api.batch.v1.';

export const batchDefaults: DefaulterTable = {
  [`${V1}Job`]: typed(defaultJob),
  [`${V1}CronJobSpec`]: constants({ concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 }),
  [`${V1}PodFailurePolicyOnPodConditionsPattern`]: constantsForZero({ status: 'True' }),
};
