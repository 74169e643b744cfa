// Times of the API: RFC 3339, whole seconds (Time) or microseconds (MicroTime), null when unset.
// Source: apimachinery meta/v1 Time, MicroTime; Go's time.Parse for the error texts.
import { goQuote } from './go-format.ts';

const LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

export class TimeError extends Error {
  override readonly name = 'TimeError';
}

const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|([+-])(\d\d):(\d\d))$/;
const ELEMENTS: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d(?:[.,]\d+)?/, '05'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
];

function why(text: string, layout: string): TimeError {
  let rest = text;
  for (const [form, element] of ELEMENTS) {
    const match = form.exec(rest);
    if (match === null)
      return new TimeError(`parsing time ${goQuote(text)} as ${goQuote(layout)}: cannot parse ${goQuote(rest)} as ${goQuote(element)}`);
    rest = rest.slice(match[0].length);
  }
  return new TimeError(`parsing time ${goQuote(text)}: extra text: ${goQuote(rest)}`);
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

function read(text: string, layout: string): Instant {
  const match = FORM.exec(text);
  if (match === null) throw why(text, layout);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const outOfRange = (part: string): TimeError => new TimeError(`parsing time ${goQuote(text)}: ${part} out of range`);
  if (month < 1 || month > 12) throw outOfRange('month');
  if (hour > 23) throw outOfRange('hour');
  if (minute > 59) throw outOfRange('minute');
  if (second > 59) throw outOfRange('second');
  if (day < 1 || day > daysOf(year, month)) throw outOfRange('day');
  const zoneMinutes = match[9] === undefined ? 0 : (Number(match[10]) * 60 + Number(match[11])) * (match[9] === '-' ? -1 : 1);
  if (Number(match[10] ?? 0) > 24) throw outOfRange('time zone offset hour');
  if (Number(match[11] ?? 0) > 60) throw outOfRange('time zone offset minute');
  const base = new Date(0);
  base.setUTCFullYear(year, month - 1, day);
  base.setUTCHours(hour, minute, second);
  return { seconds: base.getTime() - zoneMinutes * 60_000, micros: Math.trunc(Number(`0.${match[7] ?? 0}`) * 1e6) };
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
