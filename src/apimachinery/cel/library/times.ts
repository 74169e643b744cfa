// Parts of timestamps and durations. Source: cel-go common/types timestamp.go, duration.go; time zones as Go names them.
import { fail } from '../errors.ts';
import { member, type Functions, type Overload } from '../functions.ts';
import { DURATION, INT, STRING, TIMESTAMP } from '../types.ts';
import { int } from '../values/numbers.ts';
import { floorDivide, type Duration, type Timestamp } from '../values/times.ts';

const MILLI = 1_000_000n;
const DAY_MS = 86_400_000;

/** A point in time as a zone's clocks show it, kept in the UTC fields of a Date. */
function clocks({ nanos }: Timestamp, zone?: string): Date {
  const utc = Number(floorDivide(nanos, MILLI));
  return new Date(zone === undefined ? utc : utc + offset(utc, zone));
}

/** Milliseconds east of UTC at that time: `+01:30`, `02:00` or a name such as `Europe/Berlin`. */
function offset(utc: number, zone: string): number {
  if (zone === '' || zone === 'UTC') return 0;
  const fixed = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return (fixed[1] === '-' ? -minutes : minutes) * 60_000;
  }
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'medium' });
  } catch (error) {
    if (error instanceof RangeError) return fail(`unknown time zone ${zone}`);
    throw error;
  }
  const parts = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]));
  const year = new Date(utc).getUTCFullYear();
  // Short years are ambiguous: the shown one is the UTC year or its neighbour.
  const shown = [year - 1, year, year + 1].find((candidate) => candidate % 100 === parts.year) ?? year;
  const local = Date.UTC(shown, (parts.month ?? 1) - 1, parts.day, parts.hour, parts.minute, parts.second);
  return local - Math.floor(utc / 1000) * 1000;
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - new Date(0).setUTCFullYear(date.getUTCFullYear())) / DAY_MS);
}

function accessor(id: string, read: (date: Date) => number, withZone = `${id}_with_tz`): Overload[] {
  return [
    member(id, [TIMESTAMP], INT, (time: Timestamp) => read(clocks(time))),
    member(withZone, [TIMESTAMP, STRING], INT, (time: Timestamp, zone: string) => read(clocks(time, zone))),
  ];
}

const durationPart = (unit: string, nanos: bigint): Overload =>
  member(`duration_to_${unit}`, [DURATION], INT, (duration: Duration) => int(duration.nanos / nanos));

export const TIME_ACCESSORS: Functions = {
  getFullYear: accessor('timestamp_to_year', (date) => date.getUTCFullYear()),
  getMonth: accessor('timestamp_to_month', (date) => date.getUTCMonth()),
  getDayOfYear: accessor('timestamp_to_day_of_year', dayOfYear),
  getDayOfMonth: accessor('timestamp_to_day_of_month', (date) => date.getUTCDate() - 1),
  getDate: accessor('timestamp_to_day_of_month_1_based', (date) => date.getUTCDate()),
  getDayOfWeek: accessor('timestamp_to_day_of_week', (date) => date.getUTCDay()),
  getHours: [...accessor('timestamp_to_hours', (date) => date.getUTCHours()), durationPart('hours', 3_600_000_000_000n)],
  getMinutes: [...accessor('timestamp_to_minutes', (date) => date.getUTCMinutes()), durationPart('minutes', 60_000_000_000n)],
  getSeconds: [
    ...accessor('timestamp_to_seconds', (date) => date.getUTCSeconds(), 'timestamp_to_seconds_tz'),
    durationPart('seconds', 1_000_000_000n),
  ],
  getMilliseconds: [
    ...accessor('timestamp_to_milliseconds', (date) => date.getUTCMilliseconds()),
    member('duration_to_milliseconds', [DURATION], INT, ({ nanos }: Duration) => int((nanos / MILLI) % 1000n)),
  ],
};
