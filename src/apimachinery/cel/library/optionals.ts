// Optional values. Source: cel-go cel/library.go optionalLib.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, operator, overload, type Library } from '../functions.ts';
import { BOOL, DYN, INT, listOf, mapOf, optionalOf, STRING, typeParam } from '../types.ts';
import { approximate, isNumeric } from '../values/numbers.ts';
import { Duration, Timestamp } from '../values/times.ts';
import { itemsOf, membersOf, NONE, Optional, sizeOf } from '../values/values.ts';

const [K, V] = [typeParam('K'), typeParam('V')];
const OPTIONAL = optionalOf(V);
const LIST = listOf(V);
const MAP = mapOf(K, V);

const planned = (): never => fail('not a function that is called');

/** Source: traits.Zeroer. */
/** Go's zero time, 0001-01-01T00:00:00Z. */
const YEAR_ONE = -62_135_596_800_000_000_000n;

function isZero(value: Value): boolean {
  if (value === null || value === false) return true;
  if (isNumeric(value)) return approximate(value) === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === YEAR_ONE;
  if (value instanceof Optional) return value.value === undefined;
  return (
    sizeOf(value) === 0 &&
    (typeof value === 'string' || value instanceof Uint8Array || itemsOf(value) !== undefined || membersOf(value) !== undefined)
  );
}

function unwrap(list: Value): Value {
  return (itemsOf(list) ?? []).flatMap((item) => {
    if (!(item instanceof Optional)) return fail('value is not optional');
    return item.value === undefined ? [] : [item.value];
  });
}

const at = (list: Value, index: number): Optional => new Optional(itemsOf(list)?.at(index));

export const OPTIONALS: Library = {
  functions: {
    'optional.of': [overload('optional_of', [V], OPTIONAL, (value: Value) => new Optional(value))],
    'optional.ofNonZeroValue': [
      overload('optional_ofNonZeroValue', [V], OPTIONAL, (value: Value) => (isZero(value) ? NONE : new Optional(value))),
    ],
    'optional.none': [overload('optional_none', [], OPTIONAL, () => NONE)],
    value: [
      member('optional_value', [OPTIONAL], V, ({ value }: Optional) => (value === undefined ? fail('optional.none() dereference') : value)),
    ],
    hasValue: [member('optional_hasValue', [OPTIONAL], BOOL, ({ value }: Optional) => value !== undefined)],
    or: [member('optional_or_optional', [OPTIONAL, OPTIONAL], OPTIONAL, planned)],
    orValue: [member('optional_orValue_value', [OPTIONAL, V], V, planned)],
    '_?._': operator(planned, ['select_optional_field', [DYN, STRING], OPTIONAL]),
    '_[?_]': operator(
      planned,
      ['list_optindex_optional_int', [LIST, INT], OPTIONAL],
      ['optional_list_optindex_optional_int', [optionalOf(LIST), INT], OPTIONAL],
      ['map_optindex_optional_value', [MAP, K], OPTIONAL],
      ['optional_map_optindex_optional_value', [optionalOf(MAP), K], OPTIONAL],
    ),
    '_[_]': operator(
      planned,
      ['optional_list_index_int', [optionalOf(LIST), INT], OPTIONAL],
      ['optional_map_index_value', [optionalOf(MAP), K], OPTIONAL],
    ),
    first: [member('list_first', [LIST], OPTIONAL, (list: Value) => at(list, 0))],
    last: [member('list_last', [LIST], OPTIONAL, (list: Value) => at(list, -1))],
    'optional.unwrap': [overload('optional_unwrap', [listOf(OPTIONAL)], LIST, unwrap)],
    unwrapOpt: [member('optional_unwrapOpt', [listOf(OPTIONAL)], LIST, unwrap)],
    'cel.@mapInsert': operator(planned, ['@mapInsert_map_key_value', [MAP, K, V], MAP], ['@mapInsert_map_map', [MAP, MAP], MAP]),
  },
};
