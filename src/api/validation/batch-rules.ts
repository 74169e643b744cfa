// The table's rows for jobs.
import { validateCronJob, validateCronJobUpdate } from './batch/cron-jobs.ts';
import { validateJobStatusUpdate } from './batch/job-status.ts';
import { validateJob, validateJobUpdate } from './batch/jobs.ts';
import { rules, type KindRules } from './rules.ts';

export const BATCH_RULES: Readonly<Record<string, KindRules>> = {
  CronJob: rules({ scope: 'namespaced', create: validateCronJob, update: validateCronJobUpdate }),
  Job: rules({
    scope: 'namespaced',
    create: validateJob,
    update: validateJobUpdate,
    subresources: { status: validateJobStatusUpdate },
  }),
};
