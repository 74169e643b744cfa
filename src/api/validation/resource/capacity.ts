// How much of a shared device one request may take. Source: validateRequestPolicy.
import type { CapacityRequestPolicy, CapacityRequestPolicyRange } from '../../gen/resource-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import type { Quantity } from '#apimachinery/quantity.ts';
import { quantity, type Problems } from '../problems.ts';
import { validateSet } from './names.ts';

const MAX_VALUES = 10;

/** @param capacity all there is, as stored */
export function validateRequestPolicy(out: Problems, at: Path, policy: CapacityRequestPolicy, capacity: string): void {
  const { default: given, validValues = [], validRange } = policy;
  if (validValues.length > 0 && validRange !== undefined) {
    const detail = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return out.forbidden(at, detail);
  }
  const member = validValues.length > 0 ? 'validValues' : 'validRange';
  if (validValues.length === 0 && validRange === undefined) return;
  if (given === undefined || given === null) return out.required(at.child('default'), `required when ${member} is defined`);
  const amounts = { usual: quantity(given), capacity: quantity(capacity) };
  if (validRange === undefined) validateValues(out, at.child('validValues'), validValues.map(quantity), amounts);
  else validateRange(out, at.child('validRange'), validRange, amounts);
}

interface Amounts {
  /** What a request takes that does not say. */
  readonly usual: Quantity;
  readonly capacity: Quantity;
}

function validateValues(out: Problems, at: Path, values: readonly Quantity[], { usual, capacity }: Amounts): void {
  values.forEach((value, i) => {
    if (i > 0 && (values[i - 1] as Quantity).cmp(value) > 0)
      out.invalid(at.index(i), value.toString(), 'values must be sorted in ascending order');
  });
  validateSet(out, at, values, {
    max: MAX_VALUES,
    item: (value, path) => {
      if (value.cmp(capacity) > 0) out.invalid(path, value.toString(), `option is larger than capacity value: ${capacity.toString()}`);
    },
    key: (value) => String(value.value()),
  });
  if (!values.some((value) => value.cmp(usual) === 0))
    out.invalid(at, usual.toString(), 'default value is not valid according to the requestPolicy');
}

function validateRange(out: Problems, at: Path, range: Partial<CapacityRequestPolicyRange>, { usual, capacity }: Amounts): void {
  if (range.min === undefined) return out.required(at.child('min'), 'required when validRange is defined');
  const min = quantity(range.min);
  if (min.cmp(capacity) > 0) out.invalid(at.child('min'), min.toString(), `min is larger than capacity value: ${capacity.toString()}`);
  if (usual.cmp(min) < 0) out.invalid(at.child('min'), usual.toString(), `default is less than min: ${min.toString()}`);
  const max = range.max === undefined ? undefined : quantity(range.max);
  if (max !== undefined) {
    if (min.cmp(max) > 0) out.invalid(at.child('max'), min.toString(), `min is larger than max: ${max.toString()}`);
    if (max.cmp(capacity) > 0) out.invalid(at.child('max'), max.toString(), `max is larger than capacity value: ${capacity.toString()}`);
    if (usual.cmp(max) > 0) out.invalid(at.child('max'), usual.toString(), `default is more than max: ${max.toString()}`);
  }
  if (range.step === undefined) return;
  const step = quantity(range.step);
  const path = at.child('step');
  if (step.sign() <= 0) return out.invalid(path, step.toString(), 'must be greater than zero');
  const first = min.add(step);
  if (first.cmp(capacity) > 0)
    out.invalid(path, step.toString(), `one step ${first.toString()} is larger than capacity value: ${capacity.toString()}`);
  for (const value of max === undefined ? [usual] : [usual, max]) {
    if ((value.value() - min.value()) % step.value() !== 0)
      out.invalid(path, value.toString(), `value is not a multiple of a given step (${step.toString()}) from (${min.toString()})`);
  }
}
