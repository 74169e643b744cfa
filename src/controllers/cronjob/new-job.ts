// pure
// The Job of one scheduled time. Source: getJobFromTemplate2.
import { controllerReference } from '#api/owner-references.ts';
import type { CronJob, Job, New } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { jobName } from './plan.ts';
import { Zone } from './zone.ts';

export const CRON_JOB_KIND = { group: 'batch', version: 'v1', kind: 'CronJob' } as const;

/** `scheduled` in milliseconds since the epoch. */
export function newJob(cronJob: CronJob, scheduled: number): New<Job> {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const when = Zone.named(cronJob.spec.timeZone ?? 'UTC').format(scheduled);
  return {
    metadata: {
      name: jobName(cronJob, scheduled),
      namespace: cronJob.metadata.namespace,
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, [ANNOTATION.cronJobScheduledTimestamp]: when },
      ownerReferences: [controllerReference(cronJob, CRON_JOB_KIND)],
    },
    spec,
  };
}
