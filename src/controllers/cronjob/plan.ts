// pure
// Whether a CronJob has a run to start now, and when to look again. Source: cronjob syncCronJob, utils.go.
import type { CronJob } from '#api/types.ts';
import { CronError, type CronSchedule, isTimeZone, parseCron } from '#apimachinery/cron.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseTime } from '#apimachinery/time.ts';
import { nextTime } from './next-time.ts';
import { Zone } from './zone.ts';

export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface RunPlan {
  /** Milliseconds since the epoch: the minute whose Job is to be started. */
  readonly start?: number;
  /** Milliseconds until the next time; absent when only a change of the CronJob can bring one. */
  readonly nextInMs?: number;
  /** What users are told. */
  readonly notices: readonly Notice[];
}

/** Looks a little after the time, so that it has come by then on any clock. Source: nextScheduleDelta. */
const LATE_MS = 100;
const MANY_MISSED = 100;

const warning = (reason: string, message: string): Notice => ({ type: 'Warning', reason, message });

/** `now` in milliseconds since the epoch. */
export function planRun(cronJob: CronJob, now: number): RunPlan {
  const { spec, metadata, status } = cronJob;
  if (metadata.deletionTimestamp !== undefined) return { notices: [] };
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    const text = `invalid timeZone: ${goQuote(spec.timeZone)}: unknown time zone ${spec.timeZone}`;
    return { notices: [warning('UnknownTimeZone', text)] };
  }
  if (spec.suspend) return { notices: [] };
  const read = readSchedule(cronJob);
  if ('problem' in read)
    return { notices: [warning('UnparseableSchedule', `unparseable schedule: ${goQuote(spec.schedule)} : ${read.problem}`)] };

  const notices: Notice[] = spec.schedule.includes('TZ') ? [unsupported(spec.schedule)] : [];
  const recent = mostRecent(cronJob, read, now, true);
  if (recent.problem !== undefined)
    return { notices: [...notices, warning('InvalidSchedule', `invalid schedule: ${spec.schedule} : ${recent.problem}`)] };
  if (recent.missed === 'many') {
    const text = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    notices.push(warning('TooManyMissedTimes', text));
  }
  const next = nextLook(cronJob, read, now);
  const rest = (...more: readonly Notice[]): RunPlan => ({ ...next, notices: [...notices, ...more] });
  const due = recent.time;
  if (due === undefined) return rest();
  if (spec.startingDeadlineSeconds !== undefined && due + Number(spec.startingDeadlineSeconds) * 1000 < now) {
    const when = new Date(due).toUTCString().replace('GMT', '+0000');
    return rest(warning('MissSchedule', `Missed scheduled time to start a job: ${when}`));
  }
  const active = status.active ?? [];
  const done = status.lastScheduleTime !== undefined && parseTime(status.lastScheduleTime) === due;
  if (done || active.some(({ name }) => name === jobName(cronJob, due))) return rest();
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    const text = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return rest({ type: 'Normal', reason: 'JobAlreadyActive', message: text });
  }
  return { ...next, start: due, notices };
}

/** The same for the same minute, so that two starts of it cannot both succeed. Source: getJobName. */
export function jobName({ metadata }: CronJob, scheduled: number): string {
  return `${metadata.name}-${Math.floor(scheduled / 60_000)}`;
}

/** Milliseconds until a schedule that was just changed is due; undefined when it cannot be read. Source: updateCronJob. */
export function dueInMs(cronJob: CronJob, now: number): number | undefined {
  if (cronJob.spec.timeZone !== undefined && !isTimeZone(cronJob.spec.timeZone)) return undefined;
  const read = readSchedule(cronJob);
  return 'problem' in read ? undefined : nextLook(cronJob, read, now).nextInMs;
}

interface Readable {
  readonly schedule: CronSchedule;
  readonly zone: Zone;
}

/** The zone of the schedule itself is an old habit of its parser. */
function readSchedule({ spec }: CronJob): Readable | { readonly problem: string } {
  try {
    const own = /^(?:CRON_)?TZ=(\S*)\s/.exec(spec.schedule)?.[1];
    const name = spec.timeZone ?? (own === '' ? 'UTC' : own === 'Local' ? undefined : own);
    return { schedule: parseCron(spec.schedule), zone: Zone.named(name) };
  } catch (error) {
    if (error instanceof CronError) return { problem: error.message };
    throw error;
  }
}

function unsupported(schedule: string): Notice {
  const where = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';
  const text = `CRON_TZ or TZ used in schedule ${goQuote(schedule)} is not officially supported, see ${where} for more details`;
  return warning('UnsupportedSchedule', text);
}

interface Recent {
  /** From when on times count: the last run, else the creation, else the starting deadline. */
  readonly earliest: number;
  /** The last time due; milliseconds since the epoch. */
  readonly time?: number;
  readonly missed: 'none' | 'few' | 'many';
  readonly problem?: string;
}

/** Times that were missed are counted by the distance of the first two: exact enough to tell few from many. Source: mostRecentScheduleTime. */
function mostRecent({ spec, status, metadata }: CronJob, { schedule, zone }: Readable, now: number, withDeadline: boolean): Recent {
  const since = parseTime(status.lastScheduleTime ?? metadata.creationTimestamp);
  const deadline =
    withDeadline && spec.startingDeadlineSeconds !== undefined ? now - Number(spec.startingDeadlineSeconds) * 1000 : -Infinity;
  const earliest = Math.max(since, deadline);
  const first = nextTime(schedule, earliest, zone);
  const second = first === undefined ? undefined : nextTime(schedule, first, zone);
  if (first === undefined || second === undefined)
    return { earliest, missed: 'none', problem: 'time difference between two schedules is less than 1 second' };
  if (now < first) return { earliest, missed: 'none' };
  if (now < second) return { earliest, time: first, missed: 'none' };
  const apart = second - first;
  const count = Math.floor((now - first) / apart) + 1;
  let time: number | undefined;
  for (let at = nextTime(schedule, first + (count - 2) * apart, zone); at !== undefined && at <= now; at = nextTime(schedule, at, zone))
    time = at;
  const missed = count > MANY_MISSED ? 'many' : 'few';
  return time === undefined ? { earliest, missed } : { earliest, time, missed };
}

/** Source: nextScheduleTimeDuration. */
function nextLook(cronJob: CronJob, readable: Readable, now: number): Pick<RunPlan, 'nextInMs'> {
  const { problem, time, missed, earliest } = mostRecent(cronJob, readable, now, false);
  const from = problem === undefined ? (time ?? (missed === 'none' ? earliest : now)) : now;
  const next = nextTime(readable.schedule, from, readable.zone);
  return next === undefined ? {} : { nextInMs: next + LATE_MS - now };
}
