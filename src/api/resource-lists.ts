// Arithmetic on maps from resource name to quantity, as they stand in specs: `{cpu: '500m', memory: '1Gi'}`.
import { parseQuantity } from '#apimachinery/quantity.ts';

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
  const out: Record<string, string> = { ...a };
  for (const [name, quantity] of Object.entries(b ?? {})) {
    const left = out[name];
    out[name] = (left === undefined ? parseQuantity(quantity).neg() : parseQuantity(left).sub(parseQuantity(quantity))).toString();
  }
  return out;
}

/** `a`, and of `b` the names that `a` does not have. The same object when there are none. */
export function fillResources(a: ResourceList, b: ResourceList | undefined): ResourceList {
  return combine(a, b, (x) => x);
}

/** Whether both have the same names with equal quantities, whatever their spelling. Source: quota.Equals. */
export function equalResources(a: ResourceList, b: ResourceList): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const other = b[name];
    return other !== undefined && parseQuantity(a[name] as string).cmp(parseQuantity(other)) === 0;
  });
}

function combine(a: ResourceList, b: ResourceList | undefined, both: (x: string, y: string) => string): ResourceList {
  if (b === undefined) return a;
  let out: Record<string, string> | undefined;
  for (const name in b) {
    const y = b[name] as string;
    const x = (out ?? a)[name];
    const value = x === undefined ? y : both(x, y);
    if (value === x) continue;
    out ??= { ...a };
    out[name] = value;
  }
  return out ?? a;
}
