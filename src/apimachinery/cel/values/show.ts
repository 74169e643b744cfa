// Values as runtime errors print them. Source: fmt's %v of cel-go's values.
import type { Value } from '../contract.ts';
import { Double, formatDouble, Uint } from './numbers.ts';
import { itemsOf, membersOf, TypeValue } from './values.ts';

export function showValue(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : formatDouble(value);
  if (value instanceof Double) return formatDouble(value.number);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof TypeValue) return value.name;
  if (value === null) return 'null';
  const items = itemsOf(value);
  if (items !== undefined) return `[${items.map(showValue).join(', ')}]`;
  const members = membersOf(value);
  if (members === undefined) return String(value);
  return `{${Array.from(members.keys(), (key) => `${showValue(key)}: ${showValue(members.get(key) as Value)}`).join(', ')}}`;
}
