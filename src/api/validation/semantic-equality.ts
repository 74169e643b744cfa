// Equality as the API means it: absent and empty lists and maps are the same, and so are equal amounts written
// differently. Source: apimachinery pkg/api/equality Semantic.
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { QuantityError } from '#apimachinery/quantity-text.ts';

/** Members that hold quantities by resource name, or are one. */
const AMOUNTS: ReadonlySet<string> = new Set(['limits', 'requests', 'capacity', 'overhead', 'hard', 'allocatable']);

const isEmpty = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0);

export function semanticEqual(a: unknown, b: unknown, amounts = false): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]));
  if (isObject(a) && isObject(b)) return sameMembers(a, b, amounts);
  return amounts && typeof a === 'string' && typeof b === 'string' && sameAmount(a, b);
}

function sameMembers(a: JsonObject, b: JsonObject, amounts: boolean): boolean {
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [a[key], b[key]];
    if (!semanticEqual(left, right, amounts || AMOUNTS.has(key))) {
      // A map of amounts without members is the same as none.
      if (!(AMOUNTS.has(key) && isEmptyMap(left) && isEmptyMap(right))) return false;
    }
  }
  return true;
}

const isEmptyMap = (value: unknown): boolean => value === undefined || (isObject(value) && Object.keys(value).length === 0);

function sameAmount(a: string, b: string): boolean {
  try {
    return parseQuantity(a).cmp(parseQuantity(b)) === 0;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}
