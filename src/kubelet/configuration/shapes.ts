// pure
// How a field of KubeletConfiguration is read, when it counts as not given, and how `/configz` tells it.
import { formatDuration } from '#apimachinery/duration.ts';
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { invalid } from '#apimachinery/field-errors.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { QuantityError } from '#apimachinery/quantity-text.ts';

export interface Shape<T> {
  read(reader: Reader): T;
  /** Whether a value that is there stands for none: the zero of a type that is no pointer upstream. */
  isUnset(value: T): boolean;
  /** In JSON; undefined is left out. */
  show(value: T): unknown;
}

/** A shape and what the field is when it is not given. */
export type Field<T> = readonly [shape: Shape<T>, fallback: T];

const as = <T>(value: T): T => value;
const never = (): boolean => false;
const unlessZero = <T>(value: T): unknown => (value === 0 || value === '' || value === false ? undefined : value);

const isZero = (value: unknown): boolean => value === 0 || value === '' || value === false;

export const text: Shape<string> = { read: (reader) => reader.text(''), isUnset: isZero, show: unlessZero };
export const integer: Shape<number> = { read: (reader) => reader.integer(0), isUnset: isZero, show: unlessZero };
export const flag: Shape<boolean> = { read: (reader) => reader.flag(false), isUnset: isZero, show: unlessZero };
/** Milliseconds; zero stands for none, and is shown all the same. */
export const duration: Shape<number> = { read: (reader) => reader.duration(0), isUnset: isZero, show: formatDuration };

/** A pointer upstream: zero is a value like any other, and is shown. */
export const pointer = <T>(shape: Shape<T>): Shape<T> => ({ ...shape, isUnset: never, show: (value) => shape.show(value) ?? value });

/** As a pointer; undefined where nothing was given. */
export const optional = <T>(shape: Shape<T>): Shape<T | undefined> => ({
  read: (reader) => shape.read(reader),
  isUnset: never,
  show: (value) => (value === undefined ? undefined : (shape.show(value) ?? value)),
});

/** With a fraction. */
export const decimal: Shape<number> = {
  read: (reader) => (typeof reader.value === 'number' ? reader.value : reader.integer(0)),
  isUnset: never,
  show: as,
};

/** Whatever it is; its inside is not looked at. */
export const anything: Shape<unknown> = { read: (reader) => reader.value, isUnset: never, show: as };

export const list = <T>(item: (reader: Reader) => T): Shape<readonly T[]> => ({
  read: (reader) => reader.list(item),
  isUnset: never,
  show: (value) => (value.length === 0 ? undefined : value),
});

export const texts: Shape<readonly string[]> = list((reader) => reader.text(''));

export const map = <T>(member: (reader: Reader) => T, show: (value: T) => unknown = as): Shape<Readonly<Record<string, T>>> => ({
  read: (reader) => reader.members(member),
  isUnset: never,
  show: (value) => {
    const members = Object.entries(value).map(([name, each]) => [name, show(each)]);
    return members.length === 0 ? undefined : Object.fromEntries(members);
  },
});

type Values = Readonly<Record<string, unknown>>;
export type Fields = Readonly<Record<string, Field<unknown>>>;
type Shapes = Readonly<Record<string, readonly [Shape<unknown>, ...unknown[]]>>;

/** Fields of its own, each with its default, whether anything is given or not. */
export const struct = (fields: Fields): Field<Values> => {
  const shape: Shape<Values> = {
    read: (reader) => ({ ...defaultsOf(fields), ...readFields(reader.object(...Object.keys(fields)), fields) }),
    isUnset: never,
    show: (values) => showFields(values, fields),
  };
  return [shape, defaultsOf(fields)];
};

const defaultsOf = (fields: Fields): Values => Object.fromEntries(Object.entries(fields).map(([name, [, fallback]]) => [name, fallback]));

/** Those that are given. */
export function readFields(reader: Reader, fields: Shapes): Values {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, [shape]]) => {
      const field = reader.field(name);
      if (field.isAbsent) return [];
      const value = shape.read(field);
      return shape.isUnset(value) ? [] : [[name, value] as const];
    }),
  );
}

export function showFields(values: Values, fields: Shapes): Values {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, [shape]]) => {
      const shown = shape.show(values[name]);
      return shown === undefined ? [] : [[name, shown] as const];
    }),
  );
}

/** An amount such as `512Mi`. */
export function quantity(reader: Reader): string {
  const value = reader.text('');
  try {
    if (value !== '') parseQuantity(value);
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    reader.fault(invalid(reader.at, value, error.message));
  }
  return value;
}
