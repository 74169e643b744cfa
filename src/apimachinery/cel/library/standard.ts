// Operators, sizes, type conversions and string tests that are CEL itself. Source: cel-go common/stdlib/standard.go.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, operator, overload, type Functions, type Library, type Overload } from '../functions.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL_TYPE,
  OPTIONAL_NAME,
  opaque,
  STRING,
  TIMESTAMP,
  typeName,
  typeOf,
  typeParam,
  UINT,
  type Type,
} from '../types.ts';
import { add, divide, modulo, multiply, negate, subtract } from '../values/arithmetic.ts';
import { compare, equal } from '../values/equality.ts';
import { itemsOf, memberOf, membersOf, sizeOf, typeNameOf, typeOfValue, TypeValue, MapValue } from '../values/values.ts';
import { CONVERSIONS } from './conversions.ts';
import { matches } from './regex.ts';
import { TIME_ACCESSORS } from './times.ts';

const A = typeParam('A');
const B = typeParam('B');
const LIST = listOf(A);
const MAP = mapOf(A, B);

/** Comparisons: within each type, and across the numeric ones. */
const COMPARED: readonly (readonly [suffix: string, Type, Type])[] = [
  ['bool', BOOL, BOOL],
  ['int64', INT, INT],
  ['int64_double', INT, DOUBLE],
  ['int64_uint64', INT, UINT],
  ['uint64', UINT, UINT],
  ['uint64_double', UINT, DOUBLE],
  ['uint64_int64', UINT, INT],
  ['double', DOUBLE, DOUBLE],
  ['double_int64', DOUBLE, INT],
  ['double_uint64', DOUBLE, UINT],
  ['string', STRING, STRING],
  ['bytes', BYTES, BYTES],
  ['timestamp', TIMESTAMP, TIMESTAMP],
  ['duration', DURATION, DURATION],
];

function comparison(prefix: string, holds: (order: number) => boolean): Overload[] {
  const call = (a: Value, b: Value): boolean => holds(compare(a, b));
  return operator(call, ...COMPARED.map(([suffix, a, b]) => [`${prefix}_${suffix}`, [a, b], BOOL] as const));
}

const same = (prefix: string, suffix: string, type: Type): readonly [string, readonly Type[], Type] => [
  `${prefix}_${suffix}`,
  [type, type],
  type,
];

const size = (value: Value): Value => sizeOf(value) ?? fail(`no such overload: size(${typeNameOf(value)})`);

/** Logical operators, equality and paths are planned, never called: their overloads are for the checker. */
const planned = (): never => fail('not a function that is called');

function contains(item: Value, container: Value): boolean {
  const items = itemsOf(container);
  if (items !== undefined) return items.some((other) => equal(item, other));
  if (membersOf(container) === undefined) fail('no such overload');
  return memberOf(container, item) !== undefined && (!(container instanceof MapValue) || container.has(item));
}

const OPERATORS: Functions = {
  '_?_:_': operator(planned, ['conditional', [BOOL, A, A], A]),
  '_&&_': operator(planned, ['logical_and', [BOOL, BOOL], BOOL]),
  '_||_': operator(planned, ['logical_or', [BOOL, BOOL], BOOL]),
  '!_': operator((value: Value) => (typeof value === 'boolean' ? !value : fail('no such overload')), ['logical_not', [BOOL], BOOL]),
  '@not_strictly_false': operator(planned, ['not_strictly_false', [BOOL], BOOL]),
  '_==_': operator(planned, ['equals', [A, A], BOOL]),
  '_!=_': operator(planned, ['not_equals', [A, A], BOOL]),
  '_+_': operator(
    add,
    same('add', 'bytes', BYTES),
    same('add', 'double', DOUBLE),
    ['add_duration_duration', [DURATION, DURATION], DURATION],
    ['add_duration_timestamp', [DURATION, TIMESTAMP], TIMESTAMP],
    ['add_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP],
    same('add', 'int64', INT),
    same('add', 'list', LIST),
    same('add', 'string', STRING),
    same('add', 'uint64', UINT),
  ),
  '_-_': operator(
    subtract,
    same('subtract', 'double', DOUBLE),
    ['subtract_duration_duration', [DURATION, DURATION], DURATION],
    same('subtract', 'int64', INT),
    ['subtract_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP],
    ['subtract_timestamp_timestamp', [TIMESTAMP, TIMESTAMP], DURATION],
    same('subtract', 'uint64', UINT),
  ),
  '_*_': operator(multiply, same('multiply', 'double', DOUBLE), same('multiply', 'int64', INT), same('multiply', 'uint64', UINT)),
  '_/_': operator(divide, same('divide', 'double', DOUBLE), same('divide', 'int64', INT), same('divide', 'uint64', UINT)),
  '_%_': operator(modulo, same('modulo', 'int64', INT), same('modulo', 'uint64', UINT)),
  '-_': operator(negate, ['negate_double', [DOUBLE], DOUBLE], ['negate_int64', [INT], INT]),
  '_<_': comparison('less', (order) => order < 0),
  '_<=_': comparison('less_equals', (order) => order <= 0),
  '_>_': comparison('greater', (order) => order > 0),
  '_>=_': comparison('greater_equals', (order) => order >= 0),
  '_[_]': operator(planned, ['index_list', [LIST, INT], A], ['index_map', [MAP, A], B]),
  '@in': operator(contains, ['in_list', [A, LIST], BOOL], ['in_map', [A, MAP], BOOL]),
};

const SIZES: Functions = {
  size: [
    overload('size_bytes', [BYTES], INT, size),
    member('bytes_size', [BYTES], INT, size),
    overload('size_list', [LIST], INT, size),
    member('list_size', [LIST], INT, size),
    overload('size_map', [MAP], INT, size),
    member('map_size', [MAP], INT, size),
    overload('size_string', [STRING], INT, size),
    member('string_size', [STRING], INT, size),
  ],
};

const TESTS: Functions = {
  contains: [member('contains_string', [STRING, STRING], BOOL, (text: string, part: string) => text.includes(part))],
  endsWith: [member('ends_with_string', [STRING, STRING], BOOL, (text: string, end: string) => text.endsWith(end))],
  startsWith: [member('starts_with_string', [STRING, STRING], BOOL, (text: string, start: string) => text.startsWith(start))],
  matches: [overload('matches', [STRING, STRING], BOOL, matches), member('matches_string', [STRING, STRING], BOOL, matches)],
  type: [
    overload('type', [A], typeOf(A), (value: Value) => {
      const type = typeOfValue(value);
      return new TypeValue(type, typeName(type));
    }),
  ],
  dyn: [overload('to_dyn', [A], DYN, (value: Value) => value)],
};

/** Names of types that may be used as values. */
const TYPES: Readonly<Record<string, Type>> = {
  bool: BOOL,
  bytes: BYTES,
  double: DOUBLE,
  dyn: DYN,
  'google.protobuf.Duration': DURATION,
  'google.protobuf.Timestamp': TIMESTAMP,
  int: INT,
  list: listOf(DYN),
  map: mapOf(DYN, DYN),
  null_type: NULL_TYPE,
  optional_type: opaque(OPTIONAL_NAME, DYN),
  string: STRING,
  type: typeOf(),
  uint: UINT,
};

export const STANDARD: Library = { functions: { ...OPERATORS, ...SIZES, ...TESTS, ...CONVERSIONS, ...TIME_ACCESSORS }, types: TYPES };
