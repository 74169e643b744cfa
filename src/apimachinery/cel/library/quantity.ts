// Resource quantities: `quantity('100Mi')`. Source: apiserver library/quantity.go.
import { parseQuantity, Quantity } from '../../quantity.ts';
import { QuantityError } from '../../quantity-text.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { BOOL, DOUBLE, INT, objectOf, STRING } from '../types.ts';
import { double, INT_MAX, INT_MIN, int, type Int } from '../values/numbers.ts';
import { OpaqueValue } from '../values/values.ts';

export const QUANTITY = objectOf('kubernetes.Quantity', {});

class QuantityValue extends OpaqueValue {
  readonly type = QUANTITY;
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: Value): boolean {
    return other instanceof QuantityValue && this.quantity.cmp(other.quantity) === 0;
  }
}

function read(text: string): Quantity | QuantityError {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) return error;
    throw error;
  }
}

/** The value that `quantity(text)` is. @throws EvaluationError */
export function toQuantity(text: string): QuantityValue {
  const quantity = read(text);
  return quantity instanceof QuantityError ? fail(quantity.message) : new QuantityValue(quantity);
}

/** Whole units, where it is a whole number of 64 bits. Source: Quantity.AsInt64. */
function wholeUnits({ quantity }: QuantityValue): Int | undefined {
  const units = quantity.bigValue();
  const whole = Quantity.of(int(units)).cmp(quantity) === 0;
  return whole && units >= INT_MIN && units <= INT_MAX ? int(units) : undefined;
}

const compare = (a: QuantityValue, b: QuantityValue): number => a.quantity.cmp(b.quantity);
const plus = (a: QuantityValue, b: Quantity): QuantityValue => new QuantityValue(a.quantity.add(b));
const minus = (a: QuantityValue, b: Quantity): QuantityValue => new QuantityValue(a.quantity.sub(b));
const whole = (value: Int): Quantity => Quantity.of(value, 'DecimalExponent');

const PAIR = [QUANTITY, QUANTITY];
const WITH_INT = [QUANTITY, INT];

export const QUANTITIES: Library = {
  types: { 'kubernetes.Quantity': QUANTITY },
  functions: {
    quantity: [overload('string_to_quantity', [STRING], QUANTITY, toQuantity)],
    isQuantity: [overload('is_quantity_string', [STRING], BOOL, (text: string) => read(text) instanceof Quantity)],
    sign: [overload('quantity_sign', [QUANTITY], INT, ({ quantity }: QuantityValue) => quantity.sign())],
    isGreaterThan: [member('quantity_is_greater_than', PAIR, BOOL, (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0)],
    isLessThan: [member('quantity_is_less_than', PAIR, BOOL, (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0)],
    compareTo: [member('quantity_compare_to', PAIR, INT, compare)],
    asApproximateFloat: [member('quantity_get_float', [QUANTITY], DOUBLE, ({ quantity }: QuantityValue) => double(quantity.asFloat()))],
    asInteger: [
      member('quantity_get_int', [QUANTITY], INT, (value: QuantityValue) => wholeUnits(value) ?? fail('cannot convert value to integer')),
    ],
    isInteger: [member('quantity_is_integer', [QUANTITY], BOOL, (value: QuantityValue) => wholeUnits(value) !== undefined)],
    add: [
      member('quantity_add', PAIR, QUANTITY, (a: QuantityValue, b: QuantityValue) => plus(a, b.quantity)),
      member('quantity_add_int', WITH_INT, QUANTITY, (a: QuantityValue, b: Int) => plus(a, whole(b))),
    ],
    sub: [
      member('quantity_sub', PAIR, QUANTITY, (a: QuantityValue, b: QuantityValue) => minus(a, b.quantity)),
      member('quantity_sub_int', WITH_INT, QUANTITY, (a: QuantityValue, b: Int) => minus(a, whole(b))),
    ],
  },
};
