// Arithmetic on maps from resource name to quantity, as they stand in specs: `{cpu: '500m', memory: '1Gi'}`.
import { parseQuantity } from '#apimachinery/quantity.ts';
import { setOwn } from './json-object.ts';

export type ResourceList = Readonly<Record<string, string>>;

/** The sum for every name in either. */
export function addResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  return combine(a, b, (x, y) => parseQuantity(x).add(parseQuantity(y)).toString());
}

/** The greater for every name in either. */
export function maxResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  return combine(a, b, (x, y) => (parseQuantity(y).cmp(parseQuantity(x)) > 0 ? y : x));
}

/** `a` minus `b` for every name in either. Source: quota.Subtract. */
export function subtractResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  const negated = Object.entries(b ?? {}).map(([name, quantity]) => [name, parseQuantity(quantity).neg().toString()] as const);
  return addResources(a, Object.fromEntries(negated));
}

/** `a`, and of `b` the names that `a` does not have. The same object when there are none. */
export function fillResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  return combine(a, b, (x) => x);
}

/** Whether both have the same names with equal quantities, whatever their spelling. Source: quota.Equals. */
export function equalResources(a: ResourceList, b: ResourceList): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && parseQuantity(a[name] as string).cmp(parseQuantity(b[name] as string)) === 0);
}

/** Names come from users before anybody has looked at them, so only own members count. */
function combine(a: ResourceList, b: ResourceList | undefined, both: (x: string, y: string) => string): ResourceList {
  if (b === undefined) return a;
  let out: Record<string, string> | undefined;
  for (const name in b) {
    const y = b[name] as string;
    const x = Object.hasOwn(a, name) ? (a[name] as string) : undefined;
    const value = x === undefined ? y : both(x, y);
    if (value === x) continue;
    out ??= { ...a };
    setOwn(out, name, value);
  }
  return out ?? a;
}
