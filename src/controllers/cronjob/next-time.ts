// pure
// When a schedule is due next. Source: robfig/cron/v3 SpecSchedule.Next, ConstantDelaySchedule.Next.
import type { CronField, CronSchedule } from '#apimachinery/cron.ts';
import type { WallTime, Zone } from './zone.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** A schedule that is due on no day within this is never. */
const YEARS = 5;

type Fields = Extract<CronSchedule, { readonly form: 'fields' }>;

/** The first time later than `after`, both milliseconds since the epoch; undefined for a schedule that is never due. */
export function nextTime(schedule: CronSchedule, after: number, zone: Zone): number | undefined {
  const whole = Math.floor(after / SECOND_MS) * SECOND_MS;
  return schedule.form === 'every' ? whole + schedule.interval : nextOfFields(schedule, whole + SECOND_MS, zone);
}

/** Goes to the next month, day, hour, minute that matches; each step begins the smaller ones anew. */
function nextOfFields(schedule: Fields, from: number, zone: Zone): number | undefined {
  const limit = zone.wallTime(from).year + YEARS;
  let at = from % MINUTE_MS === 0 ? from : (Math.floor(from / MINUTE_MS) + 1) * MINUTE_MS;
  for (;;) {
    const wall = zone.wallTime(at);
    if (wall.year > limit) return undefined;
    if (!schedule.month.values.has(wall.month)) at = zone.instant(wall.year, wall.month + 1, 1);
    else if (!dayMatches(schedule, wall)) at = nextMidnight(wall, zone);
    else if (!schedule.hour.values.has(wall.hour)) at = nextHour(at, wall);
    else if (!schedule.minute.values.has(wall.minute)) at = nextMinute(at, wall, schedule.minute);
    else return at;
  }
}

/** Days of the month and of the week are both asked for only where one of them is a star. */
function dayMatches({ dayOfMonth, dayOfWeek }: Fields, { day, weekday }: WallTime): boolean {
  const [byMonth, byWeek] = [dayOfMonth.values.has(day), dayOfWeek.values.has(weekday)];
  return dayOfMonth.any || dayOfWeek.any ? byMonth && byWeek : byMonth || byWeek;
}

/** Where the clock skips midnight, the first hour there is. */
function nextMidnight({ year, month, day }: WallTime, zone: Zone): number {
  const at = zone.instant(year, month, day + 1);
  const { hour } = zone.wallTime(at);
  return hour > 12 ? at + (24 - hour) * HOUR_MS : at;
}

/** By time that passes, not by the clock: an hour shown twice is gone through twice. */
function nextHour(at: number, { minute, second }: WallTime): number {
  return at - minute * MINUTE_MS - second * SECOND_MS + HOUR_MS;
}

function nextMinute(at: number, wall: WallTime, { values }: CronField): number {
  for (let minute = wall.minute + 1; minute < 60; minute++) if (values.has(minute)) return at + (minute - wall.minute) * MINUTE_MS;
  return nextHour(at, wall);
}
