// Timestamps and durations, to the nanosecond. Source: cel-go common/types timestamp.go, duration.go.
import { DurationError, parseDurationNs } from '../../duration.ts';
import { parseTime, TimeError } from '../../time.ts';
import { fail } from '../errors.ts';
import { checkedInt, formatDecimal, INT_MAX, INT_MIN, type Int } from './numbers.ts';

const SECOND = 1_000_000_000n;
/** Years 1 to 9999, in nanoseconds since the epoch. */
const FIRST = -62_135_596_800n * SECOND;
const LAST = 253_402_300_800n * SECOND - 1n;

/** A point in time, always UTC. */
export class Timestamp {
  /** Nanoseconds since the epoch. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  get seconds(): Int {
    return checkedInt(floorDivide(this.nanos, SECOND));
  }

  /** RFC 3339, the fraction as long as it needs to be. */
  toString(): string {
    const seconds = floorDivide(this.nanos, SECOND);
    const fraction = (this.nanos - seconds * SECOND).toString().padStart(9, '0').replace(/0+$/, '');
    const text = new Date(Number(seconds) * 1000).toISOString().slice(0, -5).replace(/^\+00/, '');
    return `${text}${fraction === '' ? '' : `.${fraction}`}Z`;
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  /** Seconds: `1.5s`. */
  toString(): string {
    return `${formatDecimal(Number(this.nanos) / 1e9)}s`;
  }
}

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n ? quotient - 1n : quotient;
}

/** @throws EvaluationError timestamp overflow */
export function checkedTimestamp(nanos: bigint): Timestamp {
  if (nanos < FIRST || nanos > LAST) fail('timestamp overflow');
  return new Timestamp(nanos);
}

/** @throws EvaluationError duration overflow */
export function checkedDuration(nanos: bigint): Duration {
  if (nanos < INT_MIN || nanos > INT_MAX) fail('duration overflow');
  return new Duration(nanos);
}

export const timestampOfSeconds = (seconds: bigint): Timestamp => checkedTimestamp(seconds * SECOND);

/** undefined when it is no RFC 3339 time. @throws EvaluationError timestamp overflow */
export function parseTimestamp(text: string): Timestamp | undefined {
  try {
    const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
    const milliseconds = parseTime(text);
    return checkedTimestamp(BigInt(Math.floor(milliseconds / 1000)) * SECOND + BigInt(fraction.padEnd(9, '0') || '0'));
  } catch (error) {
    if (error instanceof TimeError) return undefined;
    throw error;
  }
}

/** As Go writes durations: `1h30m`. undefined when it is none. */
export function parseGoDuration(text: string): Duration | undefined {
  try {
    return new Duration(parseDurationNs(text));
  } catch (error) {
    if (error instanceof DurationError) return undefined;
    throw error;
  }
}
