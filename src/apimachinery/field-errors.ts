// What is wrong with one field, and how many of them become one refusal.
// Source: apimachinery pkg/util/validation/field errors.go.
import { invalid as invalidStatus, type StatusCause, type StatusError } from './errors.ts';
import type { Path } from './field-path.ts';
import { goJson, goNumber, goQuote } from './go-format.ts';

/** The cause's reason on the wire, and the words its message starts with. Source: field.ErrorType. */
const TITLES = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTooFew: 'Too few',
  FieldValueTooShort: 'Too short',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
} as const;

export type FieldErrorType = keyof typeof TITLES;

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].image`; `<nil>` where no path was known. */
  readonly field: string;
  /** Shown for some types only; OMITTED never. */
  readonly badValue: unknown;
  /** May be empty. */
  readonly detail: string;
}

/** A bad value that the message leaves out. Source: field.OmitValueType. */
export const OMITTED: unique symbol = Symbol('omitted');

type At = Path | string;

const make = (type: FieldErrorType, at: At, badValue: unknown, detail: string): FieldError => ({
  type,
  field: at.toString(),
  badValue,
  detail,
});

export const required = (at: At, detail: string): FieldError => make('FieldValueRequired', at, '', detail);
export const invalid = (at: At, value: unknown, detail: string): FieldError => make('FieldValueInvalid', at, value, detail);
export const typeInvalid = (at: At, value: unknown, detail: string): FieldError => make('FieldValueTypeInvalid', at, value, detail);
export const notFound = (at: At, value: unknown): FieldError => make('FieldValueNotFound', at, value, '');
export const duplicate = (at: At, value: unknown): FieldError => make('FieldValueDuplicate', at, value, '');
export const forbidden = (at: At, detail: string): FieldError => make('FieldValueForbidden', at, '', detail);
export const internal = (at: At, detail: string): FieldError => make('InternalError', at, '', detail);

/** `supported` in the order to print; upstream's callers sort sets. */
export const notSupported = (at: At, value: unknown, supported: readonly string[]): FieldError =>
  make('FieldValueNotSupported', at, value, supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`);

const limit = (max: number | bigint, one: string): string => `${max} ${one}${max === 1 ? '' : 's'}`;

/** `max` in bytes. */
export const tooLong = (at: At, max: number | bigint): FieldError =>
  make('FieldValueTooLong', at, OMITTED, max < 0 ? 'value is too long' : `may not be more than ${limit(max, 'byte')}`);

/** `actual` below 0: not shown. */
export const tooMany = (at: At, actual: number, max: number | bigint): FieldError =>
  make('FieldValueTooMany', at, actual < 0 ? OMITTED : actual, max < 0 ? 'has too many items' : `must have at most ${limit(max, 'item')}`);

/** `actual` below 0: not shown. */
export const tooFew = (at: At, actual: number, min: number): FieldError =>
  make('FieldValueTooFew', at, actual < 0 ? OMITTED : actual, min < 0 ? 'has too few items' : `must have at least ${limit(min, 'item')}`);

/** Source: validation.FieldImmutableErrorMsg. */
export const IMMUTABLE = 'field is immutable';

export const immutable = (at: At, value: unknown): FieldError => invalid(at, value, IMMUTABLE);

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooShort',
  'InternalError',
]);

function rendered(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number') return goNumber(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return goJson(value);
}

/** The message without the field: `Invalid value: "x": must be …`. Source: Error.ErrorBody. */
export function errorBody({ type, badValue, detail }: FieldError): string {
  const value = WITHOUT_VALUE.has(type) || badValue === OMITTED ? '' : `: ${rendered(badValue)}`;
  return `${TITLES[type]}${value}${detail === '' ? '' : `: ${detail}`}`;
}

/** `spec.replicas: Invalid value: -1: …`. Source: Error.Error. */
export function errorText(error: FieldError): string {
  return `${error.field}: ${errorBody(error)}`;
}

/**
 * Characters of what one refusal tells. A problem may show the whole list that it was found in, and each item of the list have
 * such a problem: three mebibytes of an object would make terabytes of answer.
 */
const MAX_TOLD = 1 << 20;

/** What is told of the errors: all, unless that is too much. */
function causesOf(errors: readonly FieldError[]): readonly Required<StatusCause>[] {
  const causes: Required<StatusCause>[] = [];
  let told = 0;
  for (const error of errors) {
    if (told > MAX_TOLD) {
      const message = `${errors.length - causes.length} more problems, which are not shown`;
      return [...causes, { reason: 'InternalError', message, field: '<nil>' }];
    }
    const cause = { reason: error.type, message: errorBody(error), field: error.field };
    told += cause.message.length + cause.field.length;
    causes.push(cause);
  }
  return causes;
}

/** All of them as one line, each text once. Source: ErrorList.ToAggregate. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(causesOf(errors).map(({ field, message }) => `${field}: ${message}`))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}

/** The 422 that refuses an object for `errors`. Source: NewInvalid. */
export function toStatusError(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  return invalidStatus(kind, name, causesOf(errors));
}
