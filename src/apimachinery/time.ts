// Times of the API: RFC 3339, whole seconds (Time) or microseconds (MicroTime), null when unset.
// Source: apimachinery meta/v1 Time, MicroTime; Go's time.Parse for the error texts.
import { goQuote } from './go-format.ts';

/** How Go is told what a text must look like, and what it may look like. */
interface Layout {
  readonly text: string;
  readonly form: RegExp;
  /** What it is made of, in order: how the next part begins, its name in the layout, and the range of its number. */
  readonly elements: readonly (readonly [form: RegExp, name: string, range?: Range])[];
}

interface Range {
  readonly part: string;
  readonly least: number;
  readonly most: number;
}

export class TimeError extends Error {
  override readonly name = 'TimeError';
}

const DAY_AND_TIME: Layout['elements'] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01', { part: 'month', least: 1, most: 12 }],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15', { part: 'hour', least: 0, most: 23 }],
  [/^:/, ':'],
  [/^\d\d/, '04', { part: 'minute', least: 0, most: 59 }],
  [/^:/, ':'],
  [/^\d\d/, '05', { part: 'second', least: 0, most: 59 }],
];
const ZONE: Layout['elements'][number] = [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'];
const FORM = (fraction: string): RegExp =>
  new RegExp(`^(\\d{4})-(\\d\\d)-(\\d\\d)T(\\d\\d):(\\d\\d):(\\d\\d)${fraction}(Z|([+-])(\\d\\d):(\\d\\d))$`);

/** A fraction of a second is taken, though the layout has none. */
const LAYOUT: Layout = {
  text: '2006-01-02T15:04:05Z07:00',
  form: FORM('(?:[.,](\\d+))?'),
  elements: [...DAY_AND_TIME, [/^(?:[.,]\d+)?/, ''], ZONE],
};
/** Six digits, no more and no less. */
const MICRO_LAYOUT: Layout = {
  text: '2006-01-02T15:04:05.000000Z07:00',
  form: FORM('[.,](\\d{6})'),
  elements: [...DAY_AND_TIME, [/^[.,]\d{6}/, '.000000'], ZONE],
};

/** What is wrong first, on the way from left to right. Source: time.parse */
function why(text: string, layout: Layout): TimeError {
  const outOfRange = (part: string): TimeError => new TimeError(`parsing time ${goQuote(text)}: ${part} out of range`);
  let rest = text;
  for (const [form, element, range] of layout.elements) {
    const match = form.exec(rest)?.[0];
    if (match === undefined) {
      const where = `parsing time ${goQuote(text)} as ${goQuote(layout.text)}`;
      return new TimeError(`${where}: cannot parse ${goQuote(rest)} as ${goQuote(element)}`);
    }
    if (range !== undefined && (Number(match) < range.least || Number(match) > range.most)) return outOfRange(range.part);
    if (element === 'Z07:00' && Number(match.slice(1, 3)) > 24) return outOfRange('time zone offset hour');
    if (element === 'Z07:00' && Number(match.slice(4)) > 60) return outOfRange('time zone offset minute');
    rest = rest.slice(match.length);
  }
  return rest === '' ? outOfRange('day') : new TimeError(`parsing time ${goQuote(text)}: extra text: ${goQuote(rest)}`);
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const daysOf = (year: number, month: number): number =>
  (DAYS[month - 1] as number) + Number(month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));

interface Instant {
  /** Milliseconds since the epoch, whole seconds. */
  readonly seconds: number;
  /** Microseconds within the second. */
  readonly micros: number;
}

function read(text: string, layout: Layout): Instant {
  const match = layout.form.exec(text);
  if (match === null) throw why(text, layout);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [zoneHour, zoneMinute] = [Number(match[10] ?? 0), Number(match[11] ?? 0)];
  const isTime = month >= 1 && month <= 12 && hour <= 23 && minute <= 59 && second <= 59 && zoneHour <= 24 && zoneMinute <= 60;
  if (!isTime || day < 1 || day > daysOf(year, month)) throw why(text, layout);
  const zone = (zoneHour * 60 + zoneMinute) * (match[9] === '-' ? -1 : 1);
  const base = new Date(0);
  base.setUTCFullYear(year, month - 1, day);
  base.setUTCHours(hour, minute, second);
  return { seconds: base.getTime() - zone * 60_000, micros: Math.trunc(Number(`0.${match[7] ?? 0}`) * 1e6) };
}

const ZERO = 0x30;

/** A number of digits from `start` to `end`; NaN for anything else. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const STORED_LENGTH = '2006-01-02T15:04:05Z'.length;

/** Milliseconds of a time in the form it is stored in, which nearly all are; undefined for what `read` must look at. */
function readStored(text: string): number | undefined {
  if (text.length !== STORED_LENGTH || text[4] !== '-' || text[7] !== '-' || text[10] !== 'T') return undefined;
  if (text[13] !== ':' || text[16] !== ':' || text[19] !== 'Z') return undefined;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  // Years below 100, which Date.UTC takes for others, are read with care.
  const inYear = year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  return inYear && hour <= 23 && minute <= 59 && second <= 59 ? Date.UTC(year, month - 1, day, hour, minute, second) : undefined;
}

/** Milliseconds since the epoch, fractions of a second cut to milliseconds. @throws TimeError with Go's text */
export function parseTime(text: string): number {
  const stored = readStored(text);
  if (stored !== undefined) return stored;
  const { seconds, micros } = read(text, LAYOUT);
  return seconds + Math.trunc(micros / 1000);
}

/** The second that was written last, and how: most are asked for many times, all of them the present one. */
let [lastSecond, lastText] = [Number.NaN, ''];

/** As stored and served: UTC, whole seconds. `ms` since the epoch. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) [lastSecond, lastText] = [second, `${new Date(second * 1000).toISOString().slice(0, -5)}Z`];
  return lastText;
}

/** `text` in the form it is stored in. @throws TimeError */
export function normalizeTime(text: string): string {
  return readStored(text) === undefined ? formatTime(read(text, LAYOUT).seconds) : text;
}

/** UTC with six digits. `ms` since the epoch; its fraction becomes microseconds. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms / 1000) * 1000) * 1000 + 1e-6);
  return `${formatTime(ms).slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
}

/** @throws TimeError */
export function normalizeMicroTime(text: string): string {
  const { seconds, micros } = read(text, MICRO_LAYOUT);
  return `${formatTime(seconds).slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
}
