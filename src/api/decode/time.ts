// Times in the one form the API writes, with Go's zero time as null.
import { goQuote } from '#apimachinery/go-format.ts';
import { normalizeMicroTime, normalizeTime, TimeError } from '#apimachinery/time.ts';

/** Go's zero time, which the API writes as null. */
const ZERO_TIME = '0001-01-01T00:00:00Z';
const ZERO_MICRO_TIME = '0001-01-01T00:00:00.000000Z';

/** `2026-01-02T03:04:05Z`; null for Go's zero time. @throws TimeError in Go's words */
export function decodeTime(text: string): string | null {
  const time = isCanonical(text) ? text : normalizeTime(text);
  return time === ZERO_TIME ? null : time;
}

const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const SIX_DIGITS = /^[.,]\d{6}/;

/** `2026-01-02T03:04:05.000006Z`; null for Go's zero time. @throws TimeError in Go's words */
export function decodeMicroTime(text: string): string | null {
  const fraction = text.replace(SECONDS, '');
  if (fraction !== text && !SIX_DIGITS.test(fraction)) {
    throw new TimeError(
      `parsing time ${goQuote(text)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse ${goQuote(fraction)} as ".000000"`,
    );
  }
  const time = normalizeMicroTime(text);
  return time === ZERO_MICRO_TIME ? null : time;
}

/** `dddd-dd-ddTdd:dd:ddZ` with every part in range: most times arrive so and need no rewriting. */
function isCanonical(text: string): boolean {
  if (text.length !== 20) return false;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  return (
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a &&
    text.charCodeAt(19) === 0x5a &&
    year >= 0 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 && // later days take the slow way, which knows the months
    inRange(twoDigits(text, 11), 24) &&
    inRange(twoDigits(text, 14), 60) &&
    inRange(twoDigits(text, 17), 60)
  );
}

const inRange = (value: number, end: number): boolean => value >= 0 && value < end;

/** NaN where either character is no digit. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? Number.NaN : tens * 10 + ones;
}
