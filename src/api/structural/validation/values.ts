// Types, sizes, ranges, patterns, formats and enumerations of single values.
// Source: kube-openapi type.go, values.go, validator.go, pkg/validation/errors/schema.go.
import { RE2JS, RE2JSException } from 're2js';
import { invalid, notSupported, tooLong, tooMany, typeInvalid } from '#apimachinery/field-errors.ts';
import { goFloat, goQuote } from '#apimachinery/go-format.ts';
import { deepEqual, sortedKeys } from '#apimachinery/json-value.ts';
import type { JsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { isKnownFormat, stringFormat } from './formats.ts';
import type { Run } from './run.ts';

function jsonType(value: unknown): string {
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return isWhole(value) ? 'integer' : 'number';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

const goFormat = (value: unknown): string =>
  typeof value === 'bigint' ? 'int64' : typeof value !== 'number' ? '' : isWhole(value) ? 'int64' : 'float64';

/** A format that says nothing about its type is none. Source: StripUnsupportedFormatsPostProcess. */
function formatOf({ type = '', format = '' }: Props): string {
  return format !== '' && isKnownFormat(type, format) ? format : '';
}

export function typeCheck(props: Props): (value: unknown, run: Run) => void {
  const types = props['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : props.type ? [props.type] : [];
  const format = formatOf(props);
  const nullable = props.nullable === true;
  const numeric = types.includes('number') || types.includes('integer');
  const refuse = (run: Run, expected: string, found: string): void =>
    run.add(typeInvalid(run.field, found, `${run.path} in body must be of type ${expected}: ${goQuote(found)}`));
  return (value, run) => {
    if (value === null) {
      if (types.length > 0 && !nullable) refuse(run, types.join(','), 'null');
      else run.matches++;
      return;
    }
    if (types.length === 0 && format === '') return;
    run.matches++; // it was looked at, whatever it is
    const type = jsonType(value);
    const fits =
      types.includes(type) ||
      (type === 'integer' && types.includes('number')) ||
      (type === 'number' && types.includes('integer') && isNearlyWhole(value as number));
    const texts = typeof value === 'string' || Array.isArray(value);
    if (!texts && format !== '' && !fits) return refuse(run, format, goFormat(value));
    if (!numeric && format !== '' && texts) run.matches++; // the format's own check says the rest
    else if (fits) run.matches++;
    else refuse(run, types.join(','), type);
  };
}

interface ScalarChecks {
  text(value: string, run: Run): void;
  number(value: number | bigint, run: Run): void;
  /** Of values of any type. */
  common(value: unknown, run: Run): void;
}

export function scalarChecks(props: Props): ScalarChecks {
  const text = textCheck(props);
  const number = numberCheck(props);
  const { enum: values = [] } = props;
  const shown = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return {
    text,
    number,
    common: (value, run) => {
      if (values.length > 0 && (value === null || !values.some((allowed) => isAllowed(allowed, value))))
        run.add(notSupported(run.field, sortedKeys(value), shown));
    },
  };
}

/** A fraction is cut to be compared with a whole number. Source: basicCommonValidator. */
const isAllowed = (allowed: unknown, value: unknown): boolean =>
  deepEqual(allowed, typeof value === 'number' && typeof allowed === 'number' && Number.isInteger(allowed) ? Math.trunc(value) : value);

const length = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

function textCheck(props: Props): (value: string, run: Run) => void {
  const { maxLength, minLength } = props;
  const format = formatOf(props);
  const check = format === '' ? undefined : stringFormat(format);
  const pattern = patternOf(props.pattern);
  const refusal = (value: string, run: Run): void => {
    if (maxLength !== undefined && value.length > maxLength && length(value) > maxLength) return run.add(tooLong(run.field, maxLength));
    if (minLength !== undefined && (value.length < minLength || length(value) < minLength))
      return run.add(invalid(run.field, value, `${run.path} in body should be at least ${minLength} chars long`));
    const expected = pattern?.();
    if (expected?.matches(value) === false)
      return run.add(invalid(run.field, value, `${run.path} in body should match '${expected.text}'`));
  };
  return (value, run) => {
    refusal(value, run);
    run.matches++;
    if (check === undefined) return;
    run.matches++;
    if (!check(value)) run.add(typeInvalid(run.field, value, `${run.path} in body must be of type ${format}: ${goQuote(value)}`));
  };
}

interface Pattern {
  /** As it is named when it does not match. */
  readonly text: string;
  matches(value: string): boolean;
}

/** Linear in the value's length, as Go's regular expressions are. Compiled when the first value comes. */
function patternOf(pattern: string | undefined): (() => Pattern) | undefined {
  if (pattern === undefined || pattern === '') return undefined;
  let made: Pattern | undefined;
  return () => (made ??= compilePattern(pattern));
}

function compilePattern(pattern: string): Pattern {
  try {
    const compiled = RE2JS.compile(pattern);
    return { text: pattern, matches: (value) => compiled.matcher(value).find() };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { text: `${pattern}, but pattern is invalid: ${error.message}`, matches: () => false };
  }
}

const INT32_MAX = 2 ** 31 - 1;
const INT64_MAX = 2 ** 63;

/** Held as an int64, not as a float64. */
const isWhole = (value: number | bigint): boolean => typeof value === 'bigint' || (Number.isInteger(value) && Math.abs(value) < INT64_MAX);

function outOfRange(value: number | bigint, type: string, format: string): boolean {
  if (type === 'integer' && format === 'int32') return value > INT32_MAX || value < -INT32_MAX - 1 || !isWhole(value);
  if (type === 'integer') return value >= INT64_MAX || value < -INT64_MAX || !isWhole(value);
  return format === 'float' && !Number.isFinite(Math.fround(Number(value))); // what rounds to the greatest is in range
}

type NumberCheck = (value: number | bigint, run: Run) => void;

/** What may be said of a value: nothing more if it is none of its type and format. */
function rangeCheck(type: string, format: string): (what: string, value: number | bigint, run: Run) => boolean {
  const form = format === '' ? '(default format)' : `with format ${format}`;
  return (what, value, run) => {
    if (!outOfRange(value, type, format)) return true;
    run.whole(`${what} value must be of type ${type} ${form} in ${run.path}`);
    return false;
  };
}

interface Bound {
  readonly limit: number;
  /** As it is printed: in full where it is a whole one. */
  readonly text: string;
}

/** A bound that is none of the type is told, and holds all the same; one that is, holds for whole values as a whole one. */
function numberCheck(props: Props): NumberCheck {
  const { maximum, minimum, multipleOf, exclusiveMaximum = false, exclusiveMinimum = false } = props;
  const type = props['x-kubernetes-int-or-string'] === true ? '' : (props.type ?? '');
  const inRange = rangeCheck(type, formatOf(props));
  const tell = (value: number | bigint, run: Run, what: string): void =>
    run.add(invalid(run.field, value, `${run.path} in body should be ${what}`));
  return (value, run) => {
    inRange('Checked', value, run);
    const boundOf = (what: string, limit: number): Bound => {
      const whole = inRange(what, limit, run) && isWhole(value);
      return whole ? { limit: Math.trunc(limit), text: String(Math.trunc(limit)) } : { limit, text: goFloat(limit) };
    };
    if (multipleOf !== undefined) {
      const factor = boundOf('MultipleOf', multipleOf);
      if (factor.limit <= 0) {
        run.add(invalid(run.field, factor.limit, `factor MultipleOf declared for ${run.path} must be positive: ${factor.text}`));
      } else if (!isMultiple(value, factor.limit)) tell(value, run, `a multiple of ${factor.text}`);
    }
    if (minimum !== undefined) {
      const { limit, text } = boundOf('Minimum boundary', minimum);
      if (exclusiveMinimum ? value <= limit : value < limit)
        tell(value, run, `greater than ${exclusiveMinimum ? '' : 'or equal to '}${text}`);
    }
    if (maximum !== undefined) {
      const { limit, text } = boundOf('Maximum boundary', maximum);
      if (exclusiveMaximum ? value >= limit : value > limit) tell(value, run, `less than ${exclusiveMaximum ? '' : 'or equal to '}${text}`);
    }
    run.matches += 2;
  };
}

function isMultiple(given: number | bigint, factor: number): boolean {
  if (typeof given === 'bigint' && Number.isInteger(factor)) return given % BigInt(factor) === 0n;
  const value = Number(given);
  if (isWhole(value) && Number.isInteger(factor)) return value % factor === 0;
  return isNearlyWhole(factor < 1 ? (1 / factor) * value : value / factor);
}

/**
 * What lies a little above a positive whole number passes for it; what lies below does not, nor does a negative fraction.
 * Source: go-openapi swag IsFloat64AJSONInteger.
 */
function isNearlyWhole(value: number): boolean {
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const whole = Math.trunc(value);
  return value === whole || (value >= 1 && (value - whole) / (value + whole) < NEARLY);
}

const NEARLY = 1e-9;

interface SizeChecks {
  list(value: readonly unknown[], run: Run): void;
  object(value: JsonObject, run: Run): void;
}

export function sizeChecks({ minItems, maxItems, minProperties, maxProperties }: Props): SizeChecks {
  const least = (size: number, min: number | bigint | undefined, what: string, run: Run): void => {
    if (min !== undefined && size < min) run.add(invalid(run.field, size, `${run.path} in body should have at least ${min} ${what}`));
  };
  return {
    list: ({ length: size }, run) => {
      least(size, minItems, 'items', run);
      if (maxItems !== undefined && size > maxItems) run.add(tooMany(run.field, size, maxItems));
      run.matches += 2;
    },
    object: (value, run) => {
      if (minProperties === undefined && maxProperties === undefined) return;
      const size = Object.keys(value).length;
      least(size, minProperties, 'properties', run);
      if (maxProperties !== undefined && size > maxProperties) run.add(tooMany(run.field, size, maxProperties));
    },
  };
}
