// Cron schedules in the five-field form of CronJobs. Source: robfig/cron/v3 ParseStandard, which upstream uses.
import { parseDuration } from './duration.ts';
import { goQuote } from './go-format.ts';

/** Why a schedule is none. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/** The values of a field that match, in ascending order. `any`: the field is a star, which matters for days. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}

export type CronSchedule =
  | {
      readonly form: 'fields';
      readonly minute: CronField;
      readonly hour: CronField;
      readonly dayOfMonth: CronField;
      readonly month: CronField;
      /** 0 is Sunday. */
      readonly dayOfWeek: CronField;
    }
  /** `@every 90s`, in milliseconds. */
  | { readonly form: 'every'; readonly interval: number };

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const named = (names: string, from: number): Readonly<Record<string, number>> =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, i + from]));

const BOUNDS = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: named('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  dayOfWeek: { min: 0, max: 6, names: named('sun mon tue wed thu fri sat', 0) },
} as const satisfies Readonly<Record<string, Bounds>>;

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

function parseInteger(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text))
    throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${goQuote(text)}: value out of range`);
  if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`);
  return value;
}

function parseName(text: string, { names }: Bounds): number {
  const name = text.toLowerCase();
  return names !== undefined && Object.hasOwn(names, name) ? (names[name] as number) : parseInteger(text);
}

function limits(text: string, expression: string, bounds: Bounds): readonly [low: number, high: number] {
  const [first = '', second, ...rest] = text.split('-');
  if (first === '*' || first === '?') return [bounds.min, bounds.max];
  const low = parseName(first, bounds);
  if (second === undefined) return [low, low];
  if (rest.length > 0) throw new CronError(`too many hyphens: ${expression}`);
  return [low, parseName(second, bounds)];
}

function addRange(field: { readonly values: Set<number>; any: boolean }, expression: string, bounds: Bounds): void {
  const [span = '', stepText, ...rest] = expression.split('/');
  const [start, lastOfSpan] = limits(span, expression, bounds);
  if (rest.length > 0) throw new CronError(`too many slashes: ${expression}`);
  const step = stepText === undefined ? 1 : parseInteger(stepText);
  const end = stepText !== undefined && !span.includes('-') ? bounds.max : lastOfSpan;
  if (start < bounds.min) throw new CronError(`beginning of range (${start}) below minimum (${bounds.min}): ${expression}`);
  if (end > bounds.max) throw new CronError(`end of range (${end}) above maximum (${bounds.max}): ${expression}`);
  if (start > end) throw new CronError(`beginning of range (${start}) beyond end of range (${end}): ${expression}`);
  if (step === 0) throw new CronError(`step of range should be a positive number: ${expression}`);
  for (let value = start; value <= end; value += step) field.values.add(value);
  if (/^[*?]/.test(span) && step <= 1) field.any = true;
}

function parseField(text: string, bounds: Bounds): CronField {
  const field = { values: new Set<number>(), any: false };
  for (const expression of text.split(',')) if (expression !== '') addRange(field, expression, bounds);
  return field;
}

const EVERY = '@every ';

function parseDescriptor(text: string): CronSchedule {
  if (Object.hasOwn(DESCRIPTORS, text)) return parseCron(DESCRIPTORS[text] as string);
  if (!text.startsWith(EVERY)) throw new CronError(`unrecognized descriptor: ${text}`);
  try {
    return { form: 'every', interval: Math.max(1000, Math.floor(parseDuration(text.slice(EVERY.length)) / 1000) * 1000) };
  } catch (error) {
    throw new CronError(`failed to parse duration ${text}: ${(error as Error).message}`, { cause: error });
  }
}

const TIME_ZONE = /^(?:CRON_)?TZ=/;

/** The schedule without its time zone, which CronJobs give elsewhere. */
function withoutTimeZone(text: string): string {
  if (!TIME_ZONE.test(text)) return text;
  const space = text.indexOf(' ');
  if (space < 0) throw new CronError('invalid schedule format: runtime error: slice bounds out of range [:-1]');
  const zone = text.slice(text.indexOf('=') + 1, space);
  if (zone !== '' && zone !== 'Local' && !isTimeZone(zone)) throw new CronError(`provided bad location ${zone}: unknown time zone ${zone}`);
  return text.slice(space).trim();
}

/** Whether the IANA data base has a zone of this name; names are case-sensitive. */
export function isTimeZone(name: string): boolean {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions();
    return timeZone.toLowerCase() !== name.toLowerCase() || timeZone === name;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** @throws CronError with upstream's text */
export function parseCron(schedule: string): CronSchedule {
  if (schedule === '') throw new CronError('empty spec string');
  const text = withoutTimeZone(schedule);
  if (text.startsWith('@')) return parseDescriptor(text);
  const fields = text.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 5) throw new CronError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  return {
    form: 'fields',
    minute: parseField(minute, BOUNDS.minute),
    hour: parseField(hour, BOUNDS.hour),
    dayOfMonth: parseField(dayOfMonth, BOUNDS.dayOfMonth),
    month: parseField(month, BOUNDS.month),
    dayOfWeek: parseField(dayOfWeek, BOUNDS.dayOfWeek),
  };
}
