// CronJobs. Source: batch validation.go ValidateCronJob….
import type { CronJob, CronJobSpec } from '../../gen/batch-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { CronError, isTimeZone, parseCron } from '#apimachinery/cron.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { validateJobSpec } from './jobs.ts';

const SPEC = Path.of('spec');
/** Names of a CronJob's jobs are its own with a dash and ten digits. */
const MAX_NAME_BYTES = 52;
const POLICIES = ['Allow', 'Forbid', 'Replace'];

export function validateCronJob(out: Problems, cronJob: CronJob): void {
  validateObjectMeta(out, cronJob.metadata, 'namespaced', subdomainName);
  validateSpec(out, cronJob.spec);
  const { name = '' } = cronJob.metadata as Partial<ObjectMeta>;
  if (byteLength(name) > MAX_NAME_BYTES) out.invalid(Path.of('metadata').child('name'), name, 'must be no more than 52 characters');
}

export function validateCronJobUpdate(out: Problems, cronJob: CronJob, old: CronJob): void {
  validateObjectMetaUpdate(out, cronJob.metadata, old.metadata);
  validateSpec(out, cronJob.spec, old.spec);
}

function validateSpec(out: Problems, spec: CronJobSpec, old?: CronJobSpec): void {
  const { schedule, timeZone, jobTemplate } = spec;
  if (blank(schedule)) out.required(SPEC.child('schedule'));
  else validateSchedule(out, schedule, { timeZone, zoneAllowed: old?.schedule.includes('TZ') === true });
  out.nonNegative(SPEC.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds);
  if (timeZone !== undefined && timeZone !== old?.timeZone) validateTimeZone(out, SPEC.child('timeZone'), timeZone);
  out.requiredOneOf(SPEC.child('concurrencyPolicy'), spec.concurrencyPolicy, POLICIES);
  const at = SPEC.child('jobTemplate', 'spec');
  validateJobSpec(out, at, jobTemplate.spec);
  const { selector, manualSelector } = jobTemplate.spec;
  if (selector !== undefined) out.invalid(at.child('selector'), selector, '`selector` will be auto-generated');
  if (manualSelector === true) out.notSupported(at.child('manualSelector'), true, ['nil', 'false']);
  out.nonNegative(SPEC.child('successfulJobsHistoryLimit'), spec.successfulJobsHistoryLimit);
  out.nonNegative(SPEC.child('failedJobsHistoryLimit'), spec.failedJobsHistoryLimit);
}

interface ZoneRules {
  readonly timeZone: string | undefined;
  /** The schedule of the old object had a time zone in it. */
  readonly zoneAllowed: boolean;
}

function validateSchedule(out: Problems, schedule: string, { timeZone, zoneAllowed }: ZoneRules): void {
  const at = SPEC.child('schedule');
  try {
    parseCron(schedule);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    out.invalid(at, schedule, error.message);
  }
  if (!schedule.includes('TZ')) return;
  if (!zoneAllowed) out.invalid(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  else if (timeZone !== undefined) out.invalid(at, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
}

/** Source: validTimeZoneCharacters. */
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

function validateTimeZone(out: Problems, at: Path, zone: string): void {
  if (zone === '') return out.invalid(at, zone, 'timeZone must be nil or non-empty string');
  const badPart = zone.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !ZONE_PART.test(part));
  if (badPart) return out.invalid(at, zone, `unknown time zone ${zone}`);
  if (zone.toLowerCase() === 'local')
    out.invalid(at, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  if (zone !== 'Local' && !isTimeZone(zone)) out.invalid(at, zone, `unknown time zone ${zone}`);
}
