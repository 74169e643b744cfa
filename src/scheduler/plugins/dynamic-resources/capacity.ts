// pure
// Devices that several claims may have at a time, each a part of its capacity. Source:
// dynamic-resource-allocation/structured/internal/incubating consumable_capacity.go.
import { ownValue } from '#api/json-object.ts';
import type { CapacityRequirements, Device, DeviceCapacity } from '#api/gen/resource-v1.ts';
import { parseQuantity, Quantity } from '#apimachinery/quantity.ts';

/** Of one device, by the name of what it has. */
export type Capacity = ReadonlyMap<string, Quantity>;

export const isShareable = ({ allowMultipleAllocations }: Device): boolean => allowMultipleAllocations === true;

/** What a request takes of the device: as asked for, rounded up to what its policy allows. Source: GetConsumedCapacityFromRequest. */
export function consumedBy(requests: CapacityRequirements['requests'], { capacity = {} }: Device): Capacity {
  return new Map(Object.entries(capacity).map(([name, has]) => [name, amountFor(ownValue(requests, name), has)]));
}

/** Whether there is as much left beside what is `taken`, and the policy lets it be asked for. Source: CmpRequestOverCapacity. */
export function hasRoomFor(requests: CapacityRequirements['requests'], { capacity = {} }: Device, taken: Capacity | undefined): boolean {
  for (const name in requests) if (!Object.hasOwn(capacity, name)) return false;
  return Object.entries(capacity).every(([name, has]) => {
    const amount = amountFor(ownValue(requests, name), has);
    if (violatesPolicy(amount, has)) return false;
    const before = taken?.get(name);
    return (before === undefined ? amount : before.add(amount)).cmp(parseQuantity(has.value)) <= 0;
  });
}

/** Source: calculateConsumedCapacity. */
function amountFor(requested: string | undefined, { value, requestPolicy }: DeviceCapacity): Quantity {
  if (requested === undefined) return parseQuantity(requestPolicy?.default ?? value);
  const wanted = parseQuantity(requested);
  if (requestPolicy?.validRange !== undefined) return roundedUp(wanted, requestPolicy.validRange);
  const values = (requestPolicy?.validValues ?? []).map((text) => parseQuantity(text));
  return values.find((valid) => wanted.cmp(valid) <= 0) ?? wanted;
}

type Range = NonNullable<NonNullable<DeviceCapacity['requestPolicy']>['validRange']>;

/** Source: roundUpRange. */
function roundedUp(wanted: Quantity, { min, step }: Range): Quantity {
  const least = parseQuantity(min);
  if (wanted.cmp(least) < 0) return least;
  if (step === undefined) return wanted;
  const [from, by] = [least.bigValue(), parseQuantity(step).bigValue()];
  const added = wanted.bigValue() - from;
  const steps = added / by + (added % by === 0n ? 0n : 1n);
  return Quantity.of(from + by * steps, 'BinarySI');
}

function violatesPolicy(amount: Quantity, { requestPolicy }: DeviceCapacity): boolean {
  if (requestPolicy === undefined) return false;
  const { default: usual, validRange, validValues = [] } = requestPolicy;
  if (usual !== null && amount.equals(parseQuantity(usual))) return false;
  if (validRange !== undefined) {
    const { min, max, step } = validRange;
    if (max !== undefined && amount.cmp(parseQuantity(max)) > 0) return true;
    return step !== undefined && (amount.bigValue() - parseQuantity(min).bigValue()) % parseQuantity(step).bigValue() !== 0n;
  }
  return validValues.length > 0 && !validValues.some((valid) => amount.equals(parseQuantity(valid)));
}

export function sumOf(a: Capacity | undefined, b: Capacity): Capacity {
  return combined(a, b, (x, y) => x.add(y));
}

/** `undefined` when nothing is left. */
export function differenceOf(a: Capacity | undefined, b: Capacity): Capacity | undefined {
  const left = combined(a, b, (x, y) => x.sub(y));
  return [...left.values()].every((amount) => amount.isZero) ? undefined : left;
}

function combined(a: Capacity | undefined, b: Capacity, combine: (x: Quantity, y: Quantity) => Quantity): Capacity {
  const result = new Map(a);
  for (const [name, amount] of b) result.set(name, combine(result.get(name) ?? NOTHING, amount));
  return result;
}

const NOTHING = Quantity.of(0);
